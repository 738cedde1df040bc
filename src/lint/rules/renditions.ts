// Playlists of one presentation against each other: RFC 8216bis 6.2.4.
import type { ClockZero, PresentationHistory, RenditionHistory } from '../history.ts'
import type { MediaPlaylist, Segment } from '../media-playlist-model.ts'
import { BIS, type Fault, ms, type Rule } from './rule.ts'
import { parentsOf } from './segments.ts'

/** Frames of sound and picture end apart, and parts of sound may. Players place what follows by the sum of durations. */
const OUT_OF_STEP_MS = 500
/** Dates are written in milliseconds and audio frames last 21: no player hears less. */
const CLOCK_SLACK_MS = 50

export const RENDITION_RULES: readonly Rule[] = [
  across('target-duration-equal', 'All renditions have the same target duration.', function* (renditions) {
    // 6.2.4 exempts subtitles and I-frame playlists of type VOD.
    const bound = renditions.filter(({ latest }) => !(latest.isIFramesOnly && latest.playlistType === 'VOD'))
    yield* allEqual(bound, 'EXT-X-TARGETDURATION', ({ first }) => String(first?.targetDurationSec))
  }),
  across('server-control-equal', 'All renditions have the same EXT-X-SERVER-CONTROL.', (renditions) =>
    allEqual(renditions, 'EXT-X-SERVER-CONTROL', ({ first }) => first?.serverControl?.text ?? 'none'),
  ),
  across('playlist-type-equal', 'All renditions have the same EXT-X-PLAYLIST-TYPE, or none has one.', (renditions) =>
    allEqual(renditions, 'EXT-X-PLAYLIST-TYPE', ({ first }) => first?.playlistType ?? 'none'),
  ),
  across('pdt-all-or-none', 'When one rendition has EXT-X-PROGRAM-DATE-TIME, all have.', function* (renditions) {
    const isDated = ({ latest }: Followed): boolean => parentsOf(latest).some(({ pdtMs }) => pdtMs !== null)
    const dated = renditions.find(isDated)
    for (const rendition of renditions) {
      const hasMedia = rendition.latest.segments.length > 0
      if (dated !== undefined && hasMedia && !isDated(rendition))
        yield { url: rendition.url, seen: `no dates; ${dated.name} has them` }
    }
  }),
  across('pdt-consistent', 'Dates map to media time alike in all segments and renditions.', function* (renditions) {
    const known = new Map<number, DatedZero[]>()
    for (const { url, name, segments } of renditions) {
      for (const { msn, parent, clockZero } of segments.values()) {
        if (clockZero === null || parent.pdtMs === null) continue
        const zeros = known.get(parent.dsn) ?? []
        known.set(parent.dsn, zeros)
        // Dates may slowly follow an encoder's clock that drifts, in all renditions alike: what counts is the time nearby.
        const near = nearestZero(zeros, parent.pdtMs)
        const offMs = near === null ? 0 : distanceMs(near.zero, clockZero)
        if (near !== null && Math.abs(offMs) > CLOCK_SLACK_MS)
          yield {
            url,
            seen: `date less timestamp in segment ${msn} is ${ms(offMs)} off ${near.where}`,
            subject: `${name} ${parent.dsn}`,
          }
        else zeros.push({ atMs: parent.pdtMs, zero: clockZero, where: `${name} segment ${msn}` })
      }
    }
  }),
  across(
    'dsn-equal',
    'Content of the same time has the same discontinuity number in all renditions.',
    function* (renditions) {
      const [reference, ...others] = renditions.filter(({ latest }) => !latest.isIFramesOnly)
      if (reference === undefined) return
      for (const other of others) {
        for (const { msn, dsn, atMs } of middles(other.latest)) {
          const there = dsnAt(reference.latest, atMs)
          if (there === null || there === dsn) continue
          yield { url: other.url, seen: `segment ${msn} has ${dsn}, ${reference.name} has ${there} at that time` }
          break
        }
      }
    },
  ),
  across(
    'discontinuity-in-step',
    'Before a discontinuity all renditions end at the same time, within half a second.',
    function* (renditions) {
      const [reference, ...others] = renditions.filter(({ latest }) => !latest.isIFramesOnly)
      if (reference === undefined) return
      const ends = endsByDsn(reference)
      for (const other of others) {
        for (const [dsn, endMs] of endsByDsn(other)) {
          const offMs = endMs - (ends.get(dsn) ?? endMs)
          if (Math.abs(offMs) > OUT_OF_STEP_MS)
            yield { url: other.url, seen: `discontinuity ${dsn + 1} comes ${ms(offMs)} off ${reference.name}` }
        }
      }
    },
  ),
  across('dateranges-equal', 'Renditions with date ranges have the same ones.', function* (renditions) {
    const withRanges = renditions.filter(({ dateRanges }) => dateRanges.size > 0)
    const [reference, ...others] = withRanges
    if (reference === undefined) return
    const text = ({ dateRanges }: Followed, id: string): string =>
      JSON.stringify([...(dateRanges.get(id) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1)))
    for (const other of others) {
      const ids = new Set([...reference.dateRanges.keys(), ...other.dateRanges.keys()])
      // One at the very edge may have reached one playlist only when the watch ended.
      for (const id of ids) {
        if (text(reference, id) === text(other, id)) continue
        yield { url: other.url, seen: `${id} differs from that of ${reference.name}` }
      }
    }
  }),
  {
    id: 'start-equal',
    severity: 'must',
    title: 'EXT-X-START of the multivariant playlist is not contradicted by a media playlist.',
    source: `${BIS} §4.4.2`,
    *end({ multivariant, renditions }) {
      for (const { url, latest } of renditions.values()) {
        if (multivariant === null || latest === null) continue
        if (
          multivariant.startOffsetSec !== null &&
          latest.startOffsetSec !== null &&
          multivariant.startOffsetSec !== latest.startOffsetSec
        )
          yield {
            url,
            line: latest.startLine,
            seen: `TIME-OFFSET ${latest.startOffsetSec}, in the multivariant playlist ${multivariant.startOffsetSec}`,
          }
      }
    },
  },
  {
    id: 'iframe-tag',
    severity: 'must',
    title: 'The playlist of an EXT-X-I-FRAME-STREAM-INF has EXT-X-I-FRAMES-ONLY.',
    source: `${BIS} §4.4.6.3`,
    *end({ multivariant, renditions }) {
      for (const { url, isIFrame } of multivariant?.variants ?? []) {
        const latest = renditions.get(url)?.latest
        if (isIFrame && latest != null && !latest.isIFramesOnly) yield { url, seen: 'no EXT-X-I-FRAMES-ONLY' }
      }
    },
  },
]

