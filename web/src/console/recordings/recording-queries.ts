// What is fetched of recordings of calls and under which key.
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import type { RecordingPageView, RecordingView } from '../../../../src/api/recording-contract.ts'
import type { RecordingPolicyView } from '../../../../src/api/recording-policy-contract.ts'
import { callApi } from '../api/client.ts'
import { apiQuery, type RecordingSearch } from './recording-search.ts'

export const RECORDINGS_KEY = ['recordings'] as const
export const POLICY_PATH = '/recordings/policy'
export const POLICY_KEY = ['recording-policy'] as const

export function recordingPath(id: string): string {
  return `/recordings/${encodeURIComponent(id)}`
}

/** Which one is open is no part of what is asked for. */
export function recordingsQuery({ open: _, ...filters }: RecordingSearch) {
  return infiniteQueryOptions({
    queryKey: [...RECORDINGS_KEY, filters],
    queryFn: ({ signal, pageParam }) => {
      const cursor = pageParam === null ? '' : `&cursor=${encodeURIComponent(pageParam)}`
      return callApi<RecordingPageView>('GET', `/recordings?${apiQuery(filters, Date.now())}${cursor}`, { signal })
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  })
}

export function recordingQuery(id: string) {
  return queryOptions({
    queryKey: ['recording', id],
    queryFn: ({ signal }) => callApi<RecordingView>('GET', recordingPath(id), { signal }),
  })
}

export const policyQuery = queryOptions({
  queryKey: POLICY_KEY,
  queryFn: ({ signal }) => callApi<RecordingPolicyView>('GET', POLICY_PATH, { signal }),
})
