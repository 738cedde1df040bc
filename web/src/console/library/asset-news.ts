// What the WebSocket tells of assets and recordings, written into the cache. Lists are asked for anew at most once in a
// while: a thousand files that are uploaded at once are a thousand events.
import type { QueryClient } from '@tanstack/react-query'
import type { AssetView } from '../../../../src/api/asset-contract.ts'
import type { EventView } from '../../../../src/api/event-contract.ts'
import { POLICY_KEY, RECORDINGS_KEY, recordingQuery } from '../recordings/recording-queries.ts'
import { ASSETS_KEY, assetQuery, labelsQuery, patchAsset, putAsset } from './asset-queries.ts'

const REFRESH_EVERY_MS = 1500

/** True: it was about an asset, a recording, or the policy of recordings. */
export function applyLibraryNews(client: QueryClient, event: EventView): boolean {
  const { type, details } = event
  if (type.startsWith('recording.')) {
    const id = String(details['recordingId'])
    void client.invalidateQueries({ queryKey: recordingQuery(id).queryKey })
    refreshSoon(client, RECORDINGS_KEY)
    return true
  }
  if (type.startsWith('policy.')) {
    void client.invalidateQueries({ queryKey: POLICY_KEY })
    if (type === 'policy.applied') refreshSoon(client, RECORDINGS_KEY)
    return true
  }
  if (!type.startsWith('asset.')) return false
  const id = String(details['assetId'])
  switch (type) {
    case 'asset.progress':
      patchAsset(client, id, (asset) => ({
        ...asset,
        status: 'processing',
        percent: Number(details['percent'] ?? asset.percent),
        step: stepOf(details) ?? asset.step,
      }))
      break
    case 'asset.updated':
    case 'asset.ready':
    case 'asset.failed':
      void refetchAsset(client, id)
      if (type === 'asset.updated') refreshSoon(client, labelsQuery.queryKey)
      break
    default:
      // It came, went into the trash or out of it, or for good: which lists it is in has changed.
      void client.invalidateQueries({ queryKey: assetQuery(id).queryKey })
      refreshSoon(client, ASSETS_KEY)
      refreshSoon(client, labelsQuery.queryKey)
  }
  return true
}

function stepOf({ step, index, count, stepPercent }: EventView['details']): AssetView['step'] {
  if (typeof step !== 'string' || typeof index !== 'number' || typeof count !== 'number') return null
  return { name: step, index, count, percent: typeof stepPercent === 'number' ? stepPercent : null }
}

/** Only one that somebody looks at. */
async function refetchAsset(client: QueryClient, id: string): Promise<void> {
  let isShown = client.getQueryData(assetQuery(id).queryKey) !== undefined
  patchAsset(client, id, (asset) => {
    isShown = true
    return asset
  })
  if (!isShown) return
  try {
    putAsset(client, await client.fetchQuery({ ...assetQuery(id), staleTime: 0 }))
  } catch {
    // It is gone, or the server is: the next look at it tells.
    void client.invalidateQueries({ queryKey: assetQuery(id).queryKey })
  }
}

/** Keys that are asked for anew in a moment. */
const waiting = new WeakMap<QueryClient, Set<string>>()

function refreshSoon(client: QueryClient, queryKey: readonly unknown[]): void {
  const keys = waiting.get(client) ?? new Set()
  waiting.set(client, keys)
  const name = JSON.stringify(queryKey)
  if (keys.has(name)) return
  keys.add(name)
  void client.invalidateQueries({ queryKey })
  // What comes in the meantime is seen at its end.
  setTimeout(() => {
    keys.delete(name)
    void client.invalidateQueries({ queryKey })
  }, REFRESH_EVERY_MS)
}
