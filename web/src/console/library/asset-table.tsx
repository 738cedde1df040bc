import type { AssetView } from '../../../../src/api/asset-contract.ts'
import { formatBytes } from '../format/quantity.ts'
import { RelativeTime } from '../ui/relative-time.tsx'
import { ColumnHead, TableHead } from '../ui/table.tsx'
import { ChooseBox, type ShownAssets } from './asset-grid.tsx'
import { AssetLink } from './asset-link.tsx'
import { AssetStatusBadge } from './asset-status.tsx'
import { AssetThumb } from './asset-thumb.tsx'
import { formatWords } from './asset-words.ts'
import { GoesIn } from './goes-in.tsx'
import type { ChangeSearch } from './library-page.tsx'

export function AssetTable({
  assets,
  selection,
  isTrash,
  onChoose,
  onChooseAll,
  change,
}: ShownAssets & { readonly onChooseAll: () => void; readonly change: ChangeSearch }) {
  const isAll = assets.every(({ id }) => selection.has(id))
  return (
    <div className="card overflow-hidden">
      <table className="w-full border-collapse text-left max-md:block" aria-label="Assets">
        <TableHead>
          {onChoose !== null && (
            <ColumnHead className="w-10">
              <input
                type="checkbox"
                aria-label="Choose all that are shown"
                checked={isAll}
                ref={(box) => {
                  if (box !== null) box.indeterminate = !isAll && selection.size > 0
                }}
                onChange={onChooseAll}
                className="size-4 align-middle accent-accent"
              />
            </ColumnHead>
          )}
          <ColumnHead>Name</ColumnHead>
          <ColumnHead>Status</ColumnHead>
          <ColumnHead className="max-lg:hidden">Tags</ColumnHead>
          <ColumnHead className="max-lg:hidden">Type</ColumnHead>
          <ColumnHead isNumber>Size</ColumnHead>
          <ColumnHead isNumber>{isTrash ? 'Goes for good' : 'Uploaded'}</ColumnHead>
        </TableHead>
        <tbody className="max-md:block">
          {assets.map((asset) => (
            <Row
              key={asset.id}
              asset={asset}
              isTrash={isTrash}
              isChosen={selection.has(asset.id)}
              onChoose={onChoose}
              change={change}
            />
          ))}
        </tbody>
      </table>
    </div>
  )
}

const FIGURE =
  'tnum whitespace-nowrap px-3 text-right max-md:mt-1.5 max-md:mr-3 max-md:inline-block max-md:p-0 max-md:text-soft max-md:text-xs'

function Row({
  asset,
  isTrash,
  isChosen,
  onChoose,
  change,
}: {
  readonly asset: AssetView
  readonly isTrash: boolean
  readonly isChosen: boolean
  readonly onChoose: ShownAssets['onChoose']
  readonly change: ChangeSearch
}) {
  return (
    <tr
      className={`relative border-line border-b last:border-b-0 max-md:block max-md:py-2.5 max-md:pr-12 max-md:pl-4 ${isChosen ? 'bg-accent-wash' : 'hover:bg-hover/50'}`}
    >
      {onChoose !== null && (
        <td className="w-10 pl-4 max-md:absolute max-md:top-4 max-md:right-4 max-md:w-auto max-md:p-0">
          <ChooseBox
            asset={asset}
            isChosen={isChosen}
            onChoose={onChoose}
            className="relative z-10 size-4! align-middle max-md:size-5!"
          />
        </td>
      )}
      <td className="h-13 px-3 py-1.5 first:pl-4 max-md:block max-md:h-auto max-md:p-0">
        <div className="flex items-center gap-3">
          <span className="relative size-9 shrink-0 overflow-hidden rounded-md">
            <AssetThumb asset={asset} sizes="36px" isSmall />
          </span>
          <div className="min-w-0">
            <AssetLink asset={asset} className="max-w-80" />
            {asset.folder !== '' && (
              <button
                type="button"
                onClick={() => change({ folder: asset.folder })}
                className="relative z-10 block max-w-80 truncate text-soft text-xs hover:text-ink hover:underline"
                title={`Show the folder ${asset.folder}`}
              >
                {asset.folder}
              </button>
            )}
          </div>
        </div>
      </td>
      <td className="px-3 max-md:mt-1.5 max-md:mr-3 max-md:inline-block max-md:p-0">
        <AssetStatusBadge asset={asset} />
      </td>
      <td className="max-w-48 px-3 max-lg:hidden">
        <span className="flex gap-1 overflow-hidden">
          {asset.tags.slice(0, 3).map((tag) => (
            <button
              key={tag}
              type="button"
              onClick={() => change({ tag })}
              className="relative z-10 max-w-28 truncate rounded bg-sunken px-1.5 text-soft text-xs hover:text-ink"
            >
              {tag}
            </button>
          ))}
          {asset.tags.length > 3 && <span className="text-soft text-xs">+{asset.tags.length - 3}</span>}
        </span>
      </td>
      <td className="px-3 text-soft text-xs max-lg:hidden">{formatWords(asset)}</td>
      <td className={FIGURE}>{formatBytes(asset.sizeBytes)}</td>
      <td className={`${FIGURE} pr-4`}>
        {isTrash ? <GoesIn asset={asset} /> : <RelativeTime at={asset.uploadedAt} />}
      </td>
    </tr>
  )
}
