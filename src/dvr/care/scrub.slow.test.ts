import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { seededRandom } from '../../../test/support/fault-proxy.ts'
import { openFolderStore } from '../../storage/folder-store.ts'
import {
  hourIndexKey,
  hourOf,
  packKey,
  recordedInitKey,
  recordedSegmentKey,
  streamIndexKey,
  type TrackPath,
} from '../../storage/keys.ts'
import type { ObjectKey, ObjectStore } from '../../storage/object-store.ts'
import { Pace } from './pace.ts'
import { cellAt, INIT, range, record, SEVEN_MS, soundOf } from './recorded-store.test-support.ts'
import { type ScrubOptions, type ScrubReport, scrubRecordings } from './scrub.ts'

const call = { signal: new AbortController().signal }
const SEGMENT_BYTES = soundOf(0, 100).length
const PER_PACK = 150
const PACKS = 66

let folder: string
let root: string
let store: ObjectStore

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-scrub-'))
  root = join(folder, 'store')
  let ids = 0
  store = await openFolderStore(root, { randomId: () => `id${ids++}` })
})

afterEach(async () => {
  await rm(folder, { recursive: true })
})

async function scrub(change: Partial<ScrubOptions> = {}): Promise<ScrubReport> {
  const pace = new Pace(Number.MAX_SAFE_INTEGER, () => performance.now())
  const all = { store, stream: null, maxBytes: null, after: null, pace, now: Date.now, onProgress: () => {} }
  return await scrubRecordings({ ...all, ...change }, call)
}

const track = (streamId: string): TrackPath => ({ tenantId: 'default', streamId, trackId: 'a0' })
const hourAt = (n: number) => hourOf(SEVEN_MS + n * 2000)
const fileOf = (key: ObjectKey) => join(root, key)

/** `key`, and the segment in it if it is a segment's bytes that are wrong. */
const named = ({ findings }: ScrubReport): string[] =>
  findings.map(({ key, message }) => `${key} ${/^Segment (\d+)/.exec(message)?.[1] ?? ''}`.trim()).toSorted()

async function change(key: ObjectKey, edit: (bytes: Buffer) => void): Promise<void> {
  const bytes = await readFile(fileOf(key))
  edit(bytes)
  await writeFile(fileOf(key), bytes)
}

