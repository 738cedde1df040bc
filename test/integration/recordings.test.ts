// Recordings of calls in a real Mirror: sent as a PBX sends them, killed in the middle, judged by ffprobe and by the bytes.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import WebSocket from 'ws'
import type {
  RecordingLinkView,
  RecordingPageView,
  RecordingView,
  WaveformView,
} from '../../src/api/recording-contract.ts'
import { runCommand } from '../support/command-line.ts'
import { MirrorProcess } from '../support/mirror-process.ts'

const run = promisify(execFile)
const SECONDS = 7.5

let folder: string
let mirror: MirrorProcess
let file: string
let bytes: Buffer
let pbx: Server
let pbxUrl: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-calls-'))
  file = join(folder, 'call.wav')
  const tone = (hz: number) => `sine=frequency=${hz}:sample_rate=8000:duration=${SECONDS}`
  const inputs = ['-f', 'lavfi', '-i', tone(440), '-f', 'lavfi', '-i', tone(620)]
  await run('ffmpeg', ['-v', 'error', ...inputs, '-filter_complex', 'amerge=inputs=2', '-c:a', 'pcm_s16le', file])
  bytes = await readFile(file)
  pbx = createServer((request, response) => {
    if (request.url === '/hangs.wav') response.write(bytes.subarray(0, 50_000))
    else createReadStream(file).pipe(response)
  })
  await new Promise<void>((resolve) => pbx.listen(0, '127.0.0.1', resolve))
  pbxUrl = `http://127.0.0.1:${(pbx.address() as { port: number }).port}`
  mirror = await MirrorProcess.start({ env: { MIRROR_PULL_ALLOW: '127.0.0.1' } })
}, 60_000)

afterAll(async () => {
  await mirror?.[Symbol.asyncDispose]()
  pbx?.closeAllConnections()
  pbx?.close()
  await rm(folder, { recursive: true, force: true })
})

const get = (id: string) => mirror.api<RecordingView>('GET', `/recordings/${id}`)

async function ended(id: string): Promise<RecordingView> {
  await expect.poll(async () => (await get(id)).status, { timeout: 20_000 }).toMatch(/^(?:COMPLETED|FAILED)$/)
  return await get(id)
}

/** As the hangup hook of a PBX does it. */
async function curl(...args: string[]): Promise<{ status: number; body: RecordingView }> {
  const auth = ['-H', `Authorization: Bearer ${mirror.apiKey}`]
  const url = `${mirror.consoleUrl}/api/v1/recordings/upload`
  const { stdout } = await run('curl', ['-sS', '-w', '\n%{http_code}', ...auth, ...args, url])
  const at = stdout.lastIndexOf('\n')
  return { status: Number(stdout.slice(at + 1)), body: JSON.parse(stdout.slice(0, at)) as RecordingView }
}

async function storedFiles(id: string): Promise<string[]> {
  return await readdir(join(mirror.dataDir, 'store', 'hot', 'recordings', 'default', id)).catch(() => [])
}

