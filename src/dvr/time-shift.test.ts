import { describe, expect, test } from 'vitest'
import { parseMoment, parsePlaylistName, parsePlaylistRequest } from './time-shift.ts'

const NOW_MS = Date.UTC(2026, 10, 21, 12)
const at = (text: string) => Date.parse(text)

describe('a moment', () => {
  test.each([
    ['2026-11-21T10:00:00Z', at('2026-11-21T10:00:00Z')],
    ['2026-11-21T10:00:00.250Z', at('2026-11-21T10:00:00.250Z')],
    ['2026-11-21T10:00', at('2026-11-21T10:00:00Z')],
    ['2026-11-21T12:00:00+02:00', at('2026-11-21T10:00:00Z')],
    ['2026-11-21', at('2026-11-21T00:00:00Z')],
    ['1795252800', 1_795_252_800_000],
    ['1795252800.5', 1_795_252_800_500],
    ['1795252800123', 1_795_252_800_123],
    ['99999999999', 99_999_999_999_000],
    ['100000000000', 100_000_000_000],
    ['-90', NOW_MS - 90_000],
    ['-5m', NOW_MS - 300_000],
    ['now', NOW_MS],
  ])('%s is understood', (text, atMs) => {
    expect(parseMoment(text, NOW_MS)).toBe(atMs)
  })

  test.each(['', 'yesterday', '2026-13-01', '-', '--5', '1e9', '0x10', '2026-11-21T25:00Z', '-5 parsecs', 'NaN'])(
    '"%s" is none',
    (text) => {
      expect(parseMoment(text, NOW_MS)).toBeNull()
    },
  )
})

describe('a playlist request', () => {
  const parse = (query: string) => parsePlaylistRequest(new URLSearchParams(query), NOW_MS)

  test('without a word about time is the live playlist', () => {
    expect(parse('_HLS_msn=5&token=x')).toEqual({ kind: 'live' })
  })

  test.each([
    ['start=-60', NOW_MS - 60_000, null],
    ['start=2026-11-21T10:00:00Z&end=2026-11-21T11:00:00Z', at('2026-11-21T10:00:00Z'), at('2026-11-21T11:00:00Z')],
    ['start=-1h&end=-30m', NOW_MS - 3_600_000, NOW_MS - 1_800_000],
    ['start=-60&end=2026-11-21T13:00:00Z', NOW_MS - 60_000, at('2026-11-21T13:00:00Z')],
    ['aws.manifestsettings=start:1795245600;end:1795249200', 1_795_245_600_000, 1_795_249_200_000],
    ['aws.manifestsettings=start:2026-11-21T10:00:00Z', at('2026-11-21T10:00:00Z'), null],
  ])('%s is a range', (query, fromMs, toMs) => {
    expect(parse(query)).toEqual({ kind: 'range', fromMs, toMs })
  })

  test.each([
    ['dvr=72h', 72 * 3_600_000],
    ['dvr_window_length=600', 600_000],
    ['aws.manifestsettings=manifest_window_seconds:900', 900_000],
  ])('%s reaches further back', (query, reachMs) => {
    expect(parse(query)).toEqual({ kind: 'rewind', reachMs })
  })

  test.each([
    'start=soon',
    'start=-60&end=-90',
    'end=-60',
    'start=2027-01-01',
    'dvr=much',
    'start=-60&end=never',
    'dvr=0s',
  ])('%s is refused with a reason', (query) => {
    expect(parse(query)).toMatchObject({ kind: 'invalid', reason: expect.stringMatching(/\w/) })
  })
})

describe('a playlist name', () => {
  test.each([
    ['archive-1795245600-3600.m3u8', { kind: 'range', fromMs: 1_795_245_600_000, toMs: 1_795_249_200_000 }],
    ['index-archive-1795245600-now.m3u8', { kind: 'range', fromMs: 1_795_245_600_000, toMs: null }],
    ['archive-1795245600-now.fmp4.m3u8', { kind: 'range', fromMs: 1_795_245_600_000, toMs: null }],
    ['timeshift_abs-1795245600.m3u8', { kind: 'range', fromMs: 1_795_245_600_000, toMs: null }],
    ['rewind-7200.m3u8', { kind: 'rewind', reachMs: 7_200_000 }],
  ])('%s is understood', (name, request) => {
    expect(parsePlaylistName(name, NOW_MS)).toEqual(request)
  })

  test.each(['playlist.m3u8', 'archive.m3u8', 'rewind-1-2.m3u8', 'archive-1-2-3.m3u8', 'xarchive-1-2.m3u8'])(
    '%s is not one of them',
    (name) => {
      expect(parsePlaylistName(name, NOW_MS)).toBeNull()
    },
  )
})
