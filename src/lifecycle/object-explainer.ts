// Looks up all that is known about an object, or about what was recorded at a moment.
import type { Catalog } from '../catalog/types.ts'
import { MirrorError } from '../core/errors.ts'
import type { ArchiveAnswer, ArchiveRequest } from '../dvr/archive-requests.ts'
import type { IndexedSegment } from '../dvr/hour-index.ts'
import { IndexStore } from '../dvr/index-store.ts'
import { endsAtMs, isGap } from '../dvr/recorded-segment.ts'
import { segmentExtension } from '../dvr/track-facts.ts'
import {
  HOUR_MS,
  type Hour,
  hourOf,
  hourPrefix,
  packKey,
  parseObjectKey,
  parseRecordedKey,
  recordedSegmentKey,
  type TrackPath,
} from '../storage/keys.ts'
import type { ObjectKey, StoreCall } from '../storage/object-store.ts'
import type { TieredStore } from '../storage/tiers.ts'
import { type ExplainedObject, type Explanation, explain } from './explanation.ts'
import { MOVE_JOB } from './move-job.ts'
import { RESTORE_JOB } from './restore-job.ts'

const MAX_STEPS = 100
const MAX_RECORDINGS = 1000
const MAX_JOBS = 100
/** A segment is filed by its number: its date may lie this far into another hour. */
const FILED_ASIDE_MS = 60_000

export interface ExplainerHost {
  readonly store: TieredStore
  readonly catalog: Pick<Catalog, 'streams' | 'dvrRecordings' | 'ledger' | 'jobs'>
  readonly askArchive: (request: ArchiveRequest) => Promise<ArchiveAnswer>
  readonly now: () => number
}

/** Throws `invalid_request`, `store_unavailable`, `index_damaged`. */
export async function explainKey(host: ExplainerHost, text: string, call: StoreCall): Promise<Explanation> {
  const key = parseObjectKey(text)
  if (key === null) throw new MirrorError('invalid_request', `"${text}" is no key`, { details: { path: 'key' } })
  const parsed = parseRecordedKey(key)
  const track = parsed !== null && 'track' in parsed ? parsed.track : null
  const hour = parsed !== null && 'hour' in parsed ? parsed.hour : null
  const object = await host.store.head(key, call)
  const where = object === null ? 'nowhere' : 'store'
  let segments: readonly IndexedSegment[] = []
  if (track !== null && hour !== null && (parsed?.kind === 'segment' || parsed?.kind === 'pack')) {
    const rows = (await new IndexStore(host.store, host.now).hour(track, hour, call))?.segments ?? []
    segments = rows.filter(({ msn, placement }) =>
      parsed.kind === 'pack'
        ? placement?.kind === 'pack' && placement.id === parsed.id
        : placement?.kind === 'object' && parsed.name.startsWith(`${msn}.`),
    )
  }
  const what =
    object === null
      ? `no object; ${KINDS[parsed?.kind ?? 'other']} would have this key`
      : KINDS[parsed?.kind ?? 'other']
  const ledger = await historyOf(host, key, track, hour)
  return await finish(host, { key, what, track, hour, segments, where, object, span: null, ledger })
}

const KINDS = {
  stream_index: 'the index of a stream: which tracks it has, in which hours',
  hour_index: 'the index of one track and hour',
  init: 'an init segment, which players need before any media',
  pack: 'a pack: many segments of one track',
  segment: 'one segment',
  other: 'an object that is no part of a recording',
} as const

