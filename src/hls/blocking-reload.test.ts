import { expect, test } from 'vitest'
import { decideReload, type PlaylistPosition, parseDirectives } from './blocking-reload.ts'

/** Segment 100 is complete with 10 parts; 3 parts of 101 are there. */
const at: PlaylistPosition = {
  lastMsn: 100,
  lastMsnParts: 10,
  openMsn: 101,
  openParts: 3,
  partTargetSec: 0.2,
  targetDurationSec: 2,
  isEnded: false,
}

test.each<[string, number | null, number | null, Partial<PlaylistPosition>, string]>([
  ['no directive', null, null, {}, 'now'],
  ['a complete segment', 100, null, {}, 'now'],
  ['a segment that has left the window', 3, null, {}, 'now'],
  ['the growing segment as a whole', 101, null, {}, 'wait'],
  ['the one after it', 102, null, {}, 'wait'],
  ['two after the last complete one', 102, null, { openMsn: null, openParts: 0 }, 'wait'],
  ['three after the last complete one', 103, null, {}, 'reject'],
  ['an absurd segment', 999_999_999, null, {}, 'reject'],
  ['the newest part', 101, 2, {}, 'now'],
  ['the next part', 101, 3, {}, 'wait'],
  ['a part within three seconds', 101, 2 + 15, {}, 'wait'],
  ['a part beyond three seconds', 101, 2 + 16, {}, 'reject'],
  ['the first part of the next segment', 102, 0, {}, 'wait'],
  ['an early part of the segment after the next', 103, 0, {}, 'reject'],
  ['a part of a complete segment', 100, 9, {}, 'now'],
  ['a part past the end of a complete segment: part 0 of the next', 100, 10, {}, 'now'],
  ['the same while the next has no part', 100, 10, { openMsn: null, openParts: 0 }, 'wait'],
  ['part 0 of the next segment at a segment end', 101, 0, { openMsn: null, openParts: 0 }, 'wait'],
  ['a part of a segment long gone', 7, 400, {}, 'now'],
  ['a part of a gap, which has none', 100, 0, { lastMsnParts: 0, openMsn: null, openParts: 0 }, 'now'],
  ['the segment after a gap', 101, 0, { lastMsnParts: 0, openMsn: null, openParts: 0 }, 'wait'],
  ['anything before the first part', 1, 0, { lastMsn: null, lastMsnParts: 0, openMsn: null, openParts: 0 }, 'wait'],
  ['a part of the very first segment', 50, 1, { lastMsn: null, openMsn: 50, openParts: 2 }, 'now'],
  ['a part before the very first segment, of a playlist that began anew', 49, 2, { lastMsn: null, openMsn: 50 }, 'now'],
  ['a segment before the very first one', 49, null, { lastMsn: null, openMsn: 50 }, 'now'],
  ['the very first segment as a whole', 50, null, { lastMsn: null, openMsn: 50 }, 'wait'],
  ['two after the very first segment', 52, null, { lastMsn: null, openMsn: 50, openParts: 2 }, 'reject'],
  ['anything after the end', 999, 999, { isEnded: true }, 'now'],
  ['parts of a second and more: three ahead', 101, 2 + 3, { partTargetSec: 1 }, 'wait'],
  ['parts of a second and more: four ahead', 101, 2 + 4, { partTargetSec: 1 }, 'reject'],
])('%s (msn %s, part %s)', (_, msn, part, changed, decision) => {
  expect(decideReload({ msn, part, skip: null }, { ...at, ...changed })).toBe(decision)
})

test('the last part of the next segment may be asked for, however long segments are (hls.js without low latency)', () => {
  const long = { ...at, lastMsnParts: 28, openMsn: null, openParts: 0, partTargetSec: 0.214, targetDurationSec: 12 }
  expect(decideReload({ msn: 101, part: 27, skip: null }, long)).toBe('wait')
  expect(decideReload({ msn: 101, part: 60, skip: null }, long)).toBe('reject')
})

test.each([
  ['', { msn: null, part: null, skip: null }],
  ['_HLS_msn=5', { msn: 5, part: null, skip: null }],
  ['_HLS_msn=5&_HLS_part=0', { msn: 5, part: 0, skip: null }],
  ['_HLS_skip=YES', { msn: null, part: null, skip: 'YES' }],
  ['_HLS_msn=5&_HLS_skip=v2', { msn: 5, part: null, skip: 'v2' }],
  ['_HLS_skip=no', { msn: null, part: null, skip: null }],
  ['_HLS_part=1', null],
  ['_HLS_msn=-1', null],
  ['_HLS_msn=1.5', null],
  ['_HLS_msn=', null],
  ['_HLS_msn=5&_HLS_part=x', null],
  ['_HLS_msn=9999999999999999', null],
])('directives of "%s"', (query, expected) => {
  expect(parseDirectives(new URLSearchParams(query))).toEqual(expected)
})
