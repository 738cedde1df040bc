import { ChevronRight, TriangleAlert } from 'lucide-react'
import type { RecordingView } from '../../../../src/api/recording-contract.ts'
import { formatAbsolute, formatDate, formatLength } from '../format/moment.ts'
import { formatBytes } from '../format/quantity.ts'
import { Badge } from '../ui/badge.tsx'
import { RelativeTime } from '../ui/relative-time.tsx'
import { ColumnHead, TableHead } from '../ui/table.tsx'
import { RecordingPanel } from './recording-panel.tsx'
import { statusOf } from './recording-words.ts'

const COLUMNS = 8

export function RecordingTable({
  recordings,
  openId,
  onToggle,
}: {
  readonly recordings: readonly RecordingView[]
  readonly openId: string | undefined
  readonly onToggle: (id: string) => void
}) {
  return (
    <div className="card overflow-hidden">
      <table className="w-full border-collapse text-left max-md:block" aria-label="Recordings of calls">
        <TableHead>
          <ColumnHead>Call</ColumnHead>
          <ColumnHead className="max-lg:hidden">Leg</ColumnHead>
          <ColumnHead>Received</ColumnHead>
          <ColumnHead>Status</ColumnHead>
          <ColumnHead isNumber>Length</ColumnHead>
          <ColumnHead isNumber className="max-lg:hidden">
            Size
          </ColumnHead>
          <ColumnHead className="max-xl:hidden">Tier</ColumnHead>
          <ColumnHead isNumber className="max-lg:hidden">
            Kept until
          </ColumnHead>
        </TableHead>
        {recordings.map((recording) => (
          <Row
            key={recording.id}
            recording={recording}
            isOpen={recording.id === openId}
            onToggle={() => onToggle(recording.id)}
          />
        ))}
      </table>
    </div>
  )
}

const TIERS = { hot: 'Hot', warm: 'Warm', cold: 'Cold', archive: 'Archive' } as const

function Row({
  recording,
  isOpen,
  onToggle,
}: {
  readonly recording: RecordingView
  readonly isOpen: boolean
  readonly onToggle: () => void
}) {
  const { id, callId, legId, createdAt, durationSec, sizeBytes, tier, scheduledDeletionAt, issues } = recording
  const { word, tone } = statusOf(recording)
  return (
    <tbody className="border-line border-b last:border-b-0 max-md:block">
      <tr className={`relative max-md:block max-md:px-4 max-md:py-2.5 ${isOpen ? 'bg-hover/40' : 'hover:bg-hover/50'}`}>
        <th scope="row" className="h-11 py-1 pr-3 pl-4 font-normal max-md:block max-md:h-auto max-md:p-0 max-md:pr-32">
          <button
            type="button"
            aria-expanded={isOpen}
            aria-controls={`recording-${id}`}
            onClick={onToggle}
            className="flex min-w-0 items-center gap-1.5 text-left outline-none after:absolute after:inset-0 focus-visible:after:outline-2 focus-visible:after:outline-accent focus-visible:after:-outline-offset-2"
          >
            <ChevronRight
              size={14}
              aria-hidden
              className={`shrink-0 text-soft transition-transform ${isOpen ? 'rotate-90' : ''}`}
            />
            <span className="break-all font-medium">{callId === '' ? 'Unknown call' : callId}</span>
          </button>
        </th>
        <td className="max-w-32 truncate px-3 text-soft max-lg:hidden">{legId ?? '–'}</td>
        <td className="tnum px-3 text-soft max-md:mt-1 max-md:mr-3 max-md:ml-5 max-md:inline-block max-md:p-0 max-md:text-xs">
          <RelativeTime at={createdAt} />
        </td>
        <td className="px-3 max-md:absolute max-md:top-3 max-md:right-4 max-md:p-0">
          <span className="inline-flex items-center gap-1.5">
            <Badge tone={tone}>{word}</Badge>
            {issues.length > 0 && recording.status !== 'COMPLETED' && (
              <TriangleAlert size={13} className="text-warn" aria-label="It differs from what the PBX said" />
            )}
          </span>
        </td>
        <td className="tnum px-3 text-right max-md:mt-1 max-md:mr-3 max-md:inline-block max-md:p-0 max-md:text-soft max-md:text-xs">
          {durationSec === null ? '–' : formatLength(durationSec)}
        </td>
        <td className="tnum whitespace-nowrap px-3 text-right max-lg:hidden">
          {sizeBytes === null ? '–' : formatBytes(sizeBytes)}
        </td>
        <td className="px-3 text-soft max-xl:hidden">{TIERS[tier]}</td>
        <td className="tnum whitespace-nowrap px-3 pr-4 text-right text-soft max-lg:hidden">
          {scheduledDeletionAt === null ? (
            'For ever'
          ) : (
            <time dateTime={scheduledDeletionAt} title={formatAbsolute(Date.parse(scheduledDeletionAt))}>
              {formatDate(Date.parse(scheduledDeletionAt))}
            </time>
          )}
        </td>
      </tr>
      {isOpen && (
        <tr id={`recording-${id}`} className="max-md:block">
          <td colSpan={COLUMNS} className="border-line border-t bg-surface p-4 max-md:block">
            <RecordingPanel recording={recording} />
          </td>
        </tr>
      )}
    </tbody>
  )
}
