// `dvr/<tenant>/<stream>/index.json`: which tracks a stream has recorded, and in which hours. Pure.
import { MirrorError } from '../core/errors.ts'
import { type Hour, parseHour } from '../storage/keys.ts'
import { isChecked, withCheck } from './checked-json.ts'
import type { TrackFacts } from './track-facts.ts'

export interface RecordedTrack {
  readonly facts: TrackFacts
  /** Ascending, none twice. */
  readonly hours: readonly Hour[]
  /** No playlist names them any more, and their media is being removed. */
  readonly expiring: readonly Hour[]
  /** Of those whose media has been removed: when (ms since 1970). What was still under way then may come after it. */
  readonly emptiedAtMs?: Readonly<Record<string, number>>
}

/** What a sweep has done to the expiring hours of a track. */
export interface SweptTrack {
  readonly emptied: readonly Hour[]
  /** Nothing of them can come any more. */
  readonly done: readonly Hour[]
}

export interface StreamIndex {
  readonly tenantId: string
  readonly streamId: string
  readonly updatedAtMs: number
  readonly tracks: Readonly<Record<string, RecordedTrack>>
}

/** From 2 on there is a `check`. */
const FORMAT = 2

export function renderStreamIndex({ tenantId, streamId, updatedAtMs, tracks }: StreamIndex): string {
  return withCheck(
    `${JSON.stringify({ format: FORMAT, tenant: tenantId, stream: streamId, updatedAtMs, tracks }, null, 1)}\n`,
  )
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
  if (typeof format !== 'number' || format < 1 || format > FORMAT) {
    throw damaged(`format ${String(format)} is not known`)
  }
  if (typeof tenant !== 'string' || typeof stream !== 'string' || typeof updatedAtMs !== 'number') {
    throw damaged('tenant, stream or updatedAtMs is missing')
  }
  if (typeof tracks !== 'object' || tracks === null) throw damaged('tracks are missing')
  for (const [id, track] of Object.entries(tracks as Record<string, Partial<RecordedTrack> | null>)) {
    const cell = track?.facts?.cell
    const isWhole =
      typeof cell?.num === 'number' &&
      typeof cell.den === 'number' &&
      Array.isArray(track?.hours) &&
      Array.isArray(track.expiring) &&
      Object.values(track.emptiedAtMs ?? {}).every(Number.isFinite)
    if (!isWhole || ![...track.hours, ...track.expiring].every((hour) => parseHour(hour) !== null))
      throw damaged(`track ${id} is not whole`)
  }
  if (format > 1 && !isChecked(text)) throw damaged('its check does not fit')
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
  const track = { expiring: [], ...present, facts: newestFacts, hours: [...new Set([...hours, hour])].sort() }
  return { ...index, tracks: { ...index.tracks, [trackId]: track } }
}

/** `expired` says which hours go; the same object when none does. */
export function withExpiring(index: StreamIndex, expired: (hours: readonly Hour[]) => readonly Hour[]): StreamIndex {
  let isChanged = false
  const tracks = Object.entries(index.tracks).map(([id, track]): [string, RecordedTrack] => {
    const gone = expired(track.hours)
    if (gone.length === 0) return [id, track]
    isChanged = true
    const hours = track.hours.filter((hour) => !gone.includes(hour))
    const expiring = [...new Set([...track.expiring, ...gone])]
    // One that was recorded anew after it had been emptied is to be emptied again.
    return [id, withTimes({ ...track, hours, expiring }, (hour) => !gone.includes(hour))]
  })
  return isChanged ? { ...index, tracks: Object.fromEntries(tracks) } : index
}

/** After a sweep, by track; one of which nothing is left goes as a whole. */
export function withSwept(index: StreamIndex, swept: ReadonlyMap<string, SweptTrack>, nowMs: number): StreamIndex {
  const tracks = Object.entries(index.tracks).flatMap(([id, track]): [string, RecordedTrack][] => {
    const { emptied, done } = swept.get(id) ?? { emptied: [], done: [] }
    const expiring = track.expiring.filter((hour) => !done.includes(hour))
    if (track.hours.length === 0 && expiring.length === 0) return []
    const emptiedAtMs = { ...Object.fromEntries(emptied.map((hour) => [hour, nowMs])), ...track.emptiedAtMs }
    return [[id, withTimes({ ...track, expiring, emptiedAtMs }, (hour) => expiring.includes(hour))]]
  })
  return { ...index, tracks: Object.fromEntries(tracks) }
}

function withTimes({ emptiedAtMs = {}, ...track }: RecordedTrack, isKept: (hour: Hour) => boolean): RecordedTrack {
  const times = Object.entries(emptiedAtMs).filter(([hour]) => isKept(hour as Hour))
  return times.length === 0 ? track : { ...track, emptiedAtMs: Object.fromEntries(times) }
}
