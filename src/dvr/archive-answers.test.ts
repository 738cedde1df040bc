import { gunzipSync } from 'node:zlib'
import { beforeEach, describe, expect, test } from 'vitest'
import { hourOf, packKey, recordedSegmentKey } from '../storage/keys.ts'
import { createMemoryStore } from '../storage/memory-store.ts'
import type { ObjectKey, ObjectStore } from '../storage/object-store.ts'
import { Archive } from './archive.ts'
import { answerArchive } from './archive-answers.ts'
import type { ArchiveAnswer } from './archive-requests.ts'
import type { IndexedSegment } from './hour-index.ts'
import { IndexStore } from './index-store.ts'
import { RecordedTexts } from './recorded-text.ts'
import { FACTS, HOUR_MS, indexed, msnOf, TRACK } from './recordings.test-support.ts'

const call = { signal: new AbortController().signal }
const HOUR = hourOf(HOUR_MS)
const NO_SPOOL = { find: () => null, segments: () => [], init: () => null, tracks: () => [] }
const { streamId, trackId } = TRACK

let nowMs: number
let store: ObjectStore
let ask: (msn: number, notAt?: ObjectKey) => Promise<ArchiveAnswer>
let gaps: () => Promise<number>

beforeEach(() => {
  nowMs = HOUR_MS + 24 * 3_600_000
  store = createMemoryStore({ nowMs: () => nowMs })
  const archive = new Archive({ store, indexes: new IndexStore(store, () => nowMs), spool: NO_SPOOL, now: () => nowMs })
  const texts = new RecordedTexts()
  const host = { archive, cache: null, texts, tenantOf: () => TRACK.tenantId, now: () => nowMs }
  ask = async (msn, notAt) =>
    await answerArchive(host, { kind: 'segment', streamId, trackId, msn, ...(notAt ? { notAt } : {}) }, call)
  gaps = async () => {
    const range = { fromMs: HOUR_MS, toMs: HOUR_MS + 60_000 }
    const answer = await answerArchive(host, { kind: 'playlist', streamId, trackId, range, type: 'VOD' }, call)
    return answer.kind === 'text'
      ? (gunzipSync(answer.gzip)
          .toString()
          .match(/#EXT-X-GAP/g)?.length ?? 0)
      : Number.NaN
  }
})

async function put(key: ObjectKey): Promise<void> {
  await store.put(key, Buffer.alloc(1000), { ...call, contentType: 'video/mp4' })
}

async function record(segments: readonly IndexedSegment[]): Promise<void> {
  const indexes = new IndexStore(store, () => nowMs)
  await indexes.addSegments(TRACK, HOUR, FACTS, segments, call)
  await indexes.addHour(TRACK, FACTS, HOUR, call)
}

describe('what a read finds gone is a gap in the next playlist', () => {
  test('an object concerns its own segment', async () => {
    await record([1, 2, 12].map((n) => indexed(n)))
    const key = recordedSegmentKey(TRACK, HOUR, `${msnOf(1)}.m4s`)
    expect(await ask(msnOf(1), key)).toMatchObject({ kind: 'failed', code: 'media_gone' })
    // Nine numbers between the second and the third were never recorded.
    expect(await gaps()).toBe(10)
    expect(await ask(msnOf(1))).toEqual({ kind: 'missing' })
    expect(await ask(msnOf(12))).toMatchObject({ kind: 'location' })
  })

  test('a pack concerns all that lay in it', async () => {
    const inPack = (n: number, id: string) => indexed(n, { placement: { kind: 'pack', id, offset: 0, length: 100 } })
    await record([inPack(0, 'one'), inPack(1, 'one'), inPack(2, 'two')])
    await put(packKey(TRACK, HOUR, 'two'))
    expect(await ask(msnOf(0), packKey(TRACK, HOUR, 'one'))).toMatchObject({ code: 'media_gone' })
    expect(await gaps()).toBe(2)
    expect(await ask(msnOf(2))).toMatchObject({ kind: 'location' })
  })

  test('what is there after all stays listed', async () => {
    await record([indexed(0)])
    const key = recordedSegmentKey(TRACK, HOUR, `${msnOf(0)}.m4s`)
    await put(key)
    expect(await ask(msnOf(0), key)).toMatchObject({ kind: 'location', location: { key } })
    expect(await gaps()).toBe(0)
  })

  test('what was put back is listed again when the index is read anew', async () => {
    await record([indexed(0), indexed(1)])
    const key = recordedSegmentKey(TRACK, HOUR, `${msnOf(0)}.m4s`)
    await ask(msnOf(0), key)
    expect(await gaps()).toBe(1)
    await put(key)
    nowMs += 11 * 60_000
    expect(await gaps()).toBe(0)
  })
})
