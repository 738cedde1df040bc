import { expect, test } from 'vitest'
import { hourOf } from '../storage/keys.ts'
import { PACK_FOOTER_BYTES, parsePackTrailer, renderPackTrailer, trailerLength } from './pack-trailer.ts'
import { FACTS, HOUR_MS, indexed, TRACK } from './recordings.test-support.ts'

const contents = {
  track: TRACK,
  hour: hourOf(HOUR_MS),
  facts: FACTS,
  segments: [0, 1, 2].map((n) => {
    const { placement: _placement, ...segment } = indexed(n)
    return { ...segment, offset: n * 100 }
  }),
}

test('a pack says what it holds', () => {
  const trailer = renderPackTrailer(contents)
  expect(parsePackTrailer(trailer)).toEqual(contents)
  expect(trailerLength(trailer.subarray(-PACK_FOOTER_BYTES))).toBe(trailer.length - PACK_FOOTER_BYTES)
})

test('a trailer of which any byte was changed or cut is not believed', () => {
  const trailer = renderPackTrailer(contents)
  for (let at = 0; at < trailer.length; at += 1) {
    const changed = Buffer.from(trailer)
    changed[at] = (changed[at] ?? 0) ^ 1
    expect(parsePackTrailer(changed)).toBeNull()
  }
  expect(parsePackTrailer(trailer.subarray(1))).toBeNull()
  expect(parsePackTrailer(trailer.subarray(0, -1))).toBeNull()
  expect(parsePackTrailer(Buffer.alloc(0))).toBeNull()
})
