import { execFile } from 'node:child_process'
import { readFile, truncate, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { judge, MediaBench, type Processed } from './media-steps.test-support.ts'

const run = promisify(execFile)
let bench: MediaBench

beforeAll(async () => {
  bench = await MediaBench.open()
})
afterAll(() => bench?.[Symbol.asyncDispose]())

const bars = (size: string, sec = 2, rate = '10') => ['-f', 'lavfi', '-i', `testsrc=s=${size}:d=${sec}:r=${rate}`]
const TONE = ['-f', 'lavfi', '-i', 'sine=f=440:r=48000:d=2']
const FAST = ['-preset', 'ultrafast', '-pix_fmt', 'yuv420p']
const rendition = ({ renditions }: Processed, name: string) => renditions.find((row) => row.name === name)
const names = ({ renditions }: Processed) => renditions.map(({ name }) => name)

/** Times of all pictures, and of the keyframes. */
async function pictures(path: string): Promise<{ readonly all: readonly number[]; readonly keys: readonly number[] }> {
  const asked = [
    '-v',
    'error',
    '-select_streams',
    'v',
    '-show_entries',
    'packet=pts_time,flags',
    '-of',
    'csv=p=0',
    path,
  ]
  const rows = (await run('ffprobe', asked)).stdout.trim().split('\n')
  const all = rows.map((row) => [Number(row.split(',')[0]), row.split(',')[1]?.startsWith('K') === true] as const)
  const sorted = all.toSorted((a, b) => a[0] - b[0])
  return { all: sorted.map(([at]) => at), keys: sorted.filter(([, isKey]) => isKey).map(([at]) => at) }
}

test('a video comes in two sizes with keyframes at the same places, a poster and a storyboard', async () => {
  const source = await bench.made('wide.mkv', [...bars('960x720', 4.5), ...TONE, ...FAST, '-c:a', 'flac'])
  const done = await bench.process(source)
  expect(done.facts).toMatchObject({ width: 960, height: 720, video: { codec: 'h264' }, audio: { codec: 'flac' } })
  expect(done.facts['durationSec']).toBeCloseTo(4.5, 2)
  expect(names(done).slice(0, 5)).toEqual(['mp4-720p', 'mp4-480p', 'poster', 'storyboard-image', 'storyboard'])
  const keys: (readonly number[])[] = []
  for (const [name, width, height] of [
    ['mp4-720p', 960, 720],
    ['mp4-480p', 640, 480],
  ] as const) {
    const path = await bench.file(rendition(done, name))
    const { streams, format } = await judge(path)
    expect(streams).toMatchObject([
      {
        codec_name: 'h264',
        profile: 'High',
        width,
        height,
        pix_fmt: 'yuv420p',
        r_frame_rate: '10/1',
        sample_aspect_ratio: '1:1',
      },
      { codec_name: 'aac', channels: 2 },
    ])
    expect(Number(format.duration)).toBeCloseTo(4.5, 1)
    const bytes = await readFile(path)
    expect(bytes.indexOf('moov', 0, 'latin1')).toBeLessThan(bytes.indexOf('mdat', 0, 'latin1'))
    keys.push((await pictures(path)).keys)
  }
  expect(keys).toEqual([
    [0, 2, 4],
    [0, 2, 4],
  ])
  const poster = await sharp(await bench.file(rendition(done, 'poster'))).metadata()
  expect([poster.format, poster.width, poster.height]).toEqual(['jpeg', 960, 720])
  const board = await sharp(await bench.file(rendition(done, 'storyboard-image'))).metadata()
  expect([board.width, board.height]).toEqual([480, 120])
  const text = await readFile(await bench.file(rendition(done, 'storyboard')), 'utf8')
  expect(text.match(/#xywh=.*/g)).toEqual(['#xywh=0,0,160,120', '#xywh=160,0,160,120', '#xywh=320,0,160,120'])
  expect(done.percents['mp4']?.at(-1)).toBeGreaterThan(80)
  expect(await bench.scratch()).toEqual([])
})

test('a small, odd, turned video without sound stays as large as it is, upright', async () => {
  const plain = await bench.made('odd.mkv', [...bars('321x181', 1), '-c:v', 'ffv1'])
  const small = await bench.process(plain)
  expect(names(small).slice(0, 2)).toEqual(['mp4-180p', 'poster'])
  const odd = await judge(await bench.file(rendition(small, 'mp4-180p')))
  expect(odd.streams).toMatchObject([{ codec_name: 'h264', width: 320, height: 180 }])
  const flat = await bench.made('flat.mp4', [...bars('128x72', 1), ...FAST])
  const turned = await bench.made('turned.mp4', ['-i', flat, '-c', 'copy', '-metadata:s:v:0', 'rotate=90'])
  const upright = await bench.process(turned)
  expect(upright.facts).toMatchObject({ width: 72, height: 128 })
  expect(rendition(upright, 'mp4-72p')).toMatchObject({ width: 72, height: 128 })
  const shown = await judge(await bench.file(rendition(upright, 'mp4-72p')))
  expect(shown.streams[0]).toMatchObject({ width: 72, height: 128 })
  expect(shown.streams[0]?.['side_data_list']).toBeUndefined()
})

test('nothing is made for which there is no room beside what stays free', async () => {
  await using small = await MediaBench.open()
  const source = await small.made('tiny.mkv', [...bars('640x480', 2), ...FAST])
  // The rates of 480 lines allow 337,434 bytes for two seconds, and they lie in the store, too.
  small.disk = { freeBytes: async () => 1_674_000, keepFreeBytes: 1_000_000, copies: 2 }
  await expect(small.process(source)).rejects.toMatchObject({
    code: 'scratch_full',
    message: expect.stringMatching(/^The disk is full \(67\d{4} bytes are /),
  })
  small.disk = { ...small.disk, freeBytes: async () => 1_676_000 }
  const made = await small.process(source)
  expect(names(made)).toContain('hls')
  const sizeBytes = rendition(made, 'mp4-480p')?.sizeBytes ?? 0
  small.disk = { ...small.disk, freeBytes: async () => 1_000_000 + 2 * sizeBytes - 1 }
  const again = small.process(source, 'hls', made)
  await expect(again).rejects.toThrow(`${2 * sizeBytes} bytes are needed in`)
})

test('changing frame rates become constant, and colours beyond the screen become colours', async () => {
  const uneven = ['-vf', "select='not(eq(mod(n,5),3))'", '-fps_mode', 'vfr']
  const vfr = await bench.process(await bench.made('vfr.mkv', [...bars('160x120', 2, '30'), ...uneven, ...FAST]))
  const { all } = await pictures(await bench.file(vfr.renditions[0]))
  const steps = all.slice(1).map((at, index) => Math.round((at - (all[index] ?? 0)) * 1000))
  expect(Math.max(...steps) - Math.min(...steps)).toBeLessThanOrEqual(1)
  const pq = [
    '-vf',
    'format=yuv420p10le',
    '-color_trc',
    'smpte2084',
    '-color_primaries',
    'bt2020',
    '-colorspace',
    'bt2020nc',
  ]
  const source = await bench.made('hdr.mkv', [
    ...bars('160x120', 1),
    ...pq,
    '-c:v',
    'libx265',
    '-preset',
    'ultrafast',
    '-x265-params',
    'log-level=none',
  ])
  const hdr = await bench.process(source)
  expect(hdr.facts).toMatchObject({ video: { transfer: 'smpte2084', pixelFormat: 'yuv420p10le' } })
  expect((await judge(await bench.file(hdr.renditions[0]))).streams[0]).toMatchObject({ pix_fmt: 'yuv420p' })
  // One that was built without zimg, and the ffprobe beside it.
  const own = async (name: string, script: string) => {
    await writeFile(`${bench.folder}/${name}`, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  }
  await own('ffprobe-poor', 'exec ffprobe "$@"')
  const refusal = `echo "[AVFilterGraph @ 0x1] No such filter: 'zscale'" >&2; exit 1`
  await own('ffmpeg-poor', `case "$*" in *zscale*) ${refusal};; esac; exec ffmpeg "$@"`)
  bench.ffmpegPath = `${bench.folder}/ffmpeg-poor`
  const pale = await bench.process(source)
  bench.ffmpegPath = 'ffmpeg'
  expect((await judge(await bench.file(pale.renditions[0]))).streams[0]).toMatchObject({ pix_fmt: 'yuv420p' })
})

test('colours beyond the screen are mapped although the file says only half of what they are', async () => {
  const tenBits = ['-vf', 'format=yuv420p10le', '-c:v', 'libx265', '-preset', 'ultrafast']
  for (const [index, said] of [
    ['-color_trc', 'smpte2084'],
    ['-color_trc', 'smpte2084', '-color_primaries', 'bt2020'],
    ['-color_trc', 'arib-std-b67', '-colorspace', 'bt2020nc'],
  ].entries()) {
    const args = [...bars('160x120', 0.3), ...tenBits, '-x265-params', 'log-level=none', ...said]
    const hdr = await bench.process(await bench.made(`half-${index}.mkv`, args))
    expect(hdr.facts).toMatchObject({ video: { transfer: said[1] } })
    const { streams } = await judge(await bench.file(hdr.renditions[0]))
    expect(streams[0]).toMatchObject({ pix_fmt: 'yuv420p', color_transfer: 'bt709', color_space: 'bt709' })
  }
})

test('sound in a container of videos is made playable as sound', async () => {
  const done = await bench.process(await bench.made('voice.mp4', [...TONE, '-c:a', 'aac']))
  expect(done.asset.kind).toBe('video')
  expect(names(done).slice(0, 1)).toEqual(['m4a'])
})

test('every track of sound is in the best file, with its language, and what is heard first in the smaller ones', async () => {
  const sources = [...bars('640x480', 0.5), ...TONE, ...TONE]
  const maps = [
    '-map',
    '0',
    '-map',
    '1',
    '-map',
    '2',
    '-metadata:s:a:0',
    'language=deu',
    '-metadata:s:a:1',
    'language=eng',
  ]
  const source = await bench.made('two.mkv', [
    ...sources,
    ...maps,
    '-disposition:a:0',
    '0',
    '-disposition:a:1',
    'default',
    ...FAST,
    '-t',
    '1',
  ])
  const done = await bench.process(source)
  const { streams } = await judge(await bench.file(rendition(done, 'mp4-480p')))
  const tags = streams.slice(1).map((stream) => (stream['tags'] as unknown as { language: string }).language)
  expect(tags).toEqual(['eng', 'deu'])
})

test('a track of sound for which there is no decoder is left, and the facts say so', async () => {
  const sounds = ['-map', '0', '-map', '1', '-map', '2', '-c:a:0', 'aac', '-c:a:1', 'ac3']
  const path = await bench.made('immersive.mp4', [...bars('64x48', 1), ...TONE, ...TONE, ...sounds, ...FAST])
  // MPEG-H 3D Audio, as cameras write it beside AAC: ffmpeg knows it by name.
  const bytes = (await readFile(path)).toString('latin1').replace('ac-3', 'mhm1')
  await writeFile(path, Buffer.from(bytes, 'latin1'))
  const done = await bench.process(path)
  expect(done.facts).toMatchObject({
    audio: { codec: 'aac' },
    streams: [
      { codec: 'h264', isDecodable: true },
      { codec: 'aac', isDecodable: true },
      { codec: 'mpegh_3d_audio', isDecodable: false },
    ],
  })
  const { streams } = await judge(await bench.file(rendition(done, 'mp4-48p')))
  expect(streams.map((stream) => stream['codec_name'])).toEqual(['h264', 'aac'])
})

test('a file with a thousand tracks, a huge picture, a false length or a missing end is refused by its step and cause', async () => {
  const many = Array.from({ length: 60 }, () => ['-map', '0:a']).flat()
  const tracks = await bench.made('many.mp4', ['-f', 'lavfi', '-i', 'sine=r=8000:d=0.1', ...many, '-c:a', 'aac'])
  await expect(bench.process(tracks)).rejects.toMatchObject({
    code: 'content_too_large',
    message: 'It has more than 50 streams',
  })
  const huge = await bench.made('huge.mkv', [...bars('8448x16', 0.04), '-c:v', 'ffv1'])
  await expect(bench.process(huge)).rejects.toMatchObject({ code: 'content_too_large', message: /8448×16/ })
  const cut = await bench.made('cut.mp4', [...bars('160x120', 4, '25'), ...FAST, '-g', '5', '-movflags', '+faststart'])
  await truncate(cut, 40_000)
  await expect(bench.process(cut)).rejects.toMatchObject({
    code: 'content_damaged',
    message: /says that it lasts 4.0 s/,
  })
  const headless = await bench.made('headless.mp4', [...bars('160x120', 1), ...FAST])
  await truncate(headless, 2000)
  await expect(bench.process(headless)).rejects.toMatchObject({ code: 'content_damaged' })
})
