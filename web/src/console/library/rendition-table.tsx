import { Download, ExternalLink, Link2 } from 'lucide-react'
import type { AssetView } from '../../../../src/api/asset-contract.ts'
import { formatBytes } from '../format/quantity.ts'
import { IconButton } from '../ui/button.tsx'
import { Section } from '../ui/section.tsx'
import { ColumnHead, TableHead } from '../ui/table.tsx'
import { numberFact, originalPath, renditionWords } from './asset-words.ts'

interface Row {
  readonly name: string | null
  readonly words: string
  readonly contentType: string
  readonly sizeBytes: number
  readonly width: number | null
  readonly height: number | null
  readonly path: string
}

export function RenditionTable({
  asset,
  onShare,
}: {
  readonly asset: AssetView
  readonly onShare: ((rendition: string | null) => void) | null
}) {
  const rows: readonly Row[] = [
    {
      ...{ name: null, words: 'Original', contentType: asset.contentType, sizeBytes: asset.sizeBytes },
      ...{ width: numberFact(asset, 'width'), height: numberFact(asset, 'height'), path: originalPath(asset) },
    },
    ...asset.renditions
      .map((rendition) => ({ ...rendition, words: renditionWords(rendition.name) }))
      .toSorted((a, b) => b.sizeBytes - a.sizeBytes),
  ]
  const hasPixels = rows.some(({ width }) => width !== null)
  return (
    <Section title="Renditions" isFlush>
      <table className="w-full border-collapse border-line border-t text-left">
        <TableHead>
          <ColumnHead>What</ColumnHead>
          <ColumnHead>Type</ColumnHead>
          {hasPixels && <ColumnHead isNumber>Pixels</ColumnHead>}
          <ColumnHead isNumber>Size</ColumnHead>
          <ColumnHead isNumber>
            <span className="sr-only">Actions</span>
          </ColumnHead>
        </TableHead>
        <tbody>
          {rows.map((row) => (
            <tr
              key={row.name ?? ''}
              className="border-line border-b last:border-b-0 max-md:relative max-md:block max-md:px-4 max-md:py-2"
            >
              <td className="h-10 px-4 font-medium max-md:block max-md:h-auto max-md:p-0">{row.words}</td>
              <td className="px-3 text-soft text-xs max-md:mr-2 max-md:inline-block max-md:p-0">{row.contentType}</td>
              {hasPixels && (
                <td className="tnum whitespace-nowrap px-3 text-right text-xs max-md:mr-2 max-md:inline-block max-md:p-0 max-md:text-soft">
                  {row.width === null || row.height === null ? (
                    <span className="max-md:hidden">–</span>
                  ) : (
                    `${row.width} × ${row.height}`
                  )}
                </td>
              )}
              <td className="tnum whitespace-nowrap px-3 text-right max-md:inline-block max-md:p-0 max-md:text-soft max-md:text-xs">
                {formatBytes(row.sizeBytes)}
              </td>
              <td className="w-px whitespace-nowrap pr-2 text-right max-md:absolute max-md:top-1.5 max-md:right-1 max-md:w-auto max-md:p-0">
                <Actions asset={asset} row={row} onShare={onShare} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  )
}

const LINK =
  'inline-flex size-8 items-center justify-center rounded-md text-soft hover:bg-hover hover:text-ink max-md:size-9'

function Actions({
  asset,
  row,
  onShare,
}: {
  readonly asset: AssetView
  readonly row: Row
  readonly onShare: ((rendition: string | null) => void) | null
}) {
  const isShown = /^(?:image|video|audio)\//.test(row.contentType)
  return (
    <>
      {isShown && (
        <a href={row.path} target="_blank" rel="noreferrer" title="Open" className={LINK}>
          <ExternalLink size={14} aria-label={`Open ${row.words}`} />
        </a>
      )}
      <a href={row.path} download={row.name === null ? asset.name : true} title="Download" className={LINK}>
        <Download size={14} aria-label={`Download ${row.words}`} />
      </a>
      {onShare !== null && (
        <IconButton label={`Share ${row.words}`} onClick={() => onShare(row.name)}>
          <Link2 size={14} />
        </IconButton>
      )}
    </>
  )
}
