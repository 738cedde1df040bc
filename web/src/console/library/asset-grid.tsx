import type { AssetView } from '../../../../src/api/asset-contract.ts'
import { formatBytes } from '../format/quantity.ts'
import { Progress } from '../ui/progress.tsx'
import { AssetLink } from './asset-link.tsx'
import { AssetStatusBadge } from './asset-status.tsx'
import { AssetThumb } from './asset-thumb.tsx'
import { formatWords } from './asset-words.ts'
import { GoesIn } from './goes-in.tsx'

export interface ShownAssets {
  readonly assets: readonly AssetView[]
  readonly selection: ReadonlySet<string>
  readonly isTrash: boolean
  /** Null: whoever looks may change nothing. */
  readonly onChoose: ((asset: AssetView, isRange: boolean) => void) | null
}

export function AssetGrid({ assets, selection, isTrash, onChoose }: ShownAssets) {
  return (
    <ul aria-label="Assets" className="grid grid-cols-[repeat(auto-fill,minmax(10.5rem,1fr))] gap-3 max-md:grid-cols-2">
      {assets.map((asset) => (
        <Card
          key={asset.id}
          asset={asset}
          isTrash={isTrash}
          isChosen={selection.has(asset.id)}
          isChoosing={selection.size > 0}
          onChoose={onChoose}
        />
      ))}
    </ul>
  )
}

function Card({
  asset,
  isTrash,
  isChosen,
  isChoosing,
  onChoose,
}: {
  readonly asset: AssetView
  readonly isTrash: boolean
  readonly isChosen: boolean
  readonly isChoosing: boolean
  readonly onChoose: ShownAssets['onChoose']
}) {
  const isUnfinished = asset.status === 'processing' || asset.status === 'pending'
  return (
    <li
      className={`card group relative overflow-hidden hover:border-edge/60 ${isChosen ? 'outline-2 outline-accent' : ''}`}
    >
      <span className="relative block aspect-4/3">
        <AssetThumb asset={asset} sizes="180px" />
      </span>
      {isUnfinished && (
        <span className="absolute inset-x-0 aspect-4/3 -translate-y-full">
          <span className="absolute inset-x-0 bottom-0">
            <Progress label={`Processing ${asset.name}`} share={asset.percent / 100} isThin />
          </span>
        </span>
      )}
      <div className="px-2.5 pt-2 pb-2.5">
        <AssetLink asset={asset} />
        <p className="tnum h-4 truncate text-soft text-xs">
          {isTrash ? (
            <GoesIn asset={asset} />
          ) : asset.status === 'ready' ? (
            <>
              {formatWords(asset)} · {formatBytes(asset.sizeBytes)}
            </>
          ) : (
            <AssetStatusBadge asset={asset} />
          )}
        </p>
      </div>
      {onChoose !== null && (
        <ChooseBox
          asset={asset}
          isChosen={isChosen}
          onChoose={onChoose}
          className={`absolute top-2 left-2 z-10 ${isChosen || isChoosing ? '' : 'opacity-0 focus-visible:opacity-100 group-hover:opacity-100 pointer-coarse:opacity-100'}`}
        />
      )}
    </li>
  )
}

export function ChooseBox({
  asset,
  isChosen,
  onChoose,
  className,
}: {
  readonly asset: AssetView
  readonly isChosen: boolean
  readonly onChoose: NonNullable<ShownAssets['onChoose']>
  readonly className: string
}) {
  return (
    <input
      type="checkbox"
      aria-label={`Choose ${asset.name}`}
      checked={isChosen}
      // The click knows whether Shift is held, the change does not.
      onClick={(event) => onChoose(asset, event.shiftKey)}
      onChange={() => {}}
      className={`size-5 cursor-pointer rounded accent-accent ${className}`}
    />
  )
}
