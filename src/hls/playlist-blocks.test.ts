import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NO_DATE_RANGES } from './date-range.ts'
import {
  blockedMediaPlaylist,
  type MediaPlaylist,
  type PlaylistSegment,
  renderMediaPlaylist,
} from './media-playlist.ts'
import { gzipOf, PlaylistBlocks, plainOf } from './playlist-blocks.ts'

function segment(msn: number, changed: Partial<PlaylistSegment> = {}): PlaylistSegment {
  const parts = [{ uri: `p4-${msn}.m4s`, durationSec: 2, isIndependent: true, isGap: false }]
  const startsAtMs = Date.UTC(2026, 10, 21) + msn * 2000
  return {
    msn,
    dsn: 4,
    uri: `${msn}.m4s`,
    initUri: 'init-a.mp4',
    startsAtMs,
    durationSec: 2,
    isGap: false,
    parts,
    ...changed,
  }
}

function playlist(segments: readonly PlaylistSegment[]): MediaPlaylist {
  const terms = { targetDurationSec: 4, partTargetSec: 2, hasIndependentSegments: false }
  return {
    ...terms,
    segments,
    open: null,
    preloadUri: 'next.m4s',
    reports: [],
    dateRanges: NO_DATE_RANGES,
    isEnded: false,
  }
}

test('however the window moves, both forms are the playlist word for word', () => {
  const drafts = fc.array(fc.record({ isNew: fc.boolean(), isGap: fc.boolean(), hasInit: fc.boolean() }), {
    maxLength: 400,
  })
  fc.assert(
    fc.property(drafts, fc.integer({ min: 0, max: 200 }), fc.integer({ min: 1, max: 300 }), (all, first, length) => {
      let dsn = 0
      const segments = all.map(({ isNew, isGap, hasInit }, index) => {
        if (isNew && index % 7 === 0) dsn++
        return segment(first + index, { dsn, isGap, initUri: hasInit ? `init-${dsn}.mp4` : null })
      })
      const blocks = new PlaylistBlocks<PlaylistSegment>()
      for (let end = 1; end <= segments.length; end += 17) {
        const now = playlist(segments.slice(Math.max(0, end - length), end))
        const pieces = blocks.update(blockedMediaPlaylist(now))
        const text = renderMediaPlaylist(now)
        expect(plainOf(pieces).toString()).toBe(text)
        expect(gunzipSync(gzipOf(pieces)).toString()).toBe(text)
      }
    }),
    { numRuns: 15 },
  )
})

test('an update of 72 hours of two-second segments takes less than 50 ms of processor time', () => {
  const segments = Array.from({ length: 129_600 + 20 }, (_, msn) => segment(msn))
  const blocks = new PlaylistBlocks<PlaylistSegment>()
  gzipOf(blocks.update(blockedMediaPlaylist(playlist(segments.slice(0, 129_600)))))
  const spentMs: number[] = []
  for (let shift = 1; shift <= 20; shift++) {
    const now = playlist(segments.slice(shift, shift + 129_600))
    const before = process.cpuUsage()
    const gzip = gzipOf(blocks.update(blockedMediaPlaylist(now)))
    const { user, system } = process.cpuUsage(before)
    spentMs.push((user + system) / 1000)
    if (shift === 20) expect(gunzipSync(gzip).toString()).toBe(renderMediaPlaylist(now))
  }
  const median = spentMs.toSorted((a, b) => a - b)[10] ?? Number.NaN
  expect(median, `${spentMs.map((ms) => ms.toFixed(1)).join(' ')} ms`).toBeLessThan(50)
  expect(blocks.current.length).toBeLessThan(2026)
}, 60_000)

test('a block is told once, and again only when what stands before it has changed', () => {
  const segments = Array.from({ length: 400 }, (_, msn) => segment(msn))
  const blocks = new PlaylistBlocks<PlaylistSegment>()
  const numbers = (from: number, to: number, some = segments) =>
    blocks.update(blockedMediaPlaylist(playlist(some.slice(from, to)))).added.map(({ msn }) => msn)
  expect(numbers(0, 300)).toEqual([64, 128, 192])
  expect(numbers(0, 301)).toEqual([])
  expect(numbers(10, 330)).toEqual([256])
  const renumbered = segments.map((each) => ({ ...each, dsn: each.msn < 64 ? 3 : 4 }))
  expect(numbers(10, 330, renumbered)).toEqual([64, 128, 192, 256])
  expect(numbers(100, 330, renumbered)).toEqual([])
  expect(numbers(100, 200, renumbered)).toEqual([])
})
