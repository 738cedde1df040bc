// Recording of one stream: whether, how long, what there is, and what it takes.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Disc } from 'lucide-react'
import { type FormEvent, type ReactNode, useState } from 'react'
import type { DvrSettingsView, DvrView } from '../../../../src/api/dvr-contract.ts'
import type { StreamView } from '../../../../src/api/stream-contract.ts'
import { dvrQuery } from '../api/queries.ts'
import { formatAbsolute } from '../format/moment.ts'
import { formatBytes, formatCount } from '../format/quantity.ts'
import { useMayOperate } from '../shell/session.ts'
import { Button } from '../ui/button.tsx'
import { CopyRow } from '../ui/copy.tsx'
import { TextField } from '../ui/field.tsx'
import { Section } from '../ui/section.tsx'
import { EmptyState, ErrorState, InlineProblem, Skeleton } from '../ui/states.tsx'
import { Switch } from '../ui/switch.tsx'
import { toastDone, toastError } from '../ui/toast.tsx'
import { DvrPicture } from './dvr-picture.tsx'
import { dayWords, fullBytes, hourWords, lossWords, SPOOL_ALARM_SHARE, spanWords, spoolShare } from './dvr-words.ts'
import { fieldError } from './settings-panel.tsx'
import { updateStream } from './stream-actions.ts'

export function DvrPanel({ stream }: { readonly stream: StreamView }) {
  const dvr = useQuery(dvrQuery(stream.id))
  return (
    <div className="grid items-start gap-4 xl:grid-cols-[minmax(0,1.5fr)_minmax(0,1fr)]">
      <div className="grid min-w-0 gap-4">
        <Section title="What is recorded" description={`Kept for ${stream.dvr.retention}, then removed hour by hour.`}>
          {dvr.data !== undefined ? (
            <Recorded stream={stream} view={dvr.data} />
          ) : dvr.isError ? (
            <ErrorState error={dvr.error} onRetry={() => void dvr.refetch()} />
          ) : (
            <Skeleton className="h-28" />
          )}
        </Section>
        <DvrSettings key={`${stream.dvr.rewind} ${stream.dvr.retention}`} stream={stream} />
      </div>
      <Section title="What it takes" description="Growth is of the last three hours, the forecast of the last day.">
        {dvr.data !== undefined ? <Figures view={dvr.data} /> : <Skeleton className="h-44" />}
      </Section>
    </div>
  )
}

function Recorded({ stream, view }: { readonly stream: StreamView; readonly view: DvrView }) {
  if (view.segments === 0) {
    return (
      <EmptyState
        icon={<Disc size={20} />}
        title={stream.dvr.enabled ? 'Nothing is recorded yet' : 'This stream is not recorded'}
      >
        {stream.dvr.enabled
          ? 'Recording begins with the next complete segment that an encoder sends.'
          : 'Switch recording on, and viewers can go back and replay any moment.'}
      </EmptyState>
    )
  }
  return (
    <div className="space-y-3">
      <DvrPicture view={view} />
      {view.playlist !== null && <CopyRow label="Plays all of this" value={view.playlist} />}
    </div>
  )
}

type Draft = Pick<DvrSettingsView, 'rewind' | 'retention'>

