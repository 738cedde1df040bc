import { expect, test } from 'vitest'
import type { EventView } from '../../../../src/api/event-contract.ts'
import { groupByDay, isToldInFeed, matchesText } from './event-words.ts'

const event = (seq: number, at: string, more: Partial<EventView> = {}): EventView => ({
  seq,
  type: 'stream.error',
  severity: 'error',
  streamId: 'studio-1',
  at,
  code: 'publish_key_wrong',
  message: 'A publisher was refused.',
  details: {},
  ...more,
})

test('events are grouped by day without changing their order', () => {
  const events = [event(3, '2026-11-21T10:00:00Z'), event(2, '2026-11-21T09:00:00Z'), event(1, '2026-11-20T09:00:00Z')]
  const days = groupByDay(events, (atMs) => new Date(atMs).toISOString().slice(0, 10))
  expect(days.map(({ day, events: list }) => [day, list.map(({ seq }) => seq)])).toEqual([
    ['2026-11-21', [3, 2]],
    ['2026-11-20', [1]],
  ])
})

test('search looks at words, code and stream', () => {
  const one = event(1, '2026-11-21T10:00:00Z')
  expect(['REFUSED', 'key_wrong', 'studio', undefined].map((text) => matchesText(one, text))).toEqual([
    true,
    true,
    true,
    true,
  ])
  expect(matchesText(one, 'thunder')).toBe(false)
})

test('a change of the viewer count is no news', () => {
  expect(isToldInFeed(event(1, '2026-11-21T10:00:00Z', { type: 'stream.viewers' }))).toBe(false)
})
