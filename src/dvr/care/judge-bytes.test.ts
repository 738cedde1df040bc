import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { IndexedSegment } from '../hour-index.ts'
import { indexed } from '../recordings.test-support.ts'
import { SegmentHasher } from './judge-bytes.ts'

const BYTES = Buffer.from(Array.from({ length: 600 }, (_, index) => (index * 37) % 256))

/** Segment `n` in bytes [start, end). */
function inPack(n: number, start: number, end: number): IndexedSegment {
  const sha256 = createHash('sha256').update(BYTES.subarray(start, end)).digest('hex')
  const placement = { kind: 'pack' as const, id: 'p', offset: start, length: end - start }
  return indexed(n, { sizeBytes: end - start, sha256, placement })
}

const SEGMENTS = [inPack(0, 0, 100), inPack(1, 100, 101), inPack(2, 150, 400), inPack(3, 400, 590)]

function judge(bytes: Uint8Array, cuts: readonly number[]): readonly string[] {
  const hasher = new SegmentHasher(SEGMENTS.toReversed())
  let from = 0
  for (const to of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
    hasher.push(bytes.subarray(from, Math.min(to, bytes.length)))
    from = Math.min(to, bytes.length)
  }
  return hasher.finish().map(({ start, end, cause }) => `${start}–${end} ${cause}`)
}

const anyCuts = fc.array(fc.nat(600), { maxLength: 12 })

test('however bytes are cut into chunks, whole segments are whole', () => {
  fc.assert(
    fc.property(anyCuts, (cuts) => {
      expect(judge(BYTES, cuts)).toEqual([])
    }),
  )
})

test('any changed bit is found in the segment that it lies in, and nowhere else', () => {
  fc.assert(
    fc.property(anyCuts, fc.nat(599), fc.nat(7), (cuts, at, bit) => {
      const changed = Buffer.from(BYTES)
      changed[at] = (changed[at] ?? 0) ^ (1 << bit)
      const holder = SEGMENTS.map(({ placement }) => placement as { offset: number; length: number })
        .filter(({ offset, length }) => at >= offset && at < offset + length)
        .map(({ offset, length }) => `${offset}–${offset + length} hash`)
      expect(judge(changed, cuts)).toEqual(holder)
    }),
  )
})

test('of an object that ends early every segment that is not whole is told', () => {
  expect(judge(BYTES.subarray(0, 589), [300])).toEqual(['400–590 cut'])
  expect(judge(BYTES.subarray(0, 150), [])).toEqual(['150–400 cut', '400–590 cut'])
  expect(judge(new Uint8Array(), [])).toHaveLength(4)
})
