import { expect, test } from 'vitest'
import type { Publication } from '../publication.ts'
import { Revival } from './revival.ts'

const streamId = 'cam'
const reset: Publication = { kind: 'reset', streamId }
const phase = (name: 'offline' | 'starting' | 'live'): Publication => ({ kind: 'phase', streamId, phase: name })
const kinds = (batch: readonly Publication[]) =>
  batch.map((publication) => (publication.kind === 'phase' ? publication.phase : publication.kind))

test('the first session after a replacement renews the window; the next one is like any other', () => {
  const revival = new Revival(1000)
  expect(kinds(revival.translate([phase('starting')], 1500))).toEqual(['reviving'])
  // However long the encoder takes to its next keyframe.
  expect(kinds(revival.translate([reset, phase('live')], 60_000))).toEqual(['renew', 'live'])
  expect(kinds(revival.translate([reset, phase('starting'), reset], 61_000))).toEqual(['reset', 'starting', 'reset'])
})

test('a stream that begins later, or was given up in between, begins anew', () => {
  const revival = new Revival(1000)
  expect(kinds(revival.translate([phase('starting'), reset], 30_000))).toEqual(['starting', 'reset'])
  const other = new Revival(1000)
  expect(kinds(other.translate([phase('starting'), phase('offline'), phase('starting'), reset], 1500))).toEqual([
    'reviving',
    'offline',
    'starting',
    'reset',
  ])
})

test('an owner that replaces nobody changes nothing', () => {
  const batch = [phase('starting'), reset]
  expect(new Revival(null).translate(batch, 0)).toBe(batch)
})
