// Where the bytes lie, and what has happened to them: what `mirror explain` says.
import { useQuery } from '@tanstack/react-query'
import { Archive, ArrowRightLeft, FileArchive, Trash2, Undo2 } from 'lucide-react'
import type { AssetView } from '../../../../src/api/asset-contract.ts'
import type { ExplanationView } from '../../../../src/api/object-contract.ts'
import { formatAbsolute, formatPeriod } from '../format/moment.ts'
import { formatBytes } from '../format/quantity.ts'
import { Facts } from '../ui/facts.tsx'
import { RelativeTime } from '../ui/relative-time.tsx'
import { Section } from '../ui/section.tsx'
import { InlineProblem, Notice, Skeleton } from '../ui/states.tsx'
import { storedQuery } from './asset-queries.ts'

export function StoredPanel({ asset }: { readonly asset: Pick<AssetView, 'storageKey' | 'trashSec'> }) {
  const { data, error, isPending } = useQuery(storedQuery(asset.storageKey))
  return (
    <Section title="Storage" description="Where the original lies, and what has happened to it.">
      {isPending ? (
        <div role="status" aria-label="Loading where it lies" className="space-y-2">
          <Skeleton className="h-4 w-48" />
          <Skeleton className="h-4 w-64" />
        </div>
      ) : data === undefined || data === null ? (
        <InlineProblem error={error} />
      ) : (
        <Stored view={data} trashSec={asset.trashSec} />
      )}
    </Section>
  )
}

const TIER_WORDS = {
  hot: 'Hot: read at once',
  warm: 'Warm: read at once, cheaper to keep',
  cold: 'Cold: read at once, dear to read',
  archive: 'Archive: must be brought back before it can be read',
} as const

function Stored({ view, trashSec }: { readonly view: ExplanationView; readonly trashSec: number }) {
  const { object, blocks, ledger } = view
  if (object === null) return <Notice tone="bad">The store does not have it: its object is missing.</Notice>
  const { restore } = object
  return (
    <>
      <Facts
        facts={[
          { label: 'Tier', value: TIER_WORDS[object.tier] },
          ...(object.storageClass === null ? [] : [{ label: 'Storage class', value: object.storageClass }]),
          { label: 'Copies', value: `1, of ${formatBytes(object.bytes)}` },
          { label: 'Policy', value: `Kept until somebody deletes it, then ${formatPeriod(trashSec)} in the trash` },
          { label: 'Written', value: formatAbsolute(Date.parse(object.modifiedAt)) },
          ...(restore === null
            ? []
            : [
                {
                  label: 'Archive',
                  value:
                    restore.state === 'restored' && restore.until !== null
                      ? `Brought back until ${formatAbsolute(Date.parse(restore.until))}`
                      : restore.state === 'restoring'
                        ? 'Is being brought back'
                        : 'Lies in the archive',
                },
              ]),
        ]}
      />
      {blocks.length > 0 && (
        <div className="mt-3">
          <Notice>{blocks.join(' · ')}</Notice>
        </div>
      )}
      <h3 className="mt-4 mb-1.5 text-xs">History</h3>
      {ledger.length === 0 ? (
        <p className="text-soft">
          It was written once and lies where it was put. Moves, restores and deletions appear here.
        </p>
      ) : (
        <ol className="space-y-2">
          {ledger.map((entry) => (
            <li key={`${entry.at} ${entry.key} ${entry.state}`} className="flex gap-2.5">
              <span className="mt-0.5 text-soft">
                <ActionIcon action={entry.action} />
              </span>
              <div className="min-w-0">
                <p>{ledgerWords(entry)}</p>
                <p className="text-soft text-xs">
                  <RelativeTime at={entry.at} />
                  {entry.note !== null && ` · ${entry.note}`}
                </p>
              </div>
            </li>
          ))}
        </ol>
      )}
    </>
  )
}

type Entry = ExplanationView['ledger'][number]

function ledgerWords({ action, state, from, to, bytes }: Entry): string {
  const what = {
    move: `Moved ${from === null ? '' : `from ${from} `}to ${to ?? 'another tier'}`,
    restore: 'Brought back from the archive',
    delete: 'Deleted',
    compress: 'Kept compressed',
  }[action]
  const size = bytes === null ? '' : `, ${formatBytes(bytes)}`
  return state === 'done' ? `${what}${size}` : `${what}${size}: ${state}`
}

function ActionIcon({ action }: Pick<Entry, 'action'>) {
  switch (action) {
    case 'move':
      return <ArrowRightLeft size={14} aria-hidden />
    case 'restore':
      return <Undo2 size={14} aria-hidden />
    case 'compress':
      return <FileArchive size={14} aria-hidden />
    case 'delete':
      return <Trash2 size={14} aria-hidden />
    default:
      action satisfies never
      return <Archive size={14} aria-hidden />
  }
}
