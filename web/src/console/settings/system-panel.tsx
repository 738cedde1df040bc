import { useQuery } from '@tanstack/react-query'
import { CircleCheck } from 'lucide-react'
import type { ReactNode } from 'react'
import type { SystemView } from '../../../../src/api/system-contract.ts'
import { systemQuery } from '../api/queries.ts'
import { formatAbsolute, formatElapsed } from '../format/moment.ts'
import { CopyButton } from '../ui/copy.tsx'
import { RelativeTime, useNow } from '../ui/relative-time.tsx'
import { Section } from '../ui/section.tsx'
import { ErrorState, Notice, Skeleton } from '../ui/states.tsx'

export function SystemPanel() {
  const system = useQuery(systemQuery)
  return (
    <Section title="System">
      {system.isPending && <Skeleton className="h-48" />}
      {system.isError && <ErrorState error={system.error} onRetry={() => void system.refetch()} />}
      {system.data !== undefined && <SystemFacts system={system.data} />}
    </Section>
  )
}

function SystemFacts({ system }: { readonly system: SystemView }) {
  const now = useNow()
  const { addresses } = system
  return (
    <div className="space-y-4">
      <Problems system={system} />
      <dl className="divide-y divide-line">
        <Fact label="Version">{system.version}</Fact>
        <Fact label="Running for">
          <span title={`Since ${formatAbsolute(Date.parse(system.startedAt))}`}>
            {formatElapsed(now - Date.parse(system.startedAt))}
          </span>
        </Fact>
        <Fact label="Database">{system.database === 'sqlite' ? 'SQLite, in the data folder' : 'PostgreSQL'}</Fact>
        <Fact label="Catalog backup">
          {system.catalogBackup === null ? 'None yet' : <RelativeTime at={system.catalogBackup.at} />}
        </Fact>
        <Address label="Console and API" value={addresses.console} />
        <Address label="Media origin" value={addresses.media} />
        <Address label="RTMP" value={addresses.rtmp} />
        <Address label="SRT" value={addresses.srt} />
      </dl>
    </div>
  )
}

export function Problems({ system }: { readonly system: SystemView }) {
  if (system.problems.length === 0) {
    return (
      <p className="flex items-center gap-2 rounded-md bg-ok-wash px-3 py-2 text-ok text-xs">
        <CircleCheck size={14} aria-hidden /> Everything this server needs is there.
      </p>
    )
  }
  return (
    <div className="space-y-2">
      {system.problems.map((problem) => (
        <Notice key={problem.code}>{problem.message}</Notice>
      ))}
    </div>
  )
}

function Fact({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  return (
    <div className="flex min-h-9 items-center justify-between gap-4">
      <dt className="shrink-0 text-soft text-xs">{label}</dt>
      <dd className="tnum flex min-w-0 items-center gap-1 text-right">{children}</dd>
    </div>
  )
}

function Address({ label, value }: { readonly label: string; readonly value: string | null }) {
  return (
    <Fact label={label}>
      {value === null ? (
        <span className="text-soft">off</span>
      ) : (
        <>
          <code className="truncate font-mono text-xs">{value}</code>
          <CopyButton text={value} label={`Copy ${label} address`} />
        </>
      )}
    </Fact>
  )
}
