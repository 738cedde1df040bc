import { expect, test } from 'vitest'
import { type Hour, parseHour } from '../../storage/keys.ts'
import { FACTS } from '../recordings.test-support.ts'
import type { StreamIndex } from '../stream-index.ts'
import { judgeStream, type SeenHour, withoutLost } from './judge-stream.ts'

const h = (hour: number) => parseHour(`2026-11-21T${String(hour).padStart(2, '0')}`) as Hour
const CLOCK = { nowMs: 10_000_000, graceMs: 1_000_000 }

function stream(hours: readonly number[], expiring: readonly number[] = []): StreamIndex {
  const v0 = { facts: FACTS, hours: hours.map(h), expiring: expiring.map(h) }
  return { tenantId: 'default', streamId: 'demo', updatedAtMs: 0, tracks: { v0 } }
}

function seen(...hours: readonly number[]): ReadonlyMap<string, readonly SeenHour[]> {
  return new Map([['v0', hours.map((hour) => ({ hour: h(hour), index: { facts: FACTS, updatedAtMs: 0 } }))]])
}

const judged = (...args: Parameters<typeof judgeStream>) => {
  const { unlisted, lost } = judgeStream(...args)
  return { unlisted: unlisted.map(({ hour }) => hour), lost: lost.map(({ hour }) => hour) }
}

test('what is named is there and what is there is named', () => {
  const same = { before: stream([7, 8]), after: stream([7, 8]) }
  expect(judged(same, seen(7, 8), CLOCK)).toEqual({ unlisted: [], lost: [] })
  expect(judged(same, seen(8, 9), CLOCK)).toEqual({ unlisted: [h(9)], lost: [h(7)] })
  expect(judged({ before: null, after: null }, seen(7), CLOCK)).toEqual({ unlisted: [h(7)], lost: [] })
})

test('what was recorded or expired while the listing went on is no fault', () => {
  const change = { before: stream([6, 7], [5]), after: stream([7, 8], [6]) }
  expect(judged(change, seen(5, 6, 7), CLOCK)).toEqual({ unlisted: [], lost: [] })
  expect(judged(change, seen(7), CLOCK)).toEqual({ unlisted: [], lost: [] })
})

test('an hour whose index is young may be about to be named; one whose index cannot be read is not named yet', () => {
  const young = new Map([['v0', [{ hour: h(7), index: { facts: FACTS, updatedAtMs: 9_500_000 } }]]])
  expect(judged({ before: null, after: null }, young, CLOCK).unlisted).toEqual([])
  const unreadable = new Map([['v0', [{ hour: h(7), index: null }]]])
  expect(judged({ before: stream([7]), after: stream([7]) }, unreadable, CLOCK)).toEqual({ unlisted: [], lost: [] })
})

test('lost hours are named no more, and a track of which nothing is left goes', () => {
  const lost = [{ trackId: 'v0', hour: h(7) }]
  expect(withoutLost(stream([7, 8]), lost)).toEqual(stream([8]))
  expect(withoutLost(stream([7]), lost).tracks).toEqual({})
  expect(withoutLost(stream([7], [6]), lost)).toEqual(stream([], [6]))
})
