// What is wrong between the index of a stream and the hours that lie in the store. Pure.
import type { Hour } from '../../storage/keys.ts'
import type { RecordedTrack, StreamIndex } from '../stream-index.ts'
import type { TrackFacts } from '../track-facts.ts'

/** An hour of a track of which something lies in the store. */
export interface SeenHour {
  readonly hour: Hour
  /** Of a readable index; `null`: there is none. */
  readonly index: { readonly facts: TrackFacts | null; readonly updatedAtMs: number } | null
}

export interface StreamFaults {
  /** Hours with an index that the stream's index does not name: players cannot find them. */
  readonly unlisted: readonly { readonly trackId: string; readonly hour: Hour; readonly facts: TrackFacts | null }[]
  /** Hours that are named, of which nothing is left. */
  readonly lost: readonly { readonly trackId: string; readonly hour: Hour }[]
}

/**
 * `before`: the stream index as it was when the listing began, `after`: as it is now that it has ended; null where there
 * was none. What changed in between was recorded or expired meanwhile and is no fault.
 */
export function judgeStream(
  { before, after }: { readonly before: StreamIndex | null; readonly after: StreamIndex | null },
  seen: ReadonlyMap<string, readonly SeenHour[]>,
  { nowMs, graceMs }: { readonly nowMs: number; readonly graceMs: number },
): StreamFaults {
  const unlisted = [...seen].flatMap(([trackId, hours]) => {
    const track = after?.tracks[trackId]
    // What was named before expired meanwhile.
    const named = new Set(
      [before?.tracks[trackId], track].flatMap((of) => [...(of?.hours ?? []), ...(of?.expiring ?? [])]),
    )
    return hours.flatMap(({ hour, index }) => {
      // The hour index is written first: a young one may be about to be named.
      const isFault = index !== null && !named.has(hour) && nowMs - index.updatedAtMs >= graceMs
      return isFault ? [{ trackId, hour, facts: index.facts }] : []
    })
  })
  const lost = Object.entries(before?.tracks ?? {}).flatMap(([trackId, { hours }]) => {
    const stillNamed = new Set(after?.tracks[trackId]?.hours ?? [])
    const met = new Set(seen.get(trackId)?.map(({ hour }) => hour))
    return hours.filter((hour) => stillNamed.has(hour) && !met.has(hour)).map((hour) => ({ trackId, hour }))
  })
  return { unlisted, lost }
}

/** Without the hours that are lost; a track of which nothing is left goes as a whole. */
export function withoutLost(index: StreamIndex, lost: StreamFaults['lost']): StreamIndex {
  const tracks = Object.entries(index.tracks).flatMap(([id, track]): [string, RecordedTrack][] => {
    const hours = track.hours.filter((hour) => !lost.some((gone) => gone.trackId === id && gone.hour === hour))
    return hours.length === 0 && track.expiring.length === 0 ? [] : [[id, { ...track, hours }]]
  })
  return { ...index, tracks: Object.fromEntries(tracks) }
}
