// Fsck and scrub on a real S3 server: damage in packs and in objects of their own is found, named, and indexes come back.
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkRecordings } from '../../src/dvr/care/fsck.ts'
import { Pace } from '../../src/dvr/care/pace.ts'
import { cellAt, range, record, SEVEN_MS, soundOf } from '../../src/dvr/care/recorded-store.test-support.ts'
import { scrubRecordings } from '../../src/dvr/care/scrub.ts'
import { IndexStore } from '../../src/dvr/index-store.ts'
import { collect } from '../../src/storage/collect.ts'
import {
  hourIndexKey,
  hourOf,
  packKey,
  recordedSegmentKey,
  streamIndexKey,
  type TrackPath,
} from '../../src/storage/keys.ts'
import type { ObjectKey, ObjectStore } from '../../src/storage/object-store.ts'
import { openS3Store } from '../../src/storage/s3-store.ts'
import { notRun } from '../not-run.ts'
import { rgwMissing } from '../support/rgw.ts'
import { createTestBucket } from '../support/s3-bucket.ts'

const missing = rgwMissing()
if (missing !== null) notRun('fsck and scrub on S3', missing)

const call = { signal: new AbortController().signal }
const SEVEN = hourOf(SEVEN_MS)
const PACKED: TrackPath = { tenantId: 'default', streamId: 'packed', trackId: 'a0' }
const LOOSE: TrackPath = { tenantId: 'default', streamId: 'loose', trackId: 'a0' }
const SEGMENT_BYTES = soundOf(0, 100).length

describe.skipIf(missing !== null)('recordings in S3', () => {
  let folder: string
  let store: ObjectStore
  let ids: readonly string[]

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mirror-care-s3-'))
    store = openS3Store(await createTestBucket('rgw'), { randomId: randomUUID, nowMs: Date.now })
    ids = await record({ store, folder, mode: 'pack', track: PACKED, packs: [range(0, 50), range(50, 100)] })
    await record({ store, folder, mode: 'segment', track: LOOSE, packs: [range(0, 12)] })
  }, 90_000)

  afterAll(async () => {
    await store?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  const fsck = async (repair: boolean) =>
    await checkRecordings(
      { store, stream: null, isKnown: () => true, repair, graceMs: 0, now: Date.now, onProgress: () => {} },
      call,
    )
  const scrub = async () => {
    const pace = new Pace(Number.MAX_SAFE_INTEGER, () => performance.now())
    const all = { store, stream: null, maxBytes: null, after: null, pace, now: Date.now, onProgress: () => {} }
    return await scrubRecordings(all, call)
  }
  const bytesOf = async (key: ObjectKey) => {
    const object = await store.get(key, call)
    if (object === null) throw new Error(`${key} is absent`)
    return Buffer.from(await collect(object.chunks))
  }
  const overwrite = async (key: ObjectKey, bytes: Uint8Array) =>
    await store.put(key, bytes, { ...call, contentType: 'application/octet-stream' })
  const looseKey = (n: number) => recordedSegmentKey(LOOSE, SEVEN, `${cellAt(n)}.m4s`)

  test('nothing is wrong with what was just recorded', async () => {
    expect((await fsck(false)).findings).toEqual([])
    expect((await scrub()).findings).toEqual([])
  })

  test('indexes that are gone or torn come back as they were', async () => {
    const indexes = new IndexStore(store, Date.now)
    const before = await indexes.hour(PACKED, SEVEN, call)
    const key = hourIndexKey(LOOSE, SEVEN)
    const loose = await indexes.hour(LOOSE, SEVEN, call)
    await store.delete([hourIndexKey(PACKED, SEVEN), streamIndexKey(PACKED)], call)
    await overwrite(key, (await bytesOf(key)).subarray(0, 1500))
    const { findings } = await fsck(true)
    expect(findings.map(({ code }) => code).toSorted()).toEqual([
      'hour_unlisted',
      'index_damaged',
      'index_missing',
      'stream_index_missing',
    ])
    expect((await indexes.hour(PACKED, SEVEN, call))?.segments).toEqual(before?.segments)
    expect((await indexes.hour(LOOSE, SEVEN, call))?.segments).toEqual(loose?.segments)
    expect((await fsck(false)).findings).toEqual([])
  })

  test('flipped bits, cut objects and swaps are found, and named by object and segment', async () => {
    const pack = packKey(PACKED, SEVEN, ids[0] ?? '')
    const changed = await bytesOf(pack)
    for (const n of range(0, 50)) {
      const at = n * SEGMENT_BYTES + ((7 * n) % SEGMENT_BYTES)
      changed[at] = (changed[at] ?? 0) ^ 16
    }
    await overwrite(pack, changed)
    const [third, fourth] = [await bytesOf(looseKey(3)), await bytesOf(looseKey(4))]
    await overwrite(looseKey(3), fourth)
    await overwrite(looseKey(4), third)
    await overwrite(looseKey(9), (await bytesOf(looseKey(9))).subarray(0, 99))
    const { findings } = await scrub()
    const told = findings.map(({ key, message }) => `${key} ${/^Segment (\d+)/.exec(message)?.[1]}`)
    const expected = [
      ...range(0, 50).map((n) => `${pack} ${cellAt(n)}`),
      ...[3, 4, 9].map((n) => `${looseKey(n)} ${cellAt(n)}`),
    ]
    expect(told.toSorted()).toEqual(expected.toSorted())
  })
})
