// Answers what origin threads ask about recordings.
import { gzipSync } from 'node:zlib'
import { MirrorError, toMirrorError } from '../core/errors.ts'
import type { StoreCall } from '../storage/object-store.ts'
import type { Archive } from './archive.ts'
import type { ArchiveAnswer, ArchiveRequest } from './archive-requests.ts'
import type { SegmentCache } from './cache/segment-cache.ts'
import { hourOfCell } from './cell-hour.ts'
import { gapsIn, mediaIn, type TimeRange } from './hour-index.ts'
import { isOver, type PresentedTrack, renderRecordedMultivariant } from './recorded-presentation.ts'
import type { RecordedTexts } from './recorded-text.ts'
import { pastOf } from './rewound-past.ts'
import type { TimeShift } from './time-shift.ts'

/** One playlist holds no more than this: 15 days at two seconds a segment would be 36 MB of text for each reload. */
const MAX_RANGE_MS = 7 * 24 * 3_600_000

export interface AnswersHost {
  readonly archive: Archive
  /** Null: what lies in the store is read there each time. */
  readonly cache: Pick<SegmentCache, 'near'> | null
  readonly texts: RecordedTexts
  /** Null: there is no such stream. */
  readonly tenantOf: (streamId: string) => string | null
  readonly now: () => number
}

export async function answerArchive(
  host: AnswersHost,
  request: ArchiveRequest,
  call: StoreCall,
): Promise<ArchiveAnswer> {
  try {
    return (await answer(host, request, call)) ?? { kind: 'missing' }
  } catch (error) {
    const { code, message, details } = toMirrorError(error)
    // Only of these somebody wants to know more.
    return { kind: 'failed', code, message, ...(code === 'object_archived' ? { details } : {}) }
  }
}

async function answer(
  { archive, cache, texts, tenantOf, now }: AnswersHost,
  request: ArchiveRequest,
  call: StoreCall,
): Promise<ArchiveAnswer | null> {
  const { streamId } = request
  const isAsset = request.tenantId !== undefined
  const tenantId = request.tenantId ?? tenantOf(streamId)
  if (tenantId === null) return null
  const stream = { tenantId, streamId }
  switch (request.kind) {
    case 'segment': {
      const { trackId, msn, notAt } = request
      const track = (await archive.tracks(stream, call)).get(trackId)
      const facts = track?.facts
      if (facts === undefined) return null
      // What is withheld is not given out by its parts, either; of a stream the newest hours are in the spool alone.
      if (isAsset && track?.hours.includes(hourOfCell(msn, facts.cell)) !== true) return null
      const location = await archive.locate({ ...stream, trackId }, msn, facts, call)
      if (location === null) return null
      if (location.kind === 'file') return { kind: 'location', location }
      const { key } = location
      const isGone = async () => await archive.noteGone({ ...stream, trackId }, hourOfCell(msn, facts.cell), key, call)
      if (key === notAt && (await isGone())) throw new MirrorError('media_gone', `${key} is gone`)
      if (cache === null) return { kind: 'location', location }
      try {
        return { kind: 'location', location: await cache.near(location, call) }
      } catch (error) {
        if (toMirrorError(error).code === 'media_gone') await isGone()
        throw error
      }
    }
    case 'init': {
      const bytes = await archive.init({ ...stream, trackId: request.trackId }, request.name, call)
      return bytes === null ? null : { kind: 'bytes', bytes }
    }
    case 'multivariant': {
      const tracks = await presented(archive, stream, request.range, now(), call)
      if (!tracks.some(({ segments }) => segments.length > 0)) return null
      const type = rangeIsPast(request.range, now()) ? 'VOD' : 'EVENT'
      const { fromMs, toMs } = request.range
      // Absolute, so that every track and every reload speak of the same time; of an asset there is only all of it.
      const query = isAsset ? '' : `?start=${fromMs}${toMs === null ? '' : `&end=${toMs}`}&type=${type.toLowerCase()}`
      const gzip = gzipSync(renderRecordedMultivariant(tracks, { query, mayHaveGaps: !isAsset }))
      return { kind: 'text', gzip, isFinal: type === 'VOD' }
    }
    case 'playlist': {
      const { range, trackId, type } = request
      const facts = (await archive.tracks(stream, call)).get(trackId)?.facts
      if (facts === undefined) return null
      const spans = await archive.spans({ ...stream, trackId }, closed(range, now()), call)
      const newest = spans.at(-1)
      if (newest === undefined) return null
      const isEnded = type === 'VOD' || isOver(newest, { toMs: range.toMs, nowMs: now() })
      return {
        kind: 'text',
        gzip: texts.gzip({ facts, spans }, { type, isEnded, isDated: !isAsset }),
        isFinal: isEnded,
      }
    }
    case 'past': {
      const tracks = await presented(archive, stream, { fromMs: request.fromMs, toMs: null }, now(), call)
      return { kind: 'past', tracks: pastOf(tracks) }
    }
    case 'ranges': {
      const tracks = await presented(archive, stream, request.range, now(), call)
      return {
        kind: 'ranges',
        tracks: tracks.map(({ id, segments }) => ({
          trackId: id,
          media: mediaIn(segments),
          gaps: gapsIn(segments),
          segments: segments.length,
          bytes: segments.reduce((sum, segment) => sum + segment.sizeBytes, 0),
        })),
      }
    }
  }
}

async function presented(
  archive: Archive,
  stream: { readonly tenantId: string; readonly streamId: string },
  asked: TimeShift,
  nowMs: number,
  call: StoreCall,
): Promise<readonly PresentedTrack[]> {
  const range = closed(asked, nowMs)
  const tracks: PresentedTrack[] = []
  for (const [id, { facts }] of await archive.tracks(stream, call)) {
    tracks.push({ id, facts, segments: await archive.segments({ ...stream, trackId: id }, range, call) })
  }
  return tracks
}

function closed({ fromMs, toMs }: TimeShift, nowMs: number): TimeRange {
  const range = { fromMs, toMs: toMs ?? nowMs }
  if (range.toMs - range.fromMs > MAX_RANGE_MS) {
    throw new MirrorError('invalid_request', 'a playlist reaches over seven days at most: ask for a shorter range')
  }
  return range
}

function rangeIsPast({ toMs }: TimeShift, nowMs: number): boolean {
  return toMs !== null && toMs <= nowMs
}