function DvrSettings({ stream }: { readonly stream: StreamView }) {
  const client = useQueryClient()
  const mayOperate = useMayOperate()
  const saved: Draft = { rewind: stream.dvr.rewind, retention: stream.dvr.retention }
  const [draft, setDraft] = useState(saved)
  const isChanged = draft.rewind !== saved.rewind || draft.retention !== saved.retention
  const change = (dvr: Partial<DvrSettingsView>) =>
    updateStream(client, stream.id, { dvr }).then(() =>
      client.invalidateQueries({ queryKey: dvrQuery(stream.id).queryKey }),
    )
  const save = useMutation({ mutationFn: () => change(draft), onSuccess: () => toastDone('Recording settings saved.') })
  const turn = useMutation({
    mutationFn: (enabled: boolean) => change({ enabled }),
    onSuccess: (_, enabled) =>
      toastDone(
        enabled
          ? `${stream.id} is recorded from the next segment on.`
          : `${stream.id} is not recorded any more. What there is stays until it is too old.`,
      ),
    onError: toastError,
  })
  if (!mayOperate) {
    return (
      <Section title="Settings">
        <p className="text-soft">
          {stream.dvr.enabled ? `Recorded. Viewers can go back ${saved.rewind}.` : 'Not recorded.'}
        </p>
      </Section>
    )
  }
  const errorOf = (key: keyof Draft): string | null => fieldError(save.error, key)
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    save.mutate()
  }
  return (
    <Section
      title="Settings"
      description="They apply at once; a running encoder need not reconnect."
      actions={
        <Switch
          label={stream.dvr.enabled ? 'Recording is on' : 'Recording is off'}
          isOn={stream.dvr.enabled}
          isBusy={turn.isPending}
          onChange={(enabled) => turn.mutate(enabled)}
        />
      }
    >
      <form onSubmit={submit} className="space-y-4">
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField
            label="Rewind"
            hint="How far viewers can go back in the live player: 1m to 72h."
            error={errorOf('rewind')}
            value={draft.rewind}
            onChange={(event) => setDraft({ ...draft, rewind: event.target.value })}
            className="font-mono"
          />
          <TextField
            label="Retention"
            hint="How long recordings are kept, such as 24h; not below rewind."
            error={errorOf('retention')}
            value={draft.retention}
            onChange={(event) => setDraft({ ...draft, retention: event.target.value })}
            className="font-mono"
          />
        </div>
        {errorOf('rewind') === null && errorOf('retention') === null && <InlineProblem error={save.error} />}
        <div className="flex gap-2">
          <Button type="submit" kind="primary" isBusy={save.isPending} disabled={!isChanged}>
            Save changes
          </Button>
          {isChanged && (
            <Button
              onClick={() => {
                setDraft(saved)
                save.reset()
              }}
            >
              Discard
            </Button>
          )}
        </div>
      </form>
    </Section>
  )
}

function Figures({ view }: { readonly view: DvrView }) {
  const { spool } = view
  const full = fullBytes(view)
  const isAlarming = spoolShare(spool) >= SPOOL_ALARM_SHARE
  return (
    <dl>
      <Row label="Kept">{view.storedBytes === null ? 'being counted' : formatBytes(view.storedBytes)}</Row>
      <Row label="Grows by">{view.enabled ? hourWords(view) : 'nothing, it is off'}</Row>
      {view.enabled && <Row label="Forecast">{dayWords(view)}</Row>}
      {view.enabled && full !== null && (
        <Row
          label={`After ${view.retention}`}
          title="What is kept once the retention is full, at the pace of the forecast"
        >
          about {formatBytes(full)}
        </Row>
      )}
      {view.lostSegments > 0 && (
        <Row label="Lost" isWarning title="Since Mirror started: the disk was full or did not keep up">
          {formatCount(view.lostSegments)} segments
        </Row>
      )}
      <Row
        label="In the spool"
        isWarning={isAlarming}
        title="Of all streams: safe on this machine's disk, not in the store yet"
      >
        {formatBytes(spool.bytes)} of {formatBytes(spool.maxBytes)}
      </Row>
      <div className="mb-1.5">
        <SpoolMeter spool={spool} />
      </div>
      <Row
        label="Oldest unsaved"
        title={spool.oldestUnsavedAt === null ? undefined : formatAbsolute(Date.parse(spool.oldestUnsavedAt))}
      >
        {spool.oldestUnsavedAt === null ? 'none' : `${spanWords(spool.oldestUnsavedSec)} old`}
      </Row>
      <Row label="A lost machine takes" title="Recovery point objective: while the store takes what it is given">
        {lossWords(view)}
      </Row>
    </dl>
  )
}

/** How full the spool is, beside the words; the mark is where the alarm is raised. */
export function SpoolMeter({ spool }: { readonly spool: DvrView['spool'] }) {
  const share = spoolShare(spool)
  return (
    <div aria-hidden className="relative h-1.5 overflow-hidden rounded-full bg-hover">
      <div
        className={`h-full rounded-full ${share >= SPOOL_ALARM_SHARE ? 'bg-bad-fill' : 'bg-accent'}`}
        style={{ width: `${share * 100}%` }}
      />
      <div className="absolute inset-y-0 w-px bg-edge" style={{ left: `${SPOOL_ALARM_SHARE * 100}%` }} />
    </div>
  )
}

function Row(props: {
  readonly label: string
  readonly title?: string | undefined
  readonly isWarning?: boolean
  readonly children: ReactNode
}) {
  return (
    <div className="flex items-baseline justify-between gap-4 py-1.5" title={props.title}>
      <dt className="shrink-0 text-soft">{props.label}</dt>
      <dd className={`tnum text-right ${props.isWarning === true ? 'font-medium text-warn' : ''}`}>{props.children}</dd>
    </div>
  )
}