test('a form of curl is stored, told on the WebSocket, completed, and served in any part', async () => {
  const heard: string[] = []
  const socket = new WebSocket(`${mirror.consoleUrl.replace('http', 'ws')}/api/v1/ws`, ['bearer', mirror.apiKey])
  socket.on('message', (text) => heard.push((JSON.parse(String(text)) as { type: string }).type))
  await new Promise((resolve) => socket.once('open', resolve))
  socket.send(JSON.stringify({ type: 'subscribe', data: { topics: ['recordings'] } }))
  await expect.poll(() => heard).toContain('subscribed')

  const form = ['-F', 'callId=call-1', '-F', 'legId=', '-F', 'duration=8', '-F', 'channels=2', '-F', `file=@${file}`]
  const { status, body } = await curl(...form)
  expect([status, body.status]).toEqual([201, 'STORED'])
  const done = await ended(body.id)
  const judged = JSON.parse(
    (await run('ffprobe', ['-v', 'error', '-show_format', '-show_streams', '-of', 'json', file])).stdout,
  ) as { format: { duration: string }; streams: { channels: number; sample_rate: string; codec_name: string }[] }
  expect(done).toMatchObject({
    ...{ status: 'COMPLETED', format: 'wav', issues: [], sizeBytes: bytes.byteLength },
    channels: judged.streams[0]?.channels,
    sampleRateHz: Number(judged.streams[0]?.sample_rate),
    codec: judged.streams[0]?.codec_name,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  })
  expect(Math.abs((done.durationSec ?? 0) - Number(judged.format.duration))).toBeLessThan(0.05)
  await expect
    .poll(() => heard.filter((type) => type.startsWith('recording.')))
    .toEqual([...['recording.received', 'recording.stored', 'recording.verified', 'recording.completed']])
  socket.close()
  const metrics = await (await fetch(`${mirror.consoleUrl}/metrics`)).text()
  expect(metrics).toContain('recordings_total{status="COMPLETED"} 1')

  const waveform = await mirror.api<WaveformView>('GET', `/recordings/${body.id}/waveform`)
  expect(waveform.data).toHaveLength(waveform.length * waveform.channels * 2)
  expect(Math.max(...waveform.data)).toBeGreaterThan(5)

  const { url } = await mirror.api<RecordingLinkView>('GET', `/recordings/${body.id}/url?expiresIn=60`)
  for (const [start, end] of [
    [0, 1],
    [44, 1000],
    [100_001, 200_002],
    [bytes.byteLength - 5, bytes.byteLength],
  ] as const) {
    const part = await fetch(url, { headers: { range: `bytes=${start}-${end - 1}` } })
    expect(part.status).toBe(206)
    expect(Buffer.compare(Buffer.from(await part.arrayBuffer()), bytes.subarray(start, end))).toBe(0)
  }
  const { stdout } = await run('ffprobe', ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', url])
  expect(Number(stdout)).toBeCloseTo(SECONDS, 1)
})

test('what was cut short is told by what can be heard, whatever its header says', async () => {
  const cut = join(folder, 'cut.wav')
  await writeFile(cut, bytes)
  await truncate(cut, Math.floor(bytes.byteLength / 2))
  const { body } = await curl('-F', `file=@${cut}`, '-F', 'callId=call-2', '-F', 'duration=8')
  const done = await ended(body.id)
  expect(done).toMatchObject({ status: 'COMPLETED', truncated: true })
  expect(done.durationSec).toBeCloseTo(SECONDS / 2, 1)
  expect((await mirror.waitForEvent(({ type }) => type === 'recording.mismatch')).details['recordingId']).toBe(body.id)
})

test('what a PBX hands out is pulled', async () => {
  const json = ['-H', 'Content-Type: application/json', '-d']
  const { status, body } = await curl(
    ...json,
    JSON.stringify({ callId: 'call-3', url: `${pbxUrl}/a.wav`, duration: 7 }),
  )
  expect([status, body.status]).toEqual([202, 'RECEIVED'])
  expect(await ended(body.id)).toMatchObject({
    status: 'COMPLETED',
    sizeBytes: bytes.byteLength,
    sourceUrl: `${pbxUrl}/a.wav`,
  })
})

test('killed while one comes in, another is looked at and a third is pulled: each goes on or has failed with a cause', async () => {
  const { hostname, port } = new URL(mirror.consoleUrl)
  const half = connect(Number(port), hostname)
  half.on('error', () => {})
  const head =
    '--B\r\nContent-Disposition: form-data; name="callId"\r\n\r\nhalf\r\n--B\r\nContent-Disposition: form-data; name="file"\r\n\r\n'
  half.write(
    `POST /api/v1/recordings/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${mirror.apiKey}\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: 9000000\r\n\r\n${head}`,
  )
  half.write(bytes.subarray(0, 60_000))
  const page = () => mirror.api<RecordingPageView>('GET', '/recordings?callId=half')
  await expect.poll(async () => (await page()).recordings[0]?.status).toBe('RECEIVED')
  const json = JSON.stringify({ callId: 'hangs', url: `${pbxUrl}/hangs.wav` })
  const { body: hanging } = await curl('-H', 'Content-Type: application/json', '-d', json)
  const { body: stored } = await curl('-F', 'callId=stored', '-F', `file=@${file}`)
  await mirror.kill()
  half.destroy()
  // The PBX has recovered as well.
  pbx.closeAllConnections()
  pbx.removeAllListeners('request')
  pbx.on('request', (_request, response) => createReadStream(file).pipe(response))
  await mirror.start()

  const [dead] = (await page()).recordings
  expect(dead).toMatchObject({ status: 'FAILED', failure: { code: 'upload_interrupted' } })
  expect(await storedFiles(dead?.id ?? '')).toEqual([])
  expect((await ended(stored.id)).status).toBe('COMPLETED')
  expect((await ended(hanging.id)).sha256).toBe(createHash('sha256').update(bytes).digest('hex'))
  expect((await stat(join(mirror.dataDir, 'store', 'hot', 'recordings', 'default', hanging.id, 'original'))).size).toBe(
    bytes.byteLength,
  )
})

test('the script of the FreeSWITCH example sends a call, removes its file, and leaves one that is refused', async () => {
  const headers = join(folder, 'header')
  await writeFile(headers, `Authorization: Bearer ${mirror.apiKey}\n`, { mode: 0o600 })
  const script = join(import.meta.dirname, '../../deploy/freeswitch/send-recording.sh')
  const env = { PATH: process.env['PATH'], MIRROR_URL: mirror.consoleUrl, MIRROR_HEADER_FILE: headers }
  const recorded = join(folder, 'Anruf 7,a;b.wav')
  await writeFile(recorded, bytes)
  const uuid = '9b0b0d2e-c6a7-11f0-b2c5-2f1f6a1d7c3a'
  const { stdout } = await run(script, [uuid, recorded, '8', '2'], { env })
  const sent = JSON.parse(stdout) as RecordingView
  expect(await ended(sent.id)).toMatchObject({
    callId: uuid,
    status: 'COMPLETED',
    issues: [],
    fileName: 'Anruf 7,a;b.wav',
  })
  await expect(stat(recorded)).rejects.toMatchObject({ code: 'ENOENT' })

  await writeFile(recorded, '')
  const refused = run(script, [uuid, recorded, ''], { env })
  await expect(refused).rejects.toMatchObject({ code: 22, stdout: expect.stringContaining('upload_empty') })
  expect((await stat(recorded)).size).toBe(0)
})

test('the command sends, lists, shows, links, looks again and deletes', async () => {
  const env = { MIRROR_URL: mirror.consoleUrl, MIRROR_API_KEY: mirror.apiKey }
  const command = async (...args: string[]) => {
    const { code, stdout, stderr } = await runCommand(['recordings', ...args], { env })
    expect([code, stderr]).toEqual([0, ''])
    return stdout
  }
  const sent = JSON.parse(
    await command('upload', file, '--call', 'cli-1', '--duration', '60', '--metadata', '{"agent":"7"}', '--json'),
  ) as RecordingView
  await ended(sent.id)
  expect(await command('list', '--call', 'cli-1')).toMatch(/cli-1 +COMPLETED .* 0 h 0 min 8 s .*TRUNCATED/)
  const shown = await command('show', sent.id)
  expect(shown).toContain('wav, pcm_s16le, 2 ch, 8000 Hz')
  expect(shown).toMatch(/truncated +The call lasted 60 s/)
  const url = (await command('url', sent.id, '--expires-in', '30')).trim()
  expect((await (await fetch(url)).arrayBuffer()).byteLength).toBe(bytes.byteLength)
  expect(await command('backfill', sent.id)).toContain('looked at again')
  expect((await ended(sent.id)).status).toBe('COMPLETED')
  expect(await command('backfill', '--limit', '5')).toBe('0 recordings are looked at again.\n')
  await command('delete', sent.id)
  await expect.poll(() => storedFiles(sent.id)).toEqual([])
  expect((await fetch(url)).status).toBe(410)
})

test('the command shows and changes how long recordings are kept, and what is there follows', async () => {
  const env = { MIRROR_URL: mirror.consoleUrl, MIRROR_API_KEY: mirror.apiKey }
  const policy = async (...args: string[]) => {
    const { code, stdout, stderr } = await runCommand(['recordings', 'policy', ...args], { env })
    return { code, stdout, stderr }
  }
  expect((await policy('show')).stdout).toMatch(
    /from +the configuration of the server\n.*\n.*\ndeleted after +365 days/,
  )
  const { id } = (await curl('-F', 'callId=kept', '-F', `file=@${file}`)).body
  await ended(id)
  const set = await policy('set', '--retention', '120', '--apply-to-existing')
  expect([set.code, set.stdout]).toEqual([0, expect.stringMatching(/deleted after +120 days/)])
  expect(set.stdout).toMatch(/Of \d+ recordings \d+ go sooner and 0 later than before\.\n$/)
  const { createdAt, scheduledDeletionAt, policyId } = await ended(id)
  expect((Date.parse(scheduledDeletionAt ?? '') - Date.parse(createdAt)) / 86_400_000).toBe(120)
  expect(policyId).not.toBeNull()
  const refused = await policy('set', '--retention', '60')
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('warmToColdDays')])
  expect((await policy('set', '--hot-to-warm', 'soon')).stderr).toContain('is no number of days')
  expect((await policy('set', '--off')).stdout).toMatch(/carried out +no: it is switched off/)
  const reset = await policy('reset')
  expect(reset.stdout).toMatch(/deleted after +365 days/)
  expect(reset.stdout).toContain('Recordings that are there go when they were to go.')
})
