// Which streams of a program are which tracks. The set is fixed by the first program map: names in playlists, timeline
// entries and on other origins hang on it. Pure.
import { MAX_AUDIO_TRACKS, MAX_VIDEO_TRACKS } from '../track-id.ts'
import type { ElementaryStream } from './program-tables.ts'

export interface PlannedTrack {
  readonly trackId: string
  readonly stream: CarriedStream
}

export type CarriedStream = ElementaryStream & { readonly codec: NonNullable<ElementaryStream['codec']> }

export interface TrackPlan {
  /** In the order of their PIDs, video first. */
  readonly tracks: readonly PlannedTrack[]
  /** Tracks of an earlier map that this one does not have. They keep their names, should they come back. */
  readonly gone: readonly PlannedTrack[]
  /** Streams that came when the set was fixed, or beyond what is carried. */
  readonly late: readonly CarriedStream[]
}

/**
 * `before` are the tracks of the last map with those that were gone then; empty for the first map. A stream keeps its
 * track as long as it keeps its PID. On another PID it is known by codec and language; when every PID of a kind is
 * another, the program was multiplexed anew, and its order counts.
 */
export function planTracks(streams: readonly ElementaryStream[], before: readonly PlannedTrack[]): TrackPlan {
  const carried = streams
    .filter((stream): stream is CarriedStream => stream.codec !== null)
    .toSorted((a, b) => a.pid - b.pid)
  const plans = [planKind('v', MAX_VIDEO_TRACKS, carried, before), planKind('a', MAX_AUDIO_TRACKS, carried, before)]
  return {
    tracks: plans.flatMap(({ tracks }) => tracks),
    gone: plans.flatMap(({ gone }) => gone),
    late: plans.flatMap(({ late }) => late),
  }
}

function planKind(
  kind: 'v' | 'a',
  max: number,
  carried: readonly CarriedStream[],
  before: readonly PlannedTrack[],
): TrackPlan {
  const streams = carried.filter((stream) => kindOf(stream) === kind)
  const known = before.filter(({ trackId }) => trackId.startsWith(kind))
  if (known.length === 0) {
    const tracks = streams.slice(0, max).map((stream, index) => ({ trackId: `${kind}${index}`, stream }))
    return { tracks, gone: [], late: streams.slice(max) }
  }

  const byPid = known.flatMap(({ trackId, stream: { pid } }) => {
    const stream = streams.find((candidate) => candidate.pid === pid)
    return stream === undefined ? [] : [{ trackId, stream }]
  })
  const moved: PlannedTrack[] = []
  const taken = new Set([...byPid.map(({ stream }) => stream)])
  for (const { trackId, stream: was } of known) {
    if (byPid.some((track) => track.trackId === trackId)) continue
    const free = streams.filter((stream) => !taken.has(stream))
    // Without any PID that stayed the order counts; a kind's only stream needs no proof either.
    const isAnew = byPid.length === 0 && streams.length === known.length
    const stream = free.find((candidate) => isSameContent(candidate, was)) ?? (isAnew ? free[0] : undefined)
    if (stream === undefined) continue
    taken.add(stream)
    moved.push({ trackId, stream })
  }
  const tracks = [...byPid, ...moved].toSorted((a, b) => Number(a.trackId.slice(1)) - Number(b.trackId.slice(1)))
  return {
    tracks,
    gone: known.filter(({ trackId }) => !tracks.some((track) => track.trackId === trackId)),
    late: streams.filter((stream) => !taken.has(stream)),
  }
}

export function kindOf({ codec }: CarriedStream): 'v' | 'a' {
  return codec === 'h264' || codec === 'hevc' ? 'v' : 'a'
}

function isSameContent(a: CarriedStream, b: CarriedStream): boolean {
  return a.codec === b.codec && a.language === b.language && a.role === b.role
}
