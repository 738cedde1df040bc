// A catalog that is lost without a backup: what the store tells of recorded streams comes back.
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RebuiltCatalog, rebuildCatalog } from '../../src/backup/rebuild-catalog.ts'
import { openCatalog } from '../../src/catalog/open-catalog.ts'
import type { Catalog } from '../../src/catalog/types.ts'
import { silentLog } from '../../src/core/log.ts'
import { renderStreamIndex } from '../../src/dvr/stream-index.ts'
import type { TrackFacts } from '../../src/dvr/track-facts.ts'
import { openFolderStore } from '../../src/storage/folder-store.ts'
import { type Hour, parseObjectKey, recordedSegmentKey, streamIndexKey } from '../../src/storage/keys.ts'
import { createMemoryStore } from '../../src/storage/memory-store.ts'
import type { ListCall, ObjectStore } from '../../src/storage/object-store.ts'
import { openS3Store } from '../../src/storage/s3-store.ts'
import { notRun } from '../not-run.ts'
import { rgwMissing } from '../support/rgw.ts'
import { createTestBucket } from '../support/s3-bucket.ts'
import { publishKey, stream } from './catalog.ts'

const NOW_MS = Date.parse('2026-11-21T10:00:00Z')
const signal = new AbortController().signal
const put = { signal, contentType: 'application/octet-stream' }
const FACTS: TrackFacts = {
  ...{ kind: 'video', codecs: 'avc1.64001f', widthPx: 640, heightPx: 360, frameRate: { num: 30000, den: 1001 } },
  ...{ cell: { num: 1001, den: 500 }, targetDurationSec: 5, hasIndependentSegments: false },
}

let folder: string
let files = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-rebuild-'))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

const STORES: Readonly<Record<string, () => Promise<ObjectStore>>> = {
  memory: async () => createMemoryStore({ nowMs: Date.now }),
  'a folder': async () => await openFolderStore(await mkdtemp(join(folder, 'store-')), { randomId: randomUUID }),
  'Ceph RADOS Gateway': async () =>
    openS3Store({ ...(await createTestBucket('rgw')), prefix: 'tv/' }, { randomId: randomUUID, nowMs: Date.now }),
}
const missing = rgwMissing()
if (missing !== null) notRun('a rebuild from Ceph RADOS Gateway', missing)

for (const [name, open] of Object.entries(STORES)) {
  test.skipIf(name === 'Ceph RADOS Gateway' && missing !== null)(
    `streams with recordings come back from ${name}, and nothing else changes`,
    { timeout: 90_000 },
    async () => {
      await using store = await open()
      await record(store, 'default', 'cam', ['2026-11-19T07', '2026-11-21T09'])
      await record(store, 'default', 'cam-2', ['2026-11-20T00'])
      await record(store, 'acme', 'known', ['2026-11-20T00'])
      await using catalog = await openEmpty()
      const known = stream('known', { tenantId: 'acme', name: 'As it was' })
      await catalog.streams.create(known, publishKey('known', 'k'))

      const { added, present, problems } = await rebuild(store, catalog)
      expect(problems).toEqual([])
      expect(present).toBe(1)
      expect(added).toEqual([
        {
          ...{ streamId: 'cam-2', tenantId: 'default', tracks: ['v0'] },
          recorded: { fromMs: Date.parse('2026-11-20T00:00:00Z'), toMs: Date.parse('2026-11-20T01:00:00Z') },
        },
        {
          ...{ streamId: 'cam', tenantId: 'default', tracks: ['v0'] },
          recorded: { fromMs: Date.parse('2026-11-19T07:00:00Z'), toMs: Date.parse('2026-11-21T10:00:00Z') },
        },
      ])
      expect(await catalog.streams.get('known')).toEqual(known)
      const cam = await catalog.streams.get('cam')
      // The cell of 60 frames at 29.97; and nothing that was kept may expire because nobody knows how long it was to be kept.
      expect(cam).toMatchObject({ tenantId: 'default', createdAtMs: Date.parse('2026-11-19T07:00:00Z') })
      expect(cam?.settings).toMatchObject({ segmentMs: 2002, dvr: { isEnabled: true, retentionMs: 3653 * 86_400_000 } })
      expect((await catalog.publishKeys.list('cam')).map(({ id }) => id)).toEqual(['new-cam'])

      const before = await catalog.streams.list()
      expect(await rebuild(store, catalog)).toEqual({ added: [], present: 3, problems: [] })
      expect(await catalog.streams.list()).toEqual(before)
      expect(await catalog.publishKeys.list()).toHaveLength(3)
    },
  )
}

