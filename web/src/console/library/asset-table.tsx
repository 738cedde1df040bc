import { Link } from '@tanstack/react-router'
import type { AssetView } from '../../../../src/api/asset-contract.ts'
import { formatBytes } from '../format/quantity.ts'
import { RelativeTime } from '../ui/relative-time.tsx'
import { ChooseBox, type ShownAssets } from './asset-grid.tsx'
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
        <thead className="border-line border-b bg-sunken/60 text-soft text-xs max-md:hidden">
          <tr className="h-9">
            {onChoose !== null && (
              <th scope="col" className="w-10 pl-4">
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
              </th>
            )}
            <th scope="col" className="px-3 font-medium first:pl-4">
              Name
            </th>
            <th scope="col" className="px-3 font-medium">
              Status
            </th>
            <th scope="col" className="px-3 font-medium max-lg:hidden">
              Tags
            </th>
            <th scope="col" className="px-3 font-medium max-lg:hidden">
              Type
            </th>
            <th scope="col" className="px-3 text-right font-medium">
              Size
            </th>
            <th scope="col" className="px-3 pr-4 text-right font-medium">
              {isTrash ? 'Goes for good' : 'Uploaded'}
            </th>
          </tr>
        </thead>
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
            <Link
              to="/library/$id"
              params={{ id: asset.id }}
              title={asset.name}
              className="block max-w-80 truncate font-medium outline-none after:absolute after:inset-0 focus-visible:after:outline-2 focus-visible:after:outline-accent focus-visible:after:-outline-offset-2"
            >
              {asset.name}
            </Link>
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
