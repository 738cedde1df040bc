// What `mirror explain` says of one object, from what was looked up. Pure.
import type { LedgerRow } from '../catalog/ledger-entry.ts'
import type { DvrRecordingRow, StreamRow } from '../catalog/types.ts'
import type { IndexedSegment } from '../dvr/hour-index.ts'
import { endsAtMs, type Span } from '../dvr/recorded-segment.ts'
import { expiresAtMs, isHeldIn } from '../dvr/retention.ts'
import type { JobRow } from '../jobs/types.ts'
import type { Hour, TrackPath } from '../storage/keys.ts'
import type { ObjectInfo } from '../storage/object-store.ts'
import { MOVE_JOB } from './move-job.ts'

export interface ExplainedObject {
  /** Null: it lies in no object. */
  readonly key: string | null
  readonly what: string
  readonly track: TrackPath | null
  readonly hour: Hour | null
  /** Segments that lie in it, by the index. */
  readonly segments: readonly IndexedSegment[]
  readonly where: 'store' | 'spool' | 'nowhere'
  readonly object: ObjectInfo | null
  /** Of one segment in its object or pack. */
  readonly span: Span | null
  /** Newest first. */
  readonly ledger: readonly LedgerRow[]
}

/** What decides over how long it stays. */
export interface Surroundings {
  /** Null: the catalog has no such stream. */
  readonly stream: StreamRow | null
  readonly recordings: readonly DvrRecordingRow[]
  /** That are not finished and concern the stream. */
  readonly jobs: readonly JobRow[]
  readonly nowMs: number
}

export interface Explanation extends ExplainedObject {
  readonly fromMs: number | null
  readonly toMs: number | null
  /** Null: never, or nothing says so. */
  readonly dueAtMs: number | null
  readonly due: string
  readonly blocks: readonly string[]
}

export function explain(object: ExplainedObject, around: Surroundings): Explanation {
  const [first, last] = [object.segments[0], object.segments.at(-1)]
  const { dueAtMs, due, holds } = dueOf(object, around)
  return {
    ...object,
    fromMs: first?.startsAtMs ?? null,
    toMs: last === undefined ? null : endsAtMs(last),
    ...{ dueAtMs, due },
    blocks: [...holds, ...restoreWords(object.object), ...tryWords(object.ledger), ...jobWords(around.jobs)],
  }
}

function dueOf({ track, hour, where }: ExplainedObject, { stream, recordings, nowMs }: Surroundings) {
  const none = (due: string) => ({ dueAtMs: null, due, holds: [] as string[] })
  if (where === 'nowhere') return none('there is nothing to go')
  if (track === null) return none('no rule of retention is about it')
  if (stream === null) return none(`${track.streamId} is no stream of this Mirror: nothing expires it`)
  if (hour === null) return none('it stays as long as something of its track is kept')
  const dueAtMs = expiresAtMs(hour, stream.settings.dvr.retentionMs)
  const held = recordings.filter(
    ({ failure, startsAtMs, endsAtMs: toMs }) => failure === null && isHeldIn(hour, { fromMs: startsAtMs, toMs }),
  )
  const holds = held.map(
    ({ id, title }) => `the recording ${id}${title === '' ? '' : ` ("${title}")`} keeps it until it is deleted`,
  )
  if (held.length > 0)
    return { dueAtMs: null, due: `retention would take its hour at ${iso(dueAtMs)}, but it is held`, holds }
  const due =
    dueAtMs <= nowMs ? 'its hour is due: the next sweep takes it' : `retention takes its hour, ${hour} UTC, as a whole`
  return { dueAtMs, due, holds }
}

function restoreWords(object: ObjectInfo | null): string[] {
  const state = object?.restore
  if (state === undefined || state.kind === 'restored') return []
  if (state.kind === 'archived') return ['it is archived: "mirror object restore" brings it back']
  return [`it is restoring${state.readyAtMs === null ? '' : `, ready at ${iso(state.readyAtMs)}`}`]
}

/** The last try, if it came to nothing. */
function tryWords([last]: readonly LedgerRow[]): string[] {
  if (last === undefined || last.state === 'done') return []
  const what = `${last.action}${last.to === null ? '' : ` to ${last.to}`}`
  if (last.state === 'failed') return [`the last ${what} failed: ${last.note ?? 'nobody wrote down why'}`]
  return [`a ${what} has begun and not ended (job ${last.jobId ?? 'none'})`]
}

function jobWords(jobs: readonly JobRow[]): string[] {
  return jobs.map(({ id, kind, state, payload, failure }) => {
    const what =
      kind === MOVE_JOB ? `moves media of the stream to ${String(payload['tier'])}` : 'restores media of the stream'
    const why = state === 'waiting' && failure !== null ? `, and waits because ${failure.message}` : ''
    return `job ${id} ${what}${why}`
  })
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString()
}
