// What is fetched of the library and under which key, and how the cache is kept true by what the WebSocket says.
import { type InfiniteData, infiniteQueryOptions, type QueryClient, queryOptions } from '@tanstack/react-query'
import type { AssetLabelsView, AssetPageView, AssetView } from '../../../../src/api/asset-contract.ts'
import type { ExplanationListView } from '../../../../src/api/object-contract.ts'
import type { WaveformView } from '../../../../src/api/recording-contract.ts'
import { callApi, ProblemError, toProblem } from '../api/client.ts'
import { apiQuery, type LibrarySearch } from './library-search.ts'

export const ASSETS_KEY = ['assets'] as const

export function assetPath(id: string): string {
  return `/assets/${encodeURIComponent(id)}`
}

/** One cache entry for each set of filters; how they are shown is no part of it. */
export function assetsQuery({ view: _, ...filters }: LibrarySearch) {
  return infiniteQueryOptions({
    queryKey: [...ASSETS_KEY, filters],
    queryFn: ({ signal, pageParam }) => {
      const cursor = pageParam === null ? '' : `&cursor=${encodeURIComponent(pageParam)}`
      return callApi<AssetPageView>('GET', `/assets?${apiQuery(filters, Date.now())}${cursor}`, { signal })
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  })
}

const LOOK_AGAIN_MS = 3000

export function assetQuery(id: string) {
  return queryOptions({
    queryKey: ['asset', id],
    queryFn: ({ signal }) => callApi<AssetView>('GET', assetPath(id), { signal }),
    // Events come sooner; but one may be told before the answer to what caused it, or not at all.
    refetchInterval: ({ state: { data } }) => (data !== undefined && isUnderWay(data) ? LOOK_AGAIN_MS : false),
  })
}

function isUnderWay({ status }: Pick<AssetView, 'status'>): boolean {
  return status === 'pending' || status === 'processing'
}

export const labelsQuery = queryOptions({
  queryKey: ['asset-labels'],
  queryFn: ({ signal }) => callApi<AssetLabelsView>('GET', '/assets/labels', { signal }),
})

/** Where the original lies and what has happened to it. */
export function storedQuery(key: string) {
  return queryOptions({
    queryKey: ['stored', key],
    queryFn: async ({ signal }) => {
      const { objects } = await callApi<ExplanationListView>('GET', `/objects/explain?key=${encodeURIComponent(key)}`, {
        signal,
      })
      return objects[0] ?? null
    },
  })
}

/** `path` as the API names it. It never changes. */
export function waveformQuery(path: string) {
  return queryOptions({
    queryKey: ['waveform', path],
    queryFn: ({ signal }) => callApi<WaveformView>('GET', path.replace('/api/v1', ''), { signal }),
    staleTime: Number.POSITIVE_INFINITY,
  })
}

/** Of a rendition that is text. */
export function textQuery(path: string) {
  return queryOptions({
    queryKey: ['text', path],
    queryFn: async ({ signal }) => {
      const response = await fetch(path, { signal })
      if (!response.ok) throw new ProblemError(toProblem(response.status, null))
      return await response.text()
    },
    staleTime: Number.POSITIVE_INFINITY,
  })
}

/** Into every list that shows it, and its own page. */
export function putAsset(client: QueryClient, asset: AssetView): void {
  patchAsset(client, asset.id, () => asset)
  client.setQueryData(assetQuery(asset.id).queryKey, asset)
}

export function patchAsset(client: QueryClient, id: string, change: (asset: AssetView) => AssetView): void {
  client.setQueryData(assetQuery(id).queryKey, (asset) => asset && change(asset))
  client.setQueriesData<InfiniteData<AssetPageView>>({ queryKey: ASSETS_KEY }, (data) => {
    const isShown = data?.pages.some(({ assets }) => assets.some((asset) => asset.id === id)) === true
    if (data === undefined || !isShown) return data
    const pages = data.pages.map((page) => ({
      ...page,
      assets: page.assets.map((asset) => (asset.id === id ? change(asset) : asset)),
    }))
    return { ...data, pages }
  })
}
