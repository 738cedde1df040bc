// `dvr/<tenant>/<stream>/index.json`: which tracks a stream has recorded, and in which hours. Pure.
import { MirrorError } from '../core/errors.ts'
import { type Hour, parseHour } from '../storage/keys.ts'
import type { TrackFacts } from './track-facts.ts'

export interface RecordedTrack {
  readonly facts: TrackFacts
  /** Ascending, none twice. */
  readonly hours: readonly Hour[]
}

export interface StreamIndex {
  readonly tenantId: string
  readonly streamId: string
  readonly updatedAtMs: number
  readonly tracks: Readonly<Record<string, RecordedTrack>>
}

const FORMAT = 1

export function renderStreamIndex({ tenantId, streamId, updatedAtMs, tracks }: StreamIndex): string {
  return `${JSON.stringify({ format: FORMAT, tenant: tenantId, stream: streamId, updatedAtMs, tracks }, null, 1)}\n`
}

/** Throws `index_damaged`, naming what is wrong. */
export function parseStreamIndex(text: string): StreamIndex {
  const damaged = (what: string) => new MirrorError('index_damaged', `stream index: ${what}`)
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw damaged('it is not JSON')
  }
  const { format, tenant, stream, updatedAtMs, tracks } = (json ?? {}) as Readonly<Record<string, unknown>>
  if (typeof format !== 'number' || format > FORMAT) throw damaged(`format ${String(format)} is not known`)
  if (typeof tenant !== 'string' || typeof stream !== 'string' || typeof updatedAtMs !== 'number') {
    throw damaged('tenant, stream or updatedAtMs is missing')
  }
  if (typeof tracks !== 'object' || tracks === null) throw damaged('tracks are missing')
  for (const [id, track] of Object.entries(tracks as Record<string, Partial<RecordedTrack> | null>)) {
    const cell = track?.facts?.cell
    const isWhole = typeof cell?.num === 'number' && typeof cell.den === 'number' && Array.isArray(track?.hours)
    if (!isWhole || !track.hours.every((hour) => parseHour(hour) !== null)) throw damaged(`track ${id} is not whole`)
  }
  return { tenantId: tenant, streamId: stream, updatedAtMs, tracks: tracks as StreamIndex['tracks'] }
}

/** With `hour` of a track, and the newest facts about it; the same object when that changes nothing. */
export function withHour(index: StreamIndex, trackId: string, facts: TrackFacts, hour: Hour): StreamIndex {
  const present = index.tracks[trackId]
  const hours = present?.hours ?? []
  const isNewest = hours.every((other) => other <= hour)
  const newestFacts = present !== undefined && !isNewest ? present.facts : facts
  const isKnown = hours.includes(hour) && JSON.stringify(newestFacts) === JSON.stringify(present?.facts)
  if (isKnown) return index
  const track = { facts: newestFacts, hours: [...new Set([...hours, hour])].sort() }
  return { ...index, tracks: { ...index.tracks, [trackId]: track } }
}

export function withoutHours(index: StreamIndex, trackId: string, hours: ReadonlySet<Hour>): StreamIndex {
  const present = index.tracks[trackId]
  if (present === undefined) return index
  const { [trackId]: _track, ...others } = index.tracks
  const kept = present.hours.filter((hour) => !hours.has(hour))
  return { ...index, tracks: kept.length === 0 ? others : { ...others, [trackId]: { ...present, hours: kept } } }
}
