// `mirror object move|restore` and `mirror explain` over a real API server and folders.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fsckJob } from '../../src/dvr/care/fsck-job.ts'
import { cellAt, range, record, SEVEN_MS, SOUND, soundOf } from '../../src/dvr/care/recorded-store.test-support.ts'
import { scrubJob } from '../../src/dvr/care/scrub-job.ts'
import { MOVE_JOB, moveJob } from '../../src/lifecycle/move-job.ts'
import { RESTORE_JOB, restoreJob } from '../../src/lifecycle/restore-job.ts'
import { collect } from '../../src/storage/collect.ts'
import { openFolderStore } from '../../src/storage/folder-store.ts'
import { HOUR_MS, hourOf, recordedSegmentKey } from '../../src/storage/keys.ts'
import type { TieredStore } from '../../src/storage/tiers.ts'
import { startTestApi, type TestApi } from '../support/api-server.ts'
import { adminEnvironment, runCommand } from '../support/command-line.ts'

const call = { signal: new AbortController().signal }
const RESTORE_DELAY_MS = 700
const keyOf = (n: number) => recordedSegmentKey(SOUND, hourOf(SEVEN_MS + n * 2000), `${cellAt(n)}.m4s`)
const EIGHT = 1800

let folder: string
let store: TieredStore
let api: TestApi

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-objects-'))
  const [warm, cold, archive] = [join(folder, 'warm'), join(folder, 'cold'), join(folder, 'archive')]
  const tiers = { warm, cold, archive, restoreDelayMs: RESTORE_DELAY_MS }
  store = await openFolderStore(join(folder, 'hot'), { randomId: () => crypto.randomUUID(), tiers })
  await record({ store, folder, mode: 'segment', packs: [range(0, 70), range(EIGHT, EIGHT + 5)] })
  const streams = async () => [{ tenantId: SOUND.tenantId, streamId: SOUND.streamId }]
  const care = { store, streams, now: Date.now }
  api = await startTestApi({ store }, ({ catalog: { ledger } }) => ({
    fsck: fsckJob(care),
    scrub: scrubJob(care),
    [MOVE_JOB]: moveJob({ store, ledger, now: Date.now }),
    [RESTORE_JOB]: restoreJob({ store, ledger, now: Date.now }),
  }))
  await api.json('/api/v1/streams', { method: 'POST', body: { id: SOUND.streamId } })
})

