import { QueryClient } from '@tanstack/react-query'
import { expect, test } from 'vitest'
import type { EventView } from '../../../../src/api/contract.ts'
import { StatusHistory } from './history.ts'
import { applyMessage, withEvent } from './live-data.ts'
import type { EventPage } from './queries.ts'

const event = (seq: number, streamId: string | null = 'a'): EventView => ({
  seq,
  type: 'stream.warning',
  severity: 'warning',
  streamId,
  at: '2026-11-21T10:00:00.000Z',
  code: null,
  message: 'The keyframe interval is long.',
  details: {},
})

const page = (...events: EventView[]): EventPage => ({ events, nextBefore: null })

test('a new event comes first', () => {
  const pages = withEvent({ pages: [page(event(1))], pageParams: [null] }, event(2))
  expect(pages?.pages[0]?.events.map((each) => each.seq)).toEqual([2, 1])
})

test('an event heard twice is listed once', () => {
  const pages = { pages: [page(event(2)), page(event(1))], pageParams: [null, 2] }
  expect(withEvent(pages, event(1))).toBe(pages)
})

test('an event of a stream reaches its own feed and the common one', () => {
  const client = new QueryClient()
  for (const scope of [null, 'a', 'b']) client.setQueryData(['events', scope], { pages: [page()], pageParams: [null] })
  applyMessage(client, new StatusHistory(), { type: 'stream.warning', data: event(7) }, 0)
  const seqs = (scope: string | null) =>
    client.getQueryData<{ pages: EventPage[] }>(['events', scope])?.pages[0]?.events.map((each) => each.seq)
  expect([seqs(null), seqs('a'), seqs('b')]).toEqual([[7], [7], []])
})

test('a message of a kind that is not known yet is ignored', () => {
  const client = new QueryClient()
  expect(() => applyMessage(client, new StatusHistory(), { type: 'pong' }, 0)).not.toThrow()
})
