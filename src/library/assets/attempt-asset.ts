// Jobs that make an asset: each attempt under an id of its own, so that one that slept through its lease takes nothing
// away from the next, and the next finds what it has made.
import type { JobClaim, JobPayload } from '../../jobs/types.ts'
import { assetOriginalKey } from '../../storage/keys.ts'
import type { AssetRow } from './asset.ts'
import type { CreatedAsset } from './asset-shelf.ts'
import type { TakeHost } from './take-as-asset.ts'

export function attemptId({ id, fence }: JobClaim): string {
  return `${id}-${fence}`
}

/** The asset that an earlier attempt has made; null: there is none, and no bytes of one are left. */
export async function takenBefore(
  { assets, store }: Pick<TakeHost, 'assets' | 'store'>,
  tenantId: string,
  claim: JobClaim,
  signal: AbortSignal,
): Promise<AssetRow | null> {
  for (let fence = 1; fence < claim.fence; fence += 1) {
    const id = attemptId({ ...claim, fence })
    const before = await assets.get(tenantId, id)
    if (before !== null) return before
    await store.delete([assetOriginalKey(tenantId, id)], { signal })
  }
  return null
}

export function takenResult({
  asset: { id, kind },
  isDuplicate,
}: Pick<CreatedAsset, 'asset' | 'isDuplicate'>): JobPayload {
  return { outcome: 'stored', asset: id, assetKind: kind, duplicate: isDuplicate }
}
