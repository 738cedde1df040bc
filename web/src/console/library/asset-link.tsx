import { Link } from '@tanstack/react-router'
import type { AssetView } from '../../../../src/api/asset-contract.ts'

/** The name of an asset; the whole of what it stands in can be clicked. */
export function AssetLink({ asset, className = '' }: { readonly asset: AssetView; readonly className?: string }) {
  return (
    <Link
      to="/library/$id"
      params={{ id: asset.id }}
      title={asset.name}
      className={`block truncate font-medium outline-none after:absolute after:inset-0 focus-visible:after:outline-2 focus-visible:after:outline-accent focus-visible:after:-outline-offset-2 ${className}`}
    >
      {asset.name}
    </Link>
  )
}