/** Each track that has recorded anything. Throws `stream_not_found` when nobody knows of the stream. */
export async function explainMoment(
  host: ExplainerHost,
  at: { readonly streamId: string; readonly atMs: number; readonly trackId: string | null },
  call: StoreCall,
): Promise<readonly Explanation[]> {
  const { streamId, atMs, trackId: only } = at
  const row = await host.catalog.streams.get(streamId)
  if (row === null) throw new MirrorError('stream_not_found', `There is no stream ${streamId}`)
  const stream = { tenantId: row.tenantId, streamId }
  const indexes = new IndexStore(host.store, host.now)
  const stored = (await indexes.stream(stream, call))?.tracks ?? {}
  const answer = await host.askArchive({ kind: 'ranges', streamId, range: { fromMs: atMs, toMs: atMs + 1 } })
  const known = answer.kind === 'ranges' ? answer.tracks : []
  const names = new Set([...Object.keys(stored), ...known.map(({ trackId }) => trackId)])
  const explained: Explanation[] = []
  for (const trackId of [...names].sort()) {
    if (only !== null && trackId !== only) continue
    const track = { ...stream, trackId }
    const facts = stored[trackId]?.facts
    const found = facts === undefined ? null : await segmentAt(indexes, track, atMs, call)
    const nothing = { key: null, track, hour: null, segments: [], object: null, span: null, ledger: [] } as const
    if (found === null || facts === undefined) {
      const isSpooled = known.some((each) => each.trackId === trackId && each.media.length > 0)
      const what = isSpooled ? 'a segment on its way: it is safe on the local disk' : 'nothing was recorded then'
      explained.push(await finish(host, { ...nothing, what, where: isSpooled ? 'spool' : 'nowhere' }))
      continue
    }
    const { hour, segment } = found
    const { placement } = segment
    if (isGap(segment) || placement === null) {
      explained.push(await finish(host, { ...nothing, hour, segments: [segment], what: 'a gap', where: 'nowhere' }))
      continue
    }
    const key =
      placement.kind === 'pack'
        ? packKey(track, hour, placement.id)
        : recordedSegmentKey(track, hour, `${segment.msn}.${segmentExtension(facts)}`)
    const span =
      placement.kind === 'pack'
        ? { offset: placement.offset, length: placement.length }
        : { offset: 0, length: segment.sizeBytes }
    const object = await host.store.head(key, call)
    const ledger = await historyOf(host, key, track, hour)
    const what = `segment ${segment.msn}${placement.kind === 'pack' ? ', in a pack' : ''}${object === null ? '; its object is missing' : ''}`
    const where = object === null ? 'nowhere' : 'store'
    explained.push(await finish(host, { key, what, track, hour, segments: [segment], where, object, span, ledger }))
  }
  return explained
}

async function segmentAt(
  indexes: IndexStore,
  track: TrackPath,
  atMs: number,
  call: StoreCall,
): Promise<{ readonly hour: Hour; readonly segment: IndexedSegment } | null> {
  const hours = new Set([atMs, atMs - FILED_ASIDE_MS, atMs + FILED_ASIDE_MS].map(hourOf))
  for (const hour of hours) {
    const rows = (await indexes.hour(track, hour, call))?.segments ?? []
    const segment = rows.find((row) => row.startsAtMs <= atMs && atMs < endsAtMs(row))
    if (segment !== undefined) return { hour, segment }
  }
  return null
}

async function historyOf({ catalog }: ExplainerHost, key: ObjectKey, track: TrackPath | null, hour: Hour | null) {
  // Retention takes an hour as a whole.
  const keys = track === null || hour === null ? [key] : [key, hourPrefix(track, hour)]
  return await catalog.ledger.history({ keys, limit: MAX_STEPS })
}

async function finish({ catalog, now }: ExplainerHost, object: ExplainedObject): Promise<Explanation> {
  const streamId = object.track?.streamId ?? null
  const around = { stream: null, recordings: [], jobs: [], nowMs: now() }
  if (streamId === null) return explain(object, around)
  const stream = await catalog.streams.get(streamId)
  const recordings = await catalog.dvrRecordings.list({ streamId, limit: MAX_RECORDINGS })
  const listed = await Promise.all(
    ([MOVE_JOB, RESTORE_JOB] as const).flatMap((kind) =>
      (['waiting', 'running'] as const).map((state) => catalog.jobs.list({ kind, state, limit: MAX_JOBS })),
    ),
  )
  const jobs = listed.flat().filter(({ payload }) => concerns(payload, streamId, object))
  return explain(object, { ...around, stream, recordings, jobs })
}

/** Whether a job about a part of a stream is about this one. */
function concerns(payload: Readonly<Record<string, unknown>>, streamId: string, { hour }: ExplainedObject): boolean {
  const { stream, fromMs, toMs } = payload
  const isStream = typeof stream === 'object' && stream !== null && 'streamId' in stream && stream.streamId === streamId
  if (!isStream || hour === null) return isStream
  const startMs = Date.parse(`${hour}:00:00Z`)
  const isAfter = typeof fromMs !== 'number' || startMs + HOUR_MS + FILED_ASIDE_MS > fromMs
  return isAfter && (typeof toMs !== 'number' || startMs - FILED_ASIDE_MS < toMs)
}
