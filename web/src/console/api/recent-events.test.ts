import { expect, test } from 'vitest'
import type { EventView } from '../../../../src/api/event-contract.ts'
import { eventKey, mergeEvents, RecentEvents } from './recent-events.ts'

const event = (second: number, seq: number, streamId = 'a'): EventView => ({
  seq,
  type: 'stream.warning',
  severity: 'warning',
  streamId,
  at: new Date(Date.UTC(2026, 10, 21, 10, 0, second)).toISOString(),
  code: null,
  message: `Happening ${second}`,
  details: {},
})

test('an event heard first and stored later is listed once', () => {
  const merged = mergeEvents([event(2, 12), event(1, 11)], [event(3, 0), event(2, 0)], null)
  expect(merged.map(({ message }) => message)).toEqual(['Happening 3', 'Happening 2', 'Happening 1'])
})

test('the feed of a stream hears nothing of another', () => {
  expect(mergeEvents([], [event(1, 0, 'b')], 'a')).toEqual([])
})

test('an event that comes by two topics is kept once, and memory is bounded', () => {
  const recent = new RecentEvents()
  recent.add(event(1, 0))
  recent.add(event(1, 0))
  expect(recent.all).toHaveLength(1)
  for (let second = 2; second < 900; second += 1) recent.add(event(second, 0))
  expect(recent.all).toHaveLength(300)
  expect(recent.all[0] && eventKey(recent.all[0])).toContain('Happening 899')
})
