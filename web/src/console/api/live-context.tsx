import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, useContext, useEffect, useState, useSyncExternalStore } from 'react'
import { isToldInFeed } from '../events/event-words.ts'
import { useNow } from '../ui/relative-time.tsx'
import { type Sample, StatusHistory } from './history.ts'
import { applyMessage, type LiveMemory, refreshAll } from './live-data.ts'
import { eventsQuery } from './queries.ts'
import { mergeEvents, RecentEvents } from './recent-events.ts'
import { type ConnectionState, LiveSocket } from './socket.ts'

interface Live extends LiveMemory {
  readonly socket: LiveSocket
}

const LiveContext = createContext<Live | null>(null)

/** Holds the one WebSocket for as long as somebody is logged in. */
export function LiveProvider({ children }: { readonly children: ReactNode }) {
  const client = useQueryClient()
  const [live, setLive] = useState<Live | null>(null)

  useEffect(() => {
    const memory: LiveMemory = { history: new StatusHistory(), recent: new RecentEvents() }
    const socket = new LiveSocket({
      url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/v1/ws`,
      onMessage: (message) => applyMessage(client, memory, message, Date.now()),
      onResume: () => refreshAll(client),
    })
    setLive({ socket, ...memory })
    return () => socket.close()
  }, [client])

  if (live === null) return null
  return <LiveContext value={live}>{children}</LiveContext>
}

function useLive(): Live {
  const live = useContext(LiveContext)
  if (live === null) throw new Error('LiveProvider is missing above this component')
  return live
}

export function useTopic(topic: string): void {
  const { socket } = useLive()
  useEffect(() => socket.subscribe(topic), [socket, topic])
}

export function useConnection(): { readonly state: ConnectionState; readonly downSinceMs: number | null } {
  const { socket } = useLive()
  const state = useSyncExternalStore(
    (listener) => socket.onState(listener),
    () => socket.state,
  )
  return { state, downSinceMs: socket.downSinceMs }
}

export function useHistory(streamId: string): readonly Sample[] {
  const { history } = useLive()
  return useSyncExternalStore(
    (listener) => history.subscribe(listener),
    () => history.of(streamId),
  )
}

/** What happened, newest first, without figures that merely changed. `null` is the whole installation. */
export function useEvents(streamId: string | null) {
  const { recent } = useLive()
  const query = useInfiniteQuery(eventsQuery(streamId))
  const heard = useSyncExternalStore(
    (listener) => recent.subscribe(listener),
    () => recent.all,
  )
  const stored = (query.data?.pages ?? []).flatMap((page) => page.events)
  return { query, events: mergeEvents(stored, heard, streamId).filter(isToldInFeed) }
}

/** A status comes about once a second; this long without one, figures are shown as old. */
const STALE_AFTER_MS = 5000

/** How long nothing was heard of a live stream, or null while its figures are fresh. */
export function useStaleMs(streamId: string, isLive: boolean): number | null {
  const lastAtMs = useHistory(streamId).at(-1)?.atMs
  const now = useNow()
  if (!isLive || lastAtMs === undefined || now - lastAtMs < STALE_AFTER_MS) return null
  return now - lastAtMs
}
