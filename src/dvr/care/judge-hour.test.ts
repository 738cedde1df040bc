import { expect, test } from 'vitest'
import { hourOf, packKey, recordedSegmentKey } from '../../storage/keys.ts'
import type { ObjectInfo, ObjectKey } from '../../storage/object-store.ts'
import { GAP, HOUR_MS, indexed, msnOf, TRACK } from '../recordings.test-support.ts'
import { emptyListing, type HourListing, mediaFaults, orphansOf, repairedSegments } from './judge-hour.ts'

const HOUR = hourOf(HOUR_MS)
const NOW_MS = HOUR_MS + 10_000_000
const inPack = (n: number, id: string, offset: number) =>
  indexed(n, { placement: { kind: 'pack', id, offset, length: 100 } })

function object(key: ObjectKey, sizeBytes: number, ageMs = 5_000_000): ObjectInfo {
  return { key, sizeBytes, etag: 'e', modifiedAtMs: NOW_MS - ageMs }
}

function listing(
  segments: readonly (readonly [n: number, bytes: number])[],
  packs: readonly (readonly [id: string, bytes: number])[] = [],
): HourListing {
  const listed = emptyListing(TRACK, HOUR)
  for (const [n, bytes] of segments) {
    const name = `${msnOf(n)}.m4s`
    listed.segments.set(name, object(recordedSegmentKey(TRACK, HOUR, name), bytes))
  }
  for (const [id, bytes] of packs) listed.packs.set(id, object(packKey(TRACK, HOUR, id), bytes))
  return listed
}

const faults = (...args: Parameters<typeof mediaFaults>) =>
  mediaFaults(...args).map(({ kind, key, segments }) => [kind, key.split('/').at(-1), segments.map(({ msn }) => msn)])

test('objects must have exactly their length, packs at least what is named of them', () => {
  const rows = [indexed(0), indexed(1), indexed(2), indexed(3, GAP), inPack(4, 'p', 0), inPack(5, 'p', 100)]
  const whole = listing(
    [
      [0, 100],
      [1, 100],
      [2, 100],
    ],
    [['p', 200]],
  )
  expect(faults(whole, rows, 'm4s')).toEqual([])
  expect(
    faults(
      listing(
        [
          [0, 100],
          [1, 100],
          [2, 100],
        ],
        [['p', 700]],
      ),
      rows,
      'm4s',
    ),
  ).toEqual([])
  expect(
    faults(
      listing(
        [
          [0, 99],
          [2, 101],
        ],
        [['p', 199]],
      ),
      rows,
      'm4s',
    ),
  ).toEqual([
    ['size', `${msnOf(0)}.m4s`, [msnOf(0)]],
    ['missing', `${msnOf(1)}.m4s`, [msnOf(1)]],
    ['size', `${msnOf(2)}.m4s`, [msnOf(2)]],
    ['size', 'p.pack', [msnOf(5)]],
  ])
  expect(faults(listing([]), [inPack(4, 'p', 0), inPack(5, 'p', 100)], 'm4s')).toEqual([
    ['missing', 'p.pack', [msnOf(4), msnOf(5)]],
  ])
})

test('an object is an orphan when no row lies in it, not even a gap of its number, and it is no more young', () => {
  const listed = listing(
    [
      [0, 100],
      [1, 100],
      [2, 100],
    ],
    [
      ['p', 200],
      ['q', 100],
    ],
  )
  const rows = [indexed(0), indexed(1, GAP), inPack(2, 'p', 0)]
  const names = (graceMs: number) =>
    orphansOf(listed, rows, { nowMs: NOW_MS, graceMs }).map(({ key }) => key.split('/').at(-1))
  expect(names(5_000_000)).toEqual([`${msnOf(1)}.m4s`, `${msnOf(2)}.m4s`, 'q.pack'])
  expect(names(5_000_001)).toEqual([])
})

test('a repair turns what is lost into gaps, fills gaps and holes with what was found, and touches nothing else', () => {
  const present = [indexed(0), indexed(1), indexed(2, GAP), indexed(3)]
  const moved = indexed(3, { sha256: 'another by now' })
  const repaired = repairedSegments(present, {
    lost: [indexed(1), moved],
    found: [inPack(0, 'p', 0), inPack(2, 'p', 100), inPack(4, 'p', 200)],
  })
  expect(repaired).toEqual([
    indexed(0),
    indexed(1, GAP),
    inPack(2, 'p', 100),
    indexed(3), // It has changed since it was judged.
    inPack(4, 'p', 200),
  ])
})
