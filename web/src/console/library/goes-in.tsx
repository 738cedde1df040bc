import type { AssetView } from '../../../../src/api/asset-contract.ts'
import { formatAbsolute, formatUntil } from '../format/moment.ts'
import { useNow } from '../ui/relative-time.tsx'

/** Of what is in the trash: when it goes for good. */
export function GoesIn({ asset }: { readonly asset: Pick<AssetView, 'scheduledDeletionAt'> }) {
  const now = useNow()
  if (asset.scheduledDeletionAt === null) return null
  const atMs = Date.parse(asset.scheduledDeletionAt)
  return (
    <time dateTime={asset.scheduledDeletionAt} title={formatAbsolute(atMs)}>
      Goes {formatUntil(atMs, now)}
    </time>
  )
}
