// `mirror fsck` and `mirror dvr verify` over a real API server and a folder store.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { EventPageView } from '../../src/api/event-contract.ts'
import type { JobView } from '../../src/api/job-contract.ts'
import { fsckJob } from '../../src/dvr/care/fsck-job.ts'
import { cellAt, INIT, range, record, SEVEN_MS, SOUND } from '../../src/dvr/care/recorded-store.test-support.ts'
import { scrubJob } from '../../src/dvr/care/scrub-job.ts'
import { openFolderStore } from '../../src/storage/folder-store.ts'
import { hourIndexKey, hourOf, recordedInitKey, recordedSegmentKey } from '../../src/storage/keys.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import { startTestApi, type TestApi } from '../support/api-server.ts'
import { adminEnvironment, runCommand } from '../support/command-line.ts'

const call = { signal: new AbortController().signal }
const SEVEN = hourOf(SEVEN_MS)

let folder: string
let store: ObjectStore
let api: TestApi

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-care-'))
  let ids = 0
  store = await openFolderStore(join(folder, 'store'), { randomId: () => `id${ids++}` })
  await record({ store, folder, mode: 'segment', packs: [range(0, 20)] })
  const streams = async () => [{ tenantId: SOUND.tenantId, streamId: SOUND.streamId }]
  const care = { store, streams, now: Date.now }
  api = await startTestApi({}, () => ({ fsck: fsckJob(care), scrub: scrubJob(care) }))
  await api.json('/api/v1/streams', { method: 'POST', body: { id: SOUND.streamId } })
})

afterEach(async () => {
  await api[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

async function mirror(...args: string[]) {
  return await runCommand(args, { env: adminEnvironment(api), signal: call.signal })
}

test('a check tells what is wrong and exits with 1, repair mends it, and then nothing is wrong', async () => {
  expect(await mirror('fsck')).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing is wrong') })
  const lost = recordedSegmentKey(SOUND, SEVEN, `${cellAt(7)}.m4s`)
  await store.delete([lost, hourIndexKey(SOUND, SEVEN)], call)

  const found = await mirror('fsck', '--grace', '0s')
  expect(found.code).toBe(1)
  expect(found.stdout).toContain(`ERROR index_missing ${hourIndexKey(SOUND, SEVEN)}`)
  expect(found.stdout).toContain('Run it with --repair')

  const repaired = await mirror('dvr', 'verify', SOUND.streamId, '--repair', '--grace', '0s', '--json')
  expect(repaired.code).toBe(1)
  expect(JSON.parse(repaired.stdout)).toMatchObject({
    streams: 1,
    counts: { error: 1 },
    findings: [{ code: 'index_missing', repair: expect.stringContaining('19 from the media') }],
  })
  expect(await mirror('dvr', 'verify', SOUND.streamId)).toMatchObject({ code: 0 })

  await api.server.events.flush()
  const { events } = await api.json<EventPageView>('/api/v1/events?limit=50')
  const told = events.find(({ type, severity }) => type === 'job.done' && severity === 'warning')
  expect(told?.message).toContain(hourIndexKey(SOUND, SEVEN))
})

test('what cannot be asked is refused by name, and a viewer may not ask', async () => {
  expect(await mirror('dvr', 'verify', 'nobody')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no such stream'),
  })
  expect(await mirror('fsck', '--grace', 'soon')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('duration'),
  })
  const { key } = await api.json<{ key: string }>('/api/v1/api-keys', {
    method: 'POST',
    body: { name: 'viewer', role: 'viewer' },
  })
  const refused = await api.request('/api/v1/jobs', { method: 'POST', key, body: { kind: 'fsck' } })
  expect(refused.status).toBe(403)
})

test('a scrub names the segment whose bytes have changed, in the object that they lie in', async () => {
  expect(await mirror('scrub', '--rate', '1GiB')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('all as it was recorded'),
  })
  const key = recordedSegmentKey(SOUND, SEVEN, `${cellAt(7)}.m4s`)
  const path = join(folder, 'store', key)
  const bytes = await readFile(path)
  bytes[100] = (bytes[100] ?? 0) ^ 1
  await writeFile(path, bytes)
  const found = await mirror('scrub', '--stream', SOUND.streamId)
  expect(found.code).toBe(1)
  expect(found.stdout).toContain(
    `ERROR media_damaged ${key}\n  Segment ${cellAt(7)} of 2026-11-21T07:00:14.000Z, bytes 0–`,
  )
  const part = await mirror('scrub', '--max-bytes', '1B')
  expect(part.stdout).not.toContain('The rest') // It ends after an hour, and there is but one.
  expect(await mirror('scrub', '--max-bytes', 'much')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('size'),
  })
})

test('a job over the API is answered at once, with its address; its report names the init segment that is gone', async () => {
  await store.delete([recordedInitKey(SOUND, INIT.name)], call)
  const answer = await api.request('/api/v1/jobs', { method: 'POST', body: { kind: 'fsck' } })
  expect(answer.status).toBe(202)
  const { id } = (await answer.json()) as JobView
  expect(answer.headers.get('location')).toBe(`/api/v1/jobs/${id}`)
  await expect.poll(async () => (await api.json<JobView>(`/api/v1/jobs/${id}`)).state).toBe('done')
  const { result } = await api.json<JobView>(`/api/v1/jobs/${id}`)
  expect(result).toMatchObject({ findings: [{ code: 'init_missing', severity: 'error', repair: null }] })
})