type Followed = RenditionHistory & { readonly latest: MediaPlaylist }

function across(
  id: string,
  title: string,
  check: (renditions: readonly Followed[], presentation: PresentationHistory) => Iterable<Fault>,
): Rule {
  return {
    id,
    severity: 'must',
    title,
    source: `${BIS} §6.2.4`,
    end: (presentation) => {
      const followed = [...presentation.renditions.values()].filter((one): one is Followed => one.latest !== null)
      return check(followed, presentation)
    },
  }
}

function* allEqual(
  renditions: readonly Followed[],
  what: string,
  read: (rendition: Followed) => string,
): Iterable<Fault> {
  const [reference, ...others] = renditions
  if (reference === undefined) return
  for (const other of others) {
    const [here, there] = [read(other), read(reference)]
    if (here !== there) yield { url: other.url, seen: `${what} is ${here}, in ${reference.name} ${there}` }
  }
}

interface Dated {
  readonly msn: number
  readonly dsn: number
  readonly atMs: number
}

/** Where a segment puts time zero of its media. */
interface DatedZero {
  readonly atMs: number
  readonly zero: ClockZero
  readonly where: string
}

function nearestZero(zeros: readonly DatedZero[], atMs: number): DatedZero | null {
  let nearest: DatedZero | null = null
  for (const zero of zeros) {
    if (nearest === null || Math.abs(zero.atMs - atMs) < Math.abs(nearest.atMs - atMs)) nearest = zero
  }
  return nearest
}

/** The middle of each segment, where its date is known or follows from the one before. */
function middles(playlist: MediaPlaylist): Dated[] {
  return timesOf(playlist.segments).map(({ msn, dsn, startMs, endMs }) => ({ msn, dsn, atMs: (startMs + endMs) / 2 }))
}

/** When the last segment before each discontinuity ended that was ever seen, by the discontinuity number of that segment. */
function endsByDsn({ segments }: Followed): ReadonlyMap<number, number> {
  const seen = [...segments.values()].flatMap(({ segment }) => segment ?? []).toSorted((a, b) => a.msn - b.msn)
  const times = timesOf(seen)
  return new Map(
    times.flatMap(({ dsn, endMs }, index): [number, number][] =>
      times[index + 1]?.dsn === dsn + 1 ? [[dsn, endMs]] : [],
    ),
  )
}

/** Null at times that the playlist does not hold, and near a discontinuity, which renditions cut a frame apart. */
function dsnAt(playlist: MediaPlaylist, atMs: number): number | null {
  return timesOf(playlist.segments).find(({ startMs, endMs }) => startMs <= atMs && atMs < endMs)?.dsn ?? null
}

function timesOf(segments: readonly Segment[]): { msn: number; dsn: number; startMs: number; endMs: number }[] {
  const times: { msn: number; dsn: number; startMs: number; endMs: number }[] = []
  let nextMs: number | null = null
  for (const { msn, dsn, pdtMs, durationSec, hasDiscontinuity } of segments) {
    const startMs: number | null = pdtMs ?? (hasDiscontinuity ? null : nextMs)
    nextMs = startMs === null ? null : startMs + 1000 * durationSec
    if (startMs !== null && nextMs !== null) times.push({ msn, dsn, startMs, endMs: nextMs })
  }
  return times
}

/** How much later the second is, by either reading of a date. */
function distanceMs(first: ClockZero, second: ClockZero): number {
  if (second.earliestMs > first.latestMs) return second.earliestMs - first.latestMs
  return Math.min(0, second.latestMs - first.earliestMs)
}