afterEach(async () => {
  await api[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

async function mirror(...args: string[]) {
  return await runCommand(args, { env: adminEnvironment(api), signal: call.signal })
}

async function read(n: number): Promise<Buffer> {
  await using body = await store.get(keyOf(n), call)
  return body === null ? Buffer.alloc(0) : Buffer.from(await collect(body.chunks))
}

const tierOf = async (n: number) => (await store.head(keyOf(n), call))?.tier ?? 'hot'

test('a part of a recording moves, reads as before, and the ledger tells each step', async () => {
  const to = new Date(SEVEN_MS + HOUR_MS).toISOString()
  const moved = await mirror('object', 'move', 'demo', '--tier', 'cold', '--to', to)
  expect(moved).toMatchObject({ code: 0, stdout: expect.stringMatching(/^70 objects \(.*\) are cold\.\n$/) })
  expect([await tierOf(0), await tierOf(69), await tierOf(EIGHT)]).toEqual(['cold', 'cold', 'hot'])
  expect((await read(42)).equals(soundOf(42, 100))).toBe(true)
  expect(await mirror('fsck')).toMatchObject({ code: 0 })
  const steps = await api.catalog.ledger.history({ keys: [keyOf(42)], limit: 10 })
  expect(steps.map(({ state, from, to: tier, sha256 }) => [state, from, tier, sha256?.length ?? 0])).toEqual([
    ['done', 'hot', 'cold', 64],
    ['verified', 'hot', 'cold', 64],
    ['intent', null, 'cold', 0],
  ])
  expect(await mirror('object', 'move', 'demo', '--tier', 'cold')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('75 objects'),
  })
  expect(await tierOf(EIGHT)).toBe('cold')
})

test('what is archived is restored before it can be read, and may then be moved back', async () => {
  expect(await mirror('object', 'move', 'demo', '--tier', 'archive')).toMatchObject({ code: 0 })
  await expect(read(3)).rejects.toMatchObject({ code: 'object_archived' })
  expect(await mirror('fsck')).toMatchObject({ code: 0 })
  expect(await mirror('scrub')).toMatchObject({ code: 0, stdout: expect.stringContaining('75 archived ones not') })
  const stuck = await mirror('object', 'move', 'demo', '--tier', 'hot')
  expect(stuck).toMatchObject({ code: 1, stdout: expect.stringContaining('NOT MOVED') })
  expect(stuck.stdout).toContain('has to be restored')
  const restored = await mirror('object', 'restore', 'demo', '--keep', '2h')
  expect(restored).toMatchObject({ code: 0, stdout: expect.stringContaining('75 of 75 objects were restored') })
  expect((await read(3)).equals(soundOf(3, 100))).toBe(true)
  expect(await mirror('object', 'move', 'demo', '--tier', 'hot')).toMatchObject({ code: 0 })
  expect(await tierOf(3)).toBe('hot')
  expect(await mirror('object', 'restore', 'demo')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('Nothing of these 75 objects'),
  })
})

test('what is not any more as it was recorded stays where it is, and is named', async () => {
  const path = join(folder, 'hot', keyOf(7))
  const bytes = await readFile(path)
  bytes[50] = (bytes[50] ?? 0) ^ 1
  await writeFile(path, bytes)
  const moved = await mirror('object', 'move', 'demo', '--tier', 'warm')
  expect(moved).toMatchObject({ code: 1, stdout: expect.stringContaining(`NOT MOVED ${keyOf(7)}`) })
  expect([await tierOf(7), await tierOf(8)]).toEqual(['hot', 'warm'])
})

test('live hours, unknown streams, tiers and times are refused by name, and a viewer may not move', async () => {
  const refused = async (...args: string[]) => (await mirror('object', 'move', ...args)).stderr
  expect(await refused('demo', '--tier', 'cold', '--to', 'now')).toMatch(/Only what lies before .* can be moved/)
  expect(await refused('demo', '--tier', 'archive', '--to', '-2h')).toMatch(/live playlist/)
  expect(await refused('nobody', '--tier', 'cold')).toContain('no stream nobody')
  expect(await refused('demo', '--tier', 'icy')).toContain('hot, warm, cold, archive')
  expect(await refused('demo', '--tier', 'cold', '--from', 'soon')).toContain('"soon" is no time')
  expect(await refused('demo', '--tier', 'cold', '--from', '-5h', '--to', '-9h')).toContain('must lie before')
  const { key } = await api.json<{ key: string }>('/api/v1/api-keys', {
    method: 'POST',
    body: { name: 'viewer', role: 'viewer' },
  })
  const body = { stream: 'demo', tier: 'cold' }
  expect((await api.request('/api/v1/objects/move', { method: 'POST', key, body })).status).toBe(403)
  expect((await api.request('/api/v1/objects/move', { method: 'POST', body: { tier: 'cold' } })).status).toBe(400)
})

test('an object explains itself: where it is, what was tried, when it goes, and what stands in the way', async () => {
  expect(await mirror('object', 'move', 'demo', '--tier', 'archive')).toMatchObject({ code: 0 })
  const told = await mirror('explain', keyOf(5))
  expect(told.code).toBe(0)
  expect(told.stdout).toMatch(/^where {3}store, archive, 0\.3 KiB, archived$/m)
  expect(told.stdout).toMatch(/^due {5}2026-11-22 08:10:00 UTC: /m)
  expect(told.stdout).toMatch(/^but +it is archived: "mirror object restore" brings it back$/m)
  expect(told.stdout).toMatch(/move +done +hot → archive +[0-9a-f-]{36}/)

  await api.catalog.dvrRecordings.begin({
    ...{ id: 'r1', streamId: 'demo', title: 'the match', startsAtMs: SEVEN_MS, endsAtMs: null, failure: null },
  })
  const at = new Date(SEVEN_MS + 5 * 2000 + 500).toISOString()
  const { stdout } = await mirror('explain', 'demo', '--at', at, '--json')
  expect(JSON.parse(stdout)).toMatchObject([
    {
      ...{ key: keyOf(5), what: `segment ${cellAt(5)}`, stream: 'demo', track: 'a0', where: 'store', segments: 1 },
      from: new Date(SEVEN_MS + 5 * 2000).toISOString(),
      object: { tier: 'archive', bytes: soundOf(5, 100).byteLength, restore: { state: 'archived' } },
      span: { offset: 0, length: soundOf(5, 100).byteLength },
      dueAt: null,
      blocks: ['the recording r1 ("the match") keeps it until it is deleted', expect.stringContaining('archived')],
      ledger: [{ state: 'done' }, { state: 'verified' }, { state: 'intent', to: 'archive' }],
    },
  ])
})

test('what retention took explains itself by its hour, and what never was says so', async () => {
  const key = keyOf(5)
  await store.delete([key], call)
  const entry = {
    action: 'delete',
    state: 'done',
    streamId: 'demo',
    from: null,
    to: null,
    objects: 70,
    bytes: 9,
  } as const
  const prefix = key.slice(0, key.lastIndexOf('/') + 1)
  await api.catalog.ledger.append([
    { ...entry, key: prefix, sha256: null, jobId: null, attempt: 1, note: 'its retention was over', atMs: Date.now() },
  ])
  const gone = await mirror('explain', key)
  expect(gone.stdout).toMatch(/^where {3}nowhere$/m)
  expect(gone.stdout).toMatch(/delete +done +retention +its retention was over/)
  const before = await mirror('explain', 'demo', '--at', '2026-11-20T00:00')
  expect(before.stdout).toContain('nothing was recorded then')
  expect(await mirror('explain', 'nobody', '--at', 'now')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('nobody'),
  })
  expect(await mirror('explain', '../etc')).toMatchObject({ code: 1, stderr: expect.stringContaining('is no key') })
  expect((await api.request('/api/v1/objects/explain?stream=demo')).status).toBe(400)
})
