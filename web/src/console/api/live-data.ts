// Writes what the WebSocket says into the query cache, so that pages have one source of truth.
import type { QueryClient } from '@tanstack/react-query'
import type { EventView, WsServerMessage } from '../../../../src/api/event-contract.ts'
import type { StreamView } from '../../../../src/api/stream-contract.ts'
import { isToldInFeed } from '../events/event-words.ts'
import { applyLibraryNews } from '../library/asset-news.ts'
import type { StatusHistory } from './history.ts'
import { streamsQuery } from './queries.ts'
import type { RecentEvents } from './recent-events.ts'

export interface LiveMemory {
  readonly history: StatusHistory
  readonly recent: RecentEvents
}

export function applyMessage(client: QueryClient, memory: LiveMemory, message: WsServerMessage, nowMs: number): void {
  const { history, recent } = memory
  if (message.type === 'stream.status') {
    const { id, status, live } = message.data
    if (status !== 'offline') history.add(id, live, nowMs)
    client.setQueryData<readonly StreamView[]>(streamsQuery.queryKey, (streams) =>
      withStatus(streams, id, status, live),
    )
    client.setQueryData<StreamView>(['stream', id], (stream) =>
      stream === undefined ? undefined : { ...stream, status, live },
    )
    return
  }
  if (!isEventMessage(message)) return
  const event = message.data
  if (isToldInFeed(event)) recent.add(event)
  if (applyLibraryNews(client, event)) return
  refreshAfter(client, history, event)
}

/** After a reconnect: everything that is on screen is asked for once. */
export function refreshAll(client: QueryClient): void {
  void client.invalidateQueries({ predicate: (query) => query.queryKey[0] !== 'me' })
}

function refreshAfter(client: QueryClient, history: StatusHistory, event: EventView): void {
  switch (event.type) {
    case 'stream.deleted':
      if (event.streamId !== null) history.forget(event.streamId)
      client.setQueryData<readonly StreamView[]>(streamsQuery.queryKey, (streams) =>
        streams?.filter((stream) => stream.id !== event.streamId),
      )
      break
    case 'stream.input_connected':
    case 'stream.started':
      // The next status comes within a second; the picture should not wait for it.
      markStarting(client, event.streamId)
      break
    case 'stream.created':
    case 'stream.updated':
    case 'stream.stopped':
    case 'stream.resumed':
    case 'stream.interrupted':
      void client.invalidateQueries({ queryKey: streamsQuery.queryKey })
      if (event.streamId !== null) void client.invalidateQueries({ queryKey: ['stream', event.streamId], exact: true })
      break
    case 'system.warning':
    case 'system.error':
      void client.invalidateQueries({ queryKey: ['system'] })
      break
    default:
      // The others are told in the feed and change no figure that stream.status does not bring.
      break
  }
}

function markStarting(client: QueryClient, id: string | null): void {
  const start = (stream: StreamView): StreamView =>
    stream.id === id && (stream.status === 'offline' || stream.status === 'ended')
      ? { ...stream, status: 'starting' }
      : stream
  client.setQueryData<readonly StreamView[]>(streamsQuery.queryKey, (streams) => streams?.map(start))
  client.setQueryData<StreamView>(['stream', id], (stream) => stream && start(stream))
}

export function withStatus(
  streams: readonly StreamView[] | undefined,
  id: string,
  status: StreamView['status'],
  live: StreamView['live'],
): readonly StreamView[] | undefined {
  return streams?.map((stream) => (stream.id === id ? { ...stream, status, live } : stream))
}

function isEventMessage(message: WsServerMessage): message is Extract<WsServerMessage, { data: EventView }> {
  return 'data' in message && 'seq' in message.data && 'severity' in message.data
}
