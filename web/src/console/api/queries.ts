// What is fetched and under which key. The WebSocket keeps these fresh (live-data.ts), so nothing here polls.
import { infiniteQueryOptions, QueryClient, queryOptions } from '@tanstack/react-query'
import type { ApiKeyView, MeView } from '../../../../src/api/access-contract.ts'
import type { DvrOverviewView, DvrView } from '../../../../src/api/dvr-contract.ts'
import type { EventView } from '../../../../src/api/event-contract.ts'
import type { PublishKeyView, StreamView } from '../../../../src/api/stream-contract.ts'
import type { SystemView } from '../../../../src/api/system-contract.ts'
import { callApi, isProblem, listIn, ProblemError } from './client.ts'

export const EVENTS_PAGE = 50

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 30_000,
        refetchOnWindowFocus: false,
        retry: (failures, error) => failures < 2 && error instanceof ProblemError && isWorthRetrying(error),
        retryDelay: (attempt) => Math.min(500 * 2 ** attempt, 4000),
      },
      mutations: { retry: false },
    },
  })
}

function isWorthRetrying(error: ProblemError): boolean {
  return error.problem.status === 0 || error.problem.status >= 500
}

export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: async ({ signal }): Promise<MeView | null> => {
    try {
      return await callApi<MeView>('GET', '/auth/me', { signal })
    } catch (error) {
      if (isProblem(error, 'unauthorized')) return null
      throw error
    }
  },
  staleTime: 5 * 60_000,
})

export const systemQuery = queryOptions({
  queryKey: ['system'],
  queryFn: ({ signal }) => callApi<SystemView>('GET', '/system', { signal }),
})

export const streamsQuery = queryOptions({
  queryKey: ['streams'],
  queryFn: async ({ signal }) => listIn<StreamView>(await callApi('GET', '/streams', { signal }), 'streams'),
})

export function streamQuery(id: string) {
  return queryOptions({
    queryKey: ['stream', id],
    queryFn: ({ signal }) => callApi<StreamView>('GET', streamPath(id), { signal }),
  })
}

export function publishKeysQuery(id: string) {
  return queryOptions({
    queryKey: ['stream', id, 'keys'],
    queryFn: async ({ signal }) =>
      listIn<PublishKeyView>(await callApi('GET', `${streamPath(id)}/keys`, { signal }), 'keys'),
  })
}

/** Recordings grow by a segment now and then, and no message tells of it. Only while somebody looks. */
const DVR_REFRESH_MS = 10_000

export function dvrQuery(id: string) {
  return queryOptions({
    queryKey: ['stream', id, 'dvr'],
    queryFn: ({ signal }) => callApi<DvrView>('GET', `${streamPath(id)}/dvr`, { signal }),
    refetchInterval: DVR_REFRESH_MS,
  })
}

export const dvrOverviewQuery = queryOptions({
  queryKey: ['dvr'],
  queryFn: ({ signal }) => callApi<DvrOverviewView>('GET', '/dvr', { signal }),
  refetchInterval: DVR_REFRESH_MS,
})

export const apiKeysQuery = queryOptions({
  queryKey: ['api-keys'],
  queryFn: async ({ signal }) => listIn<ApiKeyView>(await callApi('GET', '/api-keys', { signal }), 'apiKeys'),
})

export interface EventPage {
  readonly events: readonly EventView[]
  /** What `before` has to be for the next page; null at the end. */
  readonly nextBefore: number | null
}

/** `null` is the whole installation. Newest first. */
export function eventsQuery(streamId: string | null) {
  const path = streamId === null ? '/events' : `${streamPath(streamId)}/events`
  return infiniteQueryOptions({
    queryKey: ['events', streamId],
    queryFn: ({ signal, pageParam }) => {
      const before = pageParam === null ? '' : `&before=${pageParam}`
      return callApi<EventPage>('GET', `${path}?limit=${EVENTS_PAGE}${before}`, { signal })
    },
    initialPageParam: null as number | null,
    getNextPageParam: (page) => page.nextBefore,
  })
}

export function streamPath(id: string): string {
  return `/streams/${encodeURIComponent(id)}`
}
