import { QueryClient } from '@tanstack/react-query'
import { expect, test, vi } from 'vitest'
import type { AssetPageView, AssetView } from '../../../../src/api/asset-contract.ts'
import type { EventView } from '../../../../src/api/event-contract.ts'
import { applyLibraryNews } from './asset-news.ts'
import { assetQuery, assetsQuery, patchAsset, putAsset } from './asset-queries.ts'

const asset = (id: string, change: Partial<AssetView> = {}): AssetView =>
  ({ id, name: id, status: 'pending', percent: 0, step: null, ...change }) as unknown as AssetView

function event(type: string, details: EventView['details']): EventView {
  const at = '2026-11-21T10:00:00.000Z'
  return { seq: 0, type, severity: 'info', streamId: null, at, code: null, message: '', details }
}

function clientWith(...ids: readonly string[]): QueryClient {
  const client = new QueryClient()
  const page: AssetPageView = { assets: ids.map((id) => asset(id)), nextCursor: null }
  client.setQueryData(assetsQuery({}).queryKey, { pages: [page], pageParams: [null] })
  return client
}

const listed = (client: QueryClient) =>
  client.getQueryData(assetsQuery({}).queryKey)?.pages.flatMap((page) => page.assets)

test('a step is seen in the list and on the page of the asset, and nothing is asked for', () => {
  const client = clientWith('a', 'b')
  client.setQueryData(assetQuery('a').queryKey, asset('a'))
  const asked = vi.spyOn(client, 'invalidateQueries')
  const details = { assetId: 'a', percent: 42, step: 'mp4', index: 3, count: 5, stepPercent: 10 }
  expect(applyLibraryNews(client, event('asset.progress', details))).toBe(true)
  const seen = { status: 'processing', percent: 42, step: { name: 'mp4', index: 3, count: 5, percent: 10 } }
  expect(listed(client)).toMatchObject([seen, { status: 'pending' }])
  expect(client.getQueryData(assetQuery('a').queryKey)).toMatchObject(seen)
  expect(asked).not.toHaveBeenCalled()
})

test('a thousand uploads at once ask for the list twice, not a thousand times', () => {
  vi.useFakeTimers()
  try {
    const client = clientWith('a')
    const asked = vi.spyOn(client, 'invalidateQueries')
    const lists = () =>
      asked.mock.calls.filter(([filters]) => filters?.queryKey?.length === 1 && filters.queryKey[0] === 'assets')
    for (let n = 0; n < 1000; n += 1) applyLibraryNews(client, event('asset.created', { assetId: String(n) }))
    expect(lists()).toHaveLength(1)
    vi.runAllTimers()
    expect(lists()).toHaveLength(2)
  } finally {
    vi.useRealTimers()
  }
})

test('what is about neither assets nor recordings is left to others', () => {
  expect(applyLibraryNews(clientWith(), event('stream.started', {}))).toBe(false)
})

test('a list that does not show it stays the very same object', () => {
  const client = clientWith('a')
  const before = client.getQueryData(assetsQuery({}).queryKey)
  patchAsset(client, 'x', (one) => ({ ...one, percent: 1 }))
  expect(client.getQueryData(assetsQuery({}).queryKey)).toBe(before)
  putAsset(client, asset('a', { name: 'new' }))
  expect(listed(client)?.map(({ name }) => name)).toEqual(['new'])
})
