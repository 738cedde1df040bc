// The catalog of a real Mirror is lost, and comes back: from a backup with everything, from the recordings alone with them.
import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import type { DvrView } from '../../src/api/dvr-contract.ts'
import type { StreamView } from '../../src/api/stream-contract.ts'
import type { SystemView } from '../../src/api/system-contract.ts'
import { Encoder, pictureArgs } from '../support/encoder.ts'
import { MirrorProcess } from '../support/mirror-process.ts'

const run = promisify(execFile)
const LOGIN = { name: 'Ada', password: 'correct horse battery' }

test('a lost catalog comes back from its backup, and without one from the recordings', {
  timeout: 180_000,
}, async () => {
  await using mirror = await MirrorProcess.start({ env: { MIRROR_DVR_FLUSH: '3s' } })
  const stream = await mirror.api<StreamView>('POST', '/streams', {
    id: 'tape',
    settings: { segment: '1s', part: '200ms', window: '10s' },
    dvr: { enabled: true, rewind: '1h', retention: '2h' },
  })
  await setFirstPassword(mirror)
  {
    await using _encoder = publish(stream)
    await expect.poll(async () => (await recordings(mirror)).durationSec, { timeout: 60_000 }).toBeGreaterThan(7)
  }
  const before = await recordings(mirror)
  const startMs = Date.parse(before.ranges[0]?.from ?? '')
  expect(await catalog(mirror, 'backup', '--json')).toMatchObject({ code: 0, json: { rows: { streams: 1, users: 1 } } })

  // What Mirror runs on is not touched.
  const refused = await catalog(mirror, 'restore', '--replace')
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('is in use by process')])

  await loseCatalog(mirror)
  const restored = await catalog(mirror, 'restore', '--json')
  expect(restored).toMatchObject({ code: 0, json: { keptAside: null, isReadable: true }, stderr: '' })
  await mirror.start()
  expect(await login(mirror)).toBe(200)
  const after = await mirror.stream('tape')
  expect([after.ingest?.rtmpKey, after.dvr]).toEqual([stream.ingest?.rtmpKey, stream.dvr])
  await expectPlayable(mirror, startMs)
  await expectHourlyBackup(mirror)
  {
    await using _encoder = publish(after) // On another port, with the key it always had.
    await mirror.waitForStatus('tape', 'live', 20_000)
  }

  await loseCatalog(mirror)
  const rebuilt = await catalog(mirror, 'rebuild', '--json')
  expect(rebuilt).toMatchObject({
    code: 0,
    json: { added: [{ streamId: 'tape', tracks: expect.arrayContaining(['v0']) }], present: 0, problems: [] },
  })
  expect(await catalog(mirror, 'rebuild', '--json')).toMatchObject({ code: 0, json: { added: [], present: 1 } })
  await mirror.start()
  await expectPlayable(mirror, startMs)
  const anew = await mirror.stream('tape')
  expect(anew.dvr).toMatchObject({ enabled: true, retention: '3653d' })
  expect(anew.ingest?.rtmpKey).not.toBe(stream.ingest?.rtmpKey)
  expect(await login(mirror)).toBe(401)
})

/** The hour is over: a backup is made without being asked for, and told of. */
async function expectHourlyBackup(mirror: MirrorProcess): Promise<void> {
  const earlier = (await mirror.api<SystemView>('GET', '/system')).catalogBackup
  expect(earlier).not.toBeNull()
  new Database(join(mirror.dataDir, 'catalog.sqlite'), { timeout: 5000 })
    .exec("update schedules set next_at_ms = 0 where name = 'hourly-catalog-backup'")
    .close()
  let newest = earlier
  await expect
    .poll(
      async () => {
        newest = (await mirror.api<SystemView>('GET', '/system')).catalogBackup
        return newest?.name
      },
      { timeout: 20_000 },
    )
    .not.toBe(earlier?.name)
  await mirror.waitForEvent(({ type, details }) => type === 'job.done' && details['kind'] === 'catalog-backup')
  // Beside those that the hour itself brings, when it is over by the clock.
  const { json } = await catalog(mirror, 'backups', '--json')
  const named = [newest, earlier].map((backup) => expect.objectContaining({ name: backup?.name }))
  expect(json).toEqual(expect.arrayContaining(named))
  const metrics = await (await fetch(`${mirror.consoleUrl}/metrics`)).text()
  expect(Number(/^catalog_backup_age_seconds (\S+)$/m.exec(metrics)?.[1])).toBeLessThan(60)
}

async function setFirstPassword(mirror: MirrorProcess): Promise<void> {
  const [, path = ''] = /(\/login-link\?token=\w+)/.exec(mirror.output) ?? []
  const token = new URL(path, mirror.consoleUrl).searchParams.get('token')
  const opened = await post(mirror, '/auth/login-link', { token })
  expect(opened.status).toBe(200)
  const cookie = (opened.headers.getSetCookie()[0] ?? '').split(';')[0] ?? ''
  expect((await post(mirror, '/auth/password', LOGIN, { cookie })).status).toBe(200)
  expect(await login(mirror)).toBe(200)
}

async function login(mirror: MirrorProcess): Promise<number> {
  return (await post(mirror, '/auth/login', LOGIN)).status
}

async function post(
  mirror: MirrorProcess,
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return await fetch(`${mirror.consoleUrl}/api/v1${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: mirror.consoleUrl, ...headers },
    body: JSON.stringify(body),
  })
}

function publish(stream: StreamView): Encoder {
  const args = pictureArgs({ seconds: 60, size: '160x90', rate: '25', gop: 25 })
  return new Encoder([...args, '-f', 'flv', stream.ingest?.rtmp ?? ''])
}

/** As a disk does: without a warning, and with everything that belongs to it. */
async function loseCatalog(mirror: MirrorProcess): Promise<void> {
  await mirror.kill()
  for (const suffix of ['', '-wal', '-shm']) {
    await rm(join(mirror.dataDir, `catalog.sqlite${suffix}`), { force: suffix !== '' })
  }
}

async function catalog(mirror: MirrorProcess, ...args: readonly string[]) {
  const env = { PATH: process.env['PATH'] ?? '', MIRROR_DATA: mirror.dataDir }
  const ended = await run(process.execPath, ['src/main.ts', 'catalog', ...args], { env }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { readonly code: number; readonly stdout: string; readonly stderr: string }) => error,
  )
  const json: unknown = args.includes('--json') && ended.stdout !== '' ? JSON.parse(ended.stdout) : null
  return { code: ended.code, stderr: ended.stderr, json }
}

async function recordings(mirror: MirrorProcess): Promise<DvrView> {
  return await mirror.api<DvrView>('GET', '/streams/tape/dvr')
}

/** Five seconds, by ffprobe: every frame of them and no error. */
async function expectPlayable(mirror: MirrorProcess, fromMs: number): Promise<void> {
  const url = `${mirror.mediaUrl}/stream/tape/playlist.m3u8?start=${fromMs}&end=${fromMs + 5000}`
  // What a kill left in the spool is drained after the start.
  await expect.poll(async () => (await fetch(url)).status, { timeout: 20_000 }).toBe(200)
  const { stdout, stderr } = await run('ffprobe', [
    ...['-v', 'error', '-count_frames', '-select_streams', 'v', '-of', 'json'],
    ...['-show_entries', 'stream=nb_read_frames', url],
  ])
  expect(stderr).toBe('')
  const { streams } = JSON.parse(stdout) as { readonly streams: readonly { readonly nb_read_frames: string }[] }
  expect(Number(streams[0]?.nb_read_frames)).toBeGreaterThanOrEqual(125)
}
