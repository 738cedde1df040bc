import { QueryClient } from '@tanstack/react-query'
import { expect, test } from 'vitest'
import type { EventView } from '../../../../src/api/event-contract.ts'
import type { LiveView, StreamView } from '../../../../src/api/stream-contract.ts'
import { StatusHistory } from './history.ts'
import { applyMessage, type LiveMemory } from './live-data.ts'
import { RecentEvents } from './recent-events.ts'

const event: EventView = {
  seq: 0,
  type: 'stream.deleted',
  severity: 'info',
  streamId: 'a',
  at: '2026-11-21T10:00:00.000Z',
  code: null,
  message: 'Stream a was deleted',
  details: {},
}
const live = { bitrateBps: 4_000_000, viewers: 3, fps: 25, latencyMs: null } as unknown as LiveView
const stream = (id: string): StreamView => ({ id, status: 'offline' }) as unknown as StreamView
const remember = (): LiveMemory => ({ history: new StatusHistory(), recent: new RecentEvents() })

test('a status reaches the list, the page of the stream and the plots', () => {
  const client = new QueryClient()
  const memory = remember()
  client.setQueryData(['streams'], [stream('a'), stream('b')])
  client.setQueryData(['stream', 'a'], stream('a'))
  applyMessage(client, memory, { type: 'stream.status', data: { id: 'a', status: 'live', live } }, 5000)
  expect(client.getQueryData<StreamView[]>(['streams'])?.map(({ status }) => status)).toEqual(['live', 'offline'])
  expect(client.getQueryData<StreamView>(['stream', 'a'])?.live.viewers).toBe(3)
  expect(memory.history.of('a').map(({ atMs }) => atMs)).toEqual([5000])
})

test('a deleted stream leaves the list and the memory at once', () => {
  const client = new QueryClient()
  const memory = remember()
  memory.history.add('a', live, 1000)
  client.setQueryData(['streams'], [stream('a'), stream('b')])
  applyMessage(client, memory, { type: 'stream.deleted', data: event }, 2000)
  expect(client.getQueryData<StreamView[]>(['streams'])?.map(({ id }) => id)).toEqual(['b'])
  expect(memory.history.of('a')).toEqual([])
  expect(memory.recent.all).toEqual([event])
})

test('an encoder that connects is seen before its first status, one that is on air is left alone', () => {
  const client = new QueryClient()
  client.setQueryData(['streams'], [stream('a'), { ...stream('b'), status: 'interrupted' }])
  for (const streamId of ['a', 'b']) {
    const connected: EventView = { ...event, type: 'stream.input_connected', streamId }
    applyMessage(client, remember(), { type: 'stream.input_connected', data: connected }, 0)
  }
  expect(client.getQueryData<StreamView[]>(['streams'])?.map(({ status }) => status)).toEqual([
    'starting',
    'interrupted',
  ])
})

test('a message of a kind that is not known yet is ignored', () => {
  expect(() => applyMessage(new QueryClient(), remember(), { type: 'pong' }, 0)).not.toThrow()
})
