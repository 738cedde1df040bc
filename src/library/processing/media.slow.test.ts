import { execFile, spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { silentLog } from '../../core/log.ts'
import { measureSound } from './measure-sound.ts'
import type { MediaFacts } from './media-facts.ts'
import type { MediaInput } from './media-input.ts'
import { ffprobePathOf, PROBE_LIMITS, type ProbeLimits, probeMedia } from './probe-media.ts'

const run = promisify(execFile)
const { signal } = new AbortController()
const host = { spawn, log: silentLog, ffmpegPath: 'ffmpeg', ffprobePath: 'ffprobe' }
const failing = (code: string) => expect.objectContaining({ code })
let folder = ''
let server: Server
let asked = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-media-'))
  server = createServer((_request, response) => {
    asked++
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  server.close()
  await rm(folder, { recursive: true, force: true })
})

const TONE = ['-f', 'lavfi', '-i', 'sine=f=440:r=8000:d=2']
const BARS = ['-f', 'lavfi', '-i', 'testsrc=s=64x48:d=1:r=25']
const fileOf = (name: string): MediaInput & { readonly kind: 'file' } => ({ kind: 'file', path: join(folder, name) })

async function made(name: string, args: readonly string[]): Promise<MediaInput & { readonly kind: 'file' }> {
  const file = fileOf(name)
  await run('ffmpeg', ['-nostdin', '-loglevel', 'error', '-y', ...args, file.path])
  return file
}

async function written(name: string, content: string | Uint8Array): Promise<MediaInput & { readonly kind: 'file' }> {
  const file = fileOf(name)
  await writeFile(file.path, content)
  return file
}

const probe = (input: MediaInput, limits: Partial<ProbeLimits> = {}): Promise<MediaFacts> =>
  probeMedia(input, { ...host, limits: { ...PROBE_LIMITS, ...limits } }, signal)
const measure = (input: MediaInput, channels = 1) => measureSound(input, { index: 0, channels }, host, signal)

test('a call is what its WAV says, from a file and from a pipe', async () => {
  const file = await made('call: one.wav', [...TONE, '-ac', '2'])
  const expected = {
    durationSec: 2,
    streams: [{ kind: 'audio', codec: 'pcm_s16le', channels: 2, sampleRateHz: 8_000, bitsPerSample: 16 }],
  }
  expect(await probe(file)).toMatchObject(expected)
  expect(await probe({ kind: 'pipe', chunks: createReadStream(file.path) })).toMatchObject({
    streams: expected.streams,
  })
})

test('a video is what its streams say', async () => {
  const plain = await made('plain.mp4', [
    ...[...BARS, ...TONE, '-map', '0:v', '-map', '1:a', '-pix_fmt', 'yuv420p', '-shortest'],
    ...['-metadata:s:a:0', 'language=deu', '-metadata', 'title=Bars'],
  ])
  const facts = await probe(plain)
  expect(facts).toMatchObject({ container: 'mov,mp4,m4a,3gp,3g2,mj2', tags: { title: 'Bars' } })
  expect(facts.streams).toMatchObject([
    { kind: 'video', codec: 'h264', width: 64, height: 48, frameRate: 25, rotationDeg: 0, isCover: false },
    { kind: 'audio', codec: 'aac', language: 'deu' },
  ])
})

test('a video that has to be turned is turned as ffmpeg turns it', async () => {
  // White on the left, black on the right.
  const halves = ['-f', 'lavfi', '-i', 'color=white:s=32x48:d=0.2,pad=64:48:0:0:black']
  const upright = await made('halves.mp4', [...halves, '-pix_fmt', 'yuv420p'])
  const found: unknown[] = []
  for (const rotate of ['90', '270']) {
    const turned = await made(`turned${rotate}.mp4`, [
      '-i',
      upright.path,
      '-c',
      'copy',
      '-metadata:s:v:0',
      `rotate=${rotate}`,
    ])
    const shown = ['-v', 'error', '-i', turned.path, '-frames:v', '1', '-pix_fmt', 'gray', '-f', 'rawvideo', '-']
    const { stdout } = await run('ffmpeg', shown, { encoding: 'buffer' })
    // Turned clockwise what was left is above.
    const isClockwise = (stdout[0] ?? 0) > 128
    expect((await probe(turned)).streams[0]).toHaveProperty('rotationDeg', isClockwise ? 90 : 270)
    found.push(isClockwise)
  }
  expect(found.toSorted()).toEqual([false, true])
})

test('a waveform has the level of each channel where it is, and the loudness of the whole', async () => {
  // Left: silent for a second, then full. Right: half as loud throughout.
  const sources = ['-f', 'lavfi', '-i', "aevalsrc='if(lt(t,1),0,sin(880*PI*t))|0.5*sin(880*PI*t)':s=16000:d=2"]
  const file = await made('stereo.flac', sources)
  const { peaks, loudness, durationSec } = await measure(file, 2)
  expect(durationSec).toBeCloseTo(2, 1)
  expect(peaks).toMatchObject({ channels: 2, sampleRateHz: 8_000 })
  const highest = (channel: number, fromSec: number, toSec: number): number => {
    const perSec = peaks.sampleRateHz / peaks.samplesPerPeak
    const values: number[] = []
    for (let at = Math.ceil(fromSec * perSec); at < Math.floor(toSec * perSec); at++) {
      values.push(peaks.data[(at * 2 + channel) * 2 + 1] ?? Number.NaN)
    }
    return Math.max(...values)
  }
  expect(highest(0, 0, 0.9)).toBeLessThanOrEqual(1)
  expect(highest(0, 1.1, 1.9)).toBeGreaterThan(120)
  expect(highest(1, 0, 1.9)).toBeGreaterThan(60)
  expect(highest(1, 0, 1.9)).toBeLessThan(68)
  expect(loudness?.integratedLufs).toBeGreaterThan(-12)
  expect(loudness?.integratedLufs).toBeLessThan(0)
  expect(loudness?.peakDbfs).toBeCloseTo(0, 0)
})

test('silence has a waveform and no loudness', async () => {
  const { peaks, loudness } = await measure(await made('silence.wav', ['-f', 'lavfi', '-i', 'anullsrc=r=8000:d=1']))
  expect(peaks.data.every((value) => value === 0)).toBe(true)
  expect(loudness).toBeNull()
})

test('a file that breaks off is measured to there, one whose index is missing is damaged', async () => {
  const whole = await readFile((await made('cut.wav', TONE)).path)
  const { durationSec } = await measure(await written('cut.wav', whole.subarray(0, whole.length / 2)))
  expect(durationSec).toBeCloseTo(1, 1)
  const video = await readFile((await made('cut.mp4', [...BARS, '-pix_fmt', 'yuv420p'])).path)
  const cut = await written('cut.mp4', video.subarray(0, video.length / 2))
  await expect(probe(cut)).rejects.toThrow(
    expect.objectContaining({ code: 'content_damaged', message: 'mp4: moov atom not found' }),
  )
})

test('an empty file is damaged, noise and text are nothing we know', async () => {
  await expect(probe(await written('empty.mp4', ''))).rejects.toThrow(failing('content_damaged'))
  await expect(probe({ kind: 'pipe', chunks: (async function* () {})() })).rejects.toThrow(
    failing('content_unsupported'),
  )
  const noise = Buffer.alloc(100_000)
  for (let at = 0, state = 1; at < noise.length; at++) {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    noise[at] = state >> 16
  }
  await expect(probe(await written('noise.mp4', noise))).rejects.toThrow(failing('content_unsupported'))
  await expect(measure(await written('noise.wav', noise))).rejects.toThrow(failing('content_unsupported'))
  await expect(probe(await written('text.wav', 'just words\n'.repeat(1_000)))).rejects.toThrow(
    failing('content_unsupported'),
  )
})

test('an MP4 with a thousand tracks is refused before they are read', async () => {
  const small = await readFile((await made('small.mp4', [...TONE, '-c:a', 'aac'])).path)
  const many = await written('many.mp4', withTracks(small, 1_000))
  await expect(probe(many)).rejects.toThrow(
    expect.objectContaining({ code: 'content_too_large', message: 'It has more than 100 streams' }),
  )
  expect((await probe(await written('three.mp4', withTracks(small, 3)))).streams).toHaveLength(3)
})

test('what lasts too long or has too many pixels is refused', async () => {
  await expect(probe(await made('long.wav', TONE), { maxDurationSec: 1 })).rejects.toThrow(failing('content_too_large'))
  const wide = await made('wide.mp4', [...BARS, '-pix_fmt', 'yuv420p'])
  await expect(probe(wide, { maxSide: 63 })).rejects.toThrow(failing('content_too_large'))
  await expect(probe(wide, { maxPixels: 64 * 48 - 1 })).rejects.toThrow(failing('content_too_large'))
})

test('a playlist dressed as media reads no other file and no network', async () => {
  const secret = await made('secret.ts', [...BARS, '-c:v', 'mpeg2video'])
  const { port } = server.address() as AddressInfo
  const address = `http://127.0.0.1:${port}/secret.ts`
  const playlist = (uri: string) => `#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\n${uri}\n#EXT-X-ENDLIST\n`
  const disguised = await written('playlist.mp4', playlist(secret.path))
  // Without our options ffprobe does read it: what is refused below is no playlist that would have failed anyway.
  const { stdout } = await run('ffprobe', ['-v', 'error', '-show_streams', '-f', 'hls', disguised.path])
  expect(stdout).toContain('mpeg2video')
  const sources = [
    disguised,
    await written('network.mp4', playlist(address)),
    await written('concat.mp4', `ffconcat version 1.0\nfile ${secret.path}\n`),
    await written(
      'session.wav',
      'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n',
    ),
    await written('dash.mp4', `<?xml version="1.0"?><MPD><BaseURL>${address}</BaseURL></MPD>`),
  ]
  for (const source of sources) {
    await expect(probe(source), source.path).rejects.toThrow(failing('content_unsupported'))
    await expect(measure(source), source.path).rejects.toThrow(failing('content_unsupported'))
  }
  expect(asked).toBe(0)
})

test('a path that looks like an address of another protocol is a file', async () => {
  const input: MediaInput = { kind: 'file', path: 'concat:/etc/passwd' }
  await expect(probe(input)).rejects.toMatchObject({ code: 'ENOENT' })
  await expect(measure(input)).rejects.toMatchObject({ code: 'ENOENT' })
})

test('ffprobe lies beside the ffmpeg that was configured', () => {
  expect(['ffmpeg', '/opt/ff/ffmpeg', '/opt/ffmpeg-7/ffmpeg-7'].map(ffprobePathOf)).toEqual([
    'ffprobe',
    '/opt/ff/ffprobe',
    '/opt/ffmpeg-7/ffprobe-7',
  ])
})

/** `mp4` with its one `trak` many times over; its `moov` stands last, so that no offset changes. */
function withTracks(mp4: Buffer, count: number): Buffer {
  const moov = boxes(mp4).find(({ name }) => name === 'moov')
  if (moov === undefined) throw new Error('no moov')
  const inside = boxes(mp4.subarray(moov.at + 8, moov.end)).map(({ name, at, end }) => ({
    name,
    bytes: mp4.subarray(moov.at + 8 + at, moov.at + 8 + end),
  }))
  const content = inside.flatMap(({ name, bytes }) =>
    name === 'trak' ? new Array<Buffer>(count).fill(bytes) : [bytes],
  )
  const size = content.reduce((sum, { length }) => sum + length, 8)
  const head = Buffer.from('\0\0\0\0moov', 'latin1')
  head.writeUInt32BE(size)
  return Buffer.concat([mp4.subarray(0, moov.at), head, ...content])
}

function boxes(bytes: Buffer): { readonly name: string; readonly at: number; readonly end: number }[] {
  const found: { name: string; at: number; end: number }[] = []
  for (let at = 0; at + 8 <= bytes.length; ) {
    const end = at + bytes.readUInt32BE(at)
    found.push({ name: bytes.toString('latin1', at + 4, at + 8), at, end })
    at = end
  }
  return found
}