test('what cannot be brought back is named, and keeps nothing else from coming back', async () => {
  const store = createMemoryStore({ nowMs: Date.now })
  await record(store, 'default', 'whole', ['2026-11-20T00'])
  await store.put(streamIndexKey({ tenantId: 'default', streamId: 'damaged' }), Buffer.from('{'), put)
  await store.put(segmentKey('default', 'lost', '2026-11-20T00'), Buffer.from('media'), put)
  await record(store, 'default', 'not_an_id', ['2026-11-20T00'])
  await record(store, 'other', 'whole', ['2026-11-20T00'])
  const foreign = parseObjectKey('dvr/readme.txt')
  if (foreign === null) throw new Error('that is a key')
  await store.put(foreign, Buffer.from('mine'), put)
  await using catalog = await openEmpty()
  const { added, problems } = await rebuild(store, catalog)
  // A stream whose index is damaged plays again once that is put back.
  expect(added.map(({ streamId, recorded }) => [streamId, recorded === null])).toEqual([
    ['damaged', true],
    ['whole', false],
  ])
  expect(problems).toEqual([
    expect.stringContaining('dvr/default/damaged: stream index: it is not JSON'),
    expect.stringContaining('dvr/default/lost: it has no index.json'),
    expect.stringContaining('dvr/default/not_an_id: this is no id of a stream'),
    expect.stringContaining('dvr/other/whole: a stream of this id belongs to the tenant default'),
  ])
})

test('a listing for each stream is enough, however much it has recorded', async () => {
  const store = createMemoryStore({ nowMs: Date.now })
  for (const id of ['a', 'b', 'c']) {
    await record(store, 'default', id, ['2026-11-20T00'])
    for (let msn = 0; msn < 500; msn += 1) {
      await store.put(segmentKey('default', id, '2026-11-20T00', msn), Buffer.from('media'), put)
    }
  }
  let listed = 0
  let listings = 0
  const counting: ObjectStore = {
    ...store,
    async *list(prefix: string, call: ListCall) {
      listings += 1
      for await (const info of store.list(prefix, call)) {
        listed += 1
        yield info
      }
    },
  }
  await using catalog = await openEmpty()
  expect((await rebuild(counting, catalog)).added).toHaveLength(3)
  expect([listings, listed]).toEqual([4, 3])
})

async function openEmpty(): Promise<Catalog> {
  files += 1
  return await openCatalog({ kind: 'sqlite', path: join(folder, `c-${files}.sqlite`) }, { log: silentLog, signal })
}

async function rebuild(store: ObjectStore, catalog: Catalog): Promise<RebuiltCatalog> {
  const newKey = (streamId: string) => publishKey(streamId, `new-${streamId}`)
  return await rebuildCatalog({ store, streams: catalog.streams, newKey, now: () => NOW_MS }, { signal })
}

async function record(store: ObjectStore, tenantId: string, streamId: string, hours: readonly string[]) {
  const track = { facts: FACTS, hours: hours as readonly Hour[], expiring: [] }
  const text = renderStreamIndex({ tenantId, streamId, updatedAtMs: NOW_MS, tracks: { v0: track } })
  await store.put(streamIndexKey({ tenantId, streamId }), Buffer.from(text), put)
  for (const hour of hours) await store.put(segmentKey(tenantId, streamId, hour), Buffer.from('media'), put)
}

function segmentKey(tenantId: string, streamId: string, hour: string, msn = 1) {
  return recordedSegmentKey({ tenantId, streamId, trackId: 'v0' }, hour as Hour, `${msn}.m4s`)
}