test('ten thousand corruptions are all found, each named by its object and segment, and nothing else is', async () => {
  const random = seededRandom(4)
  const below = (limit: number) => Math.floor(random() * limit)
  const flip = (bytes: Buffer, from: number, to: number) => {
    const at = from + below(to - from)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8))
  }
  const damage = new Set<string>()
  let injected = 0

  // Packs: most have a bit flipped in every segment, some are cut, in some two segments have changed places.
  const cells = Array.from({ length: PACKS }, (_, pack) => range(pack * PER_PACK, (pack + 1) * PER_PACK))
  const ids = await record({ store, folder, mode: 'pack', track: track('packed'), packs: cells })
  for (const [pack, numbers] of cells.entries()) {
    const key = packKey(track('packed'), hourAt(numbers[0] ?? 0), ids[pack] ?? '')
    const hurt = (n: number) => damage.add(`${key} ${cellAt(numbers[n] ?? 0)}`)
    if (pack % 22 === 20) {
      const whole = below(PER_PACK)
      await truncate(fileOf(key), whole * SEGMENT_BYTES + below(SEGMENT_BYTES))
      for (let n = whole; n < PER_PACK; n += 1) hurt(n)
      injected += 1
    } else if (pack % 22 === 21) {
      await change(key, (bytes) => {
        for (let n = 0; n < PER_PACK; n += 2) {
          const [left, right] = [n * SEGMENT_BYTES, (n + 1) * SEGMENT_BYTES]
          const kept = Buffer.from(bytes.subarray(left, right))
          bytes.copyWithin(left, right, right + SEGMENT_BYTES)
          kept.copy(bytes, right)
          hurt(n)
          hurt(n + 1)
          injected += 1
        }
      })
    } else {
      await change(key, (bytes) => {
        for (let n = 0; n < PER_PACK; n += 1) {
          flip(bytes, n * SEGMENT_BYTES, (n + 1) * SEGMENT_BYTES)
          hurt(n)
          injected += 1
        }
        if (pack % 2 === 0) return
        flip(bytes, PER_PACK * SEGMENT_BYTES, bytes.length) // And in what it says of itself.
        damage.add(key)
        injected += 1
      })
    }
  }

  // Objects of their own: flipped, cut, swapped with the next.
  const loose = range(0, 1500)
  await record({ store, folder, mode: 'segment', track: track('loose'), packs: [loose] })
  const looseKey = (n: number) => recordedSegmentKey(track('loose'), hourAt(n), `${cellAt(n)}.m4s`)
  for (let n = 0; n < loose.length; n += 4) {
    for (const hurt of [n, n + 1, n + 2, n + 3]) damage.add(`${looseKey(hurt)} ${cellAt(hurt)}`)
    await change(looseKey(n), (bytes) => flip(bytes, 0, bytes.length))
    await truncate(fileOf(looseKey(n + 1)), below(SEGMENT_BYTES))
    const [left, right] = [await readFile(fileOf(looseKey(n + 2))), await readFile(fileOf(looseKey(n + 3)))]
    await writeFile(fileOf(looseKey(n + 2)), right)
    await writeFile(fileOf(looseKey(n + 3)), left)
    injected += 3
  }

  // Indexes and init segments.
  const hours = Array.from({ length: 40 }, (_, hour) => [hour * 1800, hour * 1800 + 1])
  await record({ store, folder, mode: 'pack', track: track('indexes'), packs: hours })
  for (const [hour, numbers] of hours.entries()) {
    const key = hourIndexKey(track('indexes'), hourAt(numbers[0] ?? 0))
    if (hour % 2 === 0) await change(key, (bytes) => flip(bytes, 0, bytes.length))
    else await truncate(fileOf(key), below((await readFile(fileOf(key))).length))
    damage.add(key)
    injected += 1
  }
  for (const key of [recordedInitKey(track('indexes'), INIT.name), streamIndexKey(track('indexes'))]) {
    await change(key, (bytes) => flip(bytes, 0, bytes.length))
    damage.add(key)
    injected += 1
  }

  const report = await scrub()
  expect(injected).toBeGreaterThanOrEqual(10_000)
  expect(named(report)).toEqual([...damage].toSorted())
})

test('what is whole shows nothing, and every byte of it was read', async () => {
  await record({ store, folder, mode: 'pack', track: track('packed'), packs: [range(0, 20)] })
  await record({ store, folder, mode: 'segment', track: track('loose'), packs: [range(0, 20)] })
  const report = await scrub()
  expect(report).toMatchObject({ streams: 2, hours: 2, findings: [], next: null })
  expect(report.bytes).toBeGreaterThan(40 * SEGMENT_BYTES)
})

test('with a budget it reads hour by hour, and goes on where it ended', async () => {
  const packs = [range(0, 10), range(1800, 1810), range(3600, 3610)]
  const ids = await record({ store, folder, mode: 'pack', track: track('packed'), packs })
  const last = packKey(track('packed'), hourAt(3600), ids[2] ?? '')
  await change(last, (bytes) => bytes.fill(0, 0, 1))
  await change(last, (bytes) => bytes.fill(1, 0, 1))
  const first = await scrub({ maxBytes: 1 })
  expect(first).toMatchObject({ hours: 1, findings: [], next: expect.stringMatching(/\/070$/) })
  const second = await scrub({ maxBytes: 1, after: first.next })
  expect(second).toMatchObject({ hours: 1, findings: [], next: expect.stringMatching(/\/080$/) })
  const third = await scrub({ maxBytes: 1_000_000, after: second.next })
  expect(third).toMatchObject({ hours: 1, findings: [{ key: last }], next: null })
})

test('an object that is not there is told with what lay in it', async () => {
  const ids = await record({ store, folder, mode: 'pack', track: track('packed'), packs: [range(0, 10)] })
  await record({ store, folder, mode: 'segment', track: track('loose'), packs: [range(0, 2)] })
  const lost = [
    packKey(track('packed'), hourAt(0), ids[0] ?? ''),
    recordedSegmentKey(track('loose'), hourAt(0), `${cellAt(1)}.m4s`),
  ]
  await store.delete(lost, call)
  const { findings } = await scrub()
  expect(findings.map(({ code, key }) => `${code} ${key}`).toSorted()).toEqual(
    lost.map((key) => `media_missing ${key}`).toSorted(),
  )
})
