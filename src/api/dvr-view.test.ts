import { expect, test } from 'vitest'
import type { DvrReport } from '../live/control.ts'
import { renderDvrOverview } from './dvr-view.ts'

const NOW = Date.UTC(2026, 10, 21, 12)

function stream(streamId: string, perHour: number | null, storedBytes: number | null): DvrReport['streams'][number] {
  const growth = { bytesPerHour: perHour, bytesPerDay: perHour === null ? null : perHour * 24 }
  return { streamId, segments: 3, bytes: 300, lost: 0, storedBytes, growth }
}

function report(streams: DvrReport['streams'], change: Partial<DvrReport> = {}): DvrReport {
  return {
    cache: null,
    spoolBytes: 40,
    spoolMaxBytes: 100,
    oldestUnsavedAtMs: NOW - 90_000,
    writeMode: 'pack',
    rpoMs: 300_000,
    streams,
    ...change,
  }
}

test('streams add up, and what grows most comes first', () => {
  const view = renderDvrOverview(2, report([stream('calm', 10, 1000), stream('busy', 90, 500)]), NOW)
  expect(view).toMatchObject({
    recordedStreams: 2,
    storedBytes: 1500,
    bytesPerHour: 100,
    bytesPerDayForecast: 2400,
    write: 'pack',
    rpoSec: 300,
    spool: { bytes: 40, maxBytes: 100, oldestUnsavedAt: '2026-11-21T11:58:30.000Z', oldestUnsavedSec: 90 },
  })
  expect(view.streams.map(({ id }) => id)).toEqual(['busy', 'calm'])
})

test('what is not known of one stream does not hide what is known of the others', () => {
  const view = renderDvrOverview(2, report([stream('new', null, null), stream('old', 10, 1000)]), NOW)
  expect(view).toMatchObject({ storedBytes: 1000, bytesPerHour: 10, bytesPerDayForecast: 240 })
})

test('nothing recorded is 0, nothing known is null', () => {
  expect(renderDvrOverview(0, report([]), NOW)).toMatchObject({
    storedBytes: 0,
    bytesPerHour: 0,
    bytesPerDayForecast: 0,
  })
  expect(renderDvrOverview(1, report([stream('new', null, null)]), NOW)).toMatchObject({
    storedBytes: null,
    bytesPerHour: null,
    bytesPerDayForecast: null,
  })
  expect(renderDvrOverview(1, null, NOW)).toMatchObject({ write: null, rpoSec: null, spool: { oldestUnsavedSec: 0 } })
})

test('with nothing unsaved the spool has no age', () => {
  const { spool } = renderDvrOverview(0, report([], { oldestUnsavedAtMs: null, spoolBytes: 0 }), NOW)
  expect(spool).toEqual({ bytes: 0, maxBytes: 100, oldestUnsavedAt: null, oldestUnsavedSec: 0 })
})
