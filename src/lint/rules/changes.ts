// What may change from one version of a media playlist to the next: RFC 8216bis 6.2.1 and 6.2.2.

import { wasHeld } from '../exchange.ts'
import type { MediaPlaylist } from '../media-playlist-model.ts'
import { comparePositions, differences, durationSec, type Position, positionOf } from '../merge-delta.ts'
import { BIS, type Fault, type MediaPlaylistView, ms, type Rule, sec } from './rule.ts'
import { parentsOf } from './segments.ts'

/** Encoders hand over frames in bursts, and the watcher's own clock is not perfect. */
const CADENCE_SLACK_MS = 250

export const CHANGE_RULES: readonly Rule[] = [
  fixed('target-duration-fixed', 'EXT-X-TARGETDURATION', ({ targetDurationSec }) => targetDurationSec),
  fixed('part-target-fixed', 'PART-TARGET', ({ partTargetSec }) => partTargetSec),
  fixed('server-control-fixed', 'EXT-X-SERVER-CONTROL', ({ serverControl }) => serverControl?.text),
  fixed('header-fixed', 'VERSION, PLAYLIST-TYPE, INDEPENDENT-SEGMENTS, I-FRAMES-ONLY or START', (playlist) =>
    [
      playlist.version,
      playlist.playlistType,
      playlist.isIndependent,
      playlist.isIFramesOnly,
      playlist.startOffsetSec,
    ].join(' '),
  ),
  change('msn-not-lower', '6.2.2', 'EXT-X-MEDIA-SEQUENCE never decreases.', function* ({ previous, whole }) {
    if (whole.mediaSequence < previous.mediaSequence)
      yield { line: whole.mediaSequenceLine, seen: `${previous.mediaSequence} became ${whole.mediaSequence}` }
  }),
  change('dsn-not-lower', '6.2.2', 'EXT-X-DISCONTINUITY-SEQUENCE never decreases.', function* ({ previous, whole }) {
    if (whole.discontinuitySequence < previous.discontinuitySequence)
      yield {
        line: whole.discontinuitySequenceLine,
        seen: `${previous.discontinuitySequence} became ${whole.discontinuitySequence}`,
      }
  }),
  change('segment-unchanged', '6.2.1', 'A listed segment keeps URI, duration and tags.', function* (view) {
    const before = view.rendition.latestFull
    if (view.answered.skip === null && before !== null) yield* changedSegments(before.playlist, view.answered, false)
  }),
  change(
    'msn-counts-removed',
    '6.2.2',
    'EXT-X-MEDIA-SEQUENCE rises by 1 for each segment removed: a segment keeps its number.',
    function* ({ previous, whole }) {
      if (whole.mediaSequence < previous.mediaSequence) return
      const msns = new Map(previous.segments.map(({ url, range, msn }) => [`${url} ${range?.offset ?? ''}`, msn]))
      for (const { url, range, msn, uriLine, rawUri, isGap } of whole.segments) {
        const before = msns.get(`${url} ${range?.offset ?? ''}`)
        // Gaps may share one URI: nothing is loaded from it.
        if (before !== undefined && before !== msn && !isGap)
          yield {
            line: uriLine,
            seen: `${rawUri} had number ${before} and has ${msn}`,
            subject: `${whole.url.replace(/\?.*/, '')} ${before - msn}`,
          }
      }
    },
  ),
  change(
    'dsn-kept',
    '6.2.2',
    'A segment keeps its discontinuity sequence number: the header counts each EXT-X-DISCONTINUITY that is removed.',
    function* (view) {
      const { previous, whole } = view
      // A header that went backwards is another rule's.
      if (isSameState(view) || whole.discontinuitySequence < previous.discontinuitySequence) return
      const known = new Map(parentsOf(previous).map(({ msn, dsn }) => [msn, dsn]))
      for (const { msn, dsn, line } of parentsOf(whole)) {
        const before = known.get(msn)
        if (before === undefined || before === dsn) continue
        yield { line, seen: `segment ${msn} had discontinuity number ${before} and has ${dsn}` }
        return
      }
    },
  ),
  change('part-unchanged', '6.2.1', 'A listed part keeps URI, duration and flags.', function* ({ previous, whole }) {
    const known = new Map(parentsOf(previous).map(({ msn, parts }) => [msn, parts]))
    for (const { msn, parts } of parentsOf(whole)) {
      const before = known.get(msn)
      // Parts may be cleared, but only all parts of a segment before those of the next.
      if (before === undefined || parts.length === 0) continue
      for (const [index, part] of before.entries()) {
        const now = parts[index]
        if (now?.text === part.text) continue
        yield { line: now?.line ?? 0, seen: `part ${msn}.${index} was ${part.text}, is ${now?.text ?? 'gone'}` }
        break
      }
    }
  }),
  change(
    'edge-not-backward',
    '6.2.1',
    'Segments and parts at the end stay: playlists only grow there.',
    function* ({ previous, whole }) {
      const [before, now] = [positionOf(previous), positionOf(whole)]
      // Which parts of a complete segment are listed says nothing about the edge.
      const isBehind =
        now.msn < before.msn ||
        (now.msn === before.msn && before.part !== null && now.part !== null && now.part < before.part)
      if (isBehind)
        yield {
          seen: `the playlist ended at ${before.msn}.${before.part ?? ''} and ends at ${now.msn}.${now.part ?? ''}`,
        }
    },
  ),
  change(
    'window-minimum',
    '6.2.2',
    'Segments are not removed when less than three target durations remain.',
    function* ({ previous, whole, isWhole }) {
      if (!isWhole || whole.isEnded || whole.mediaSequence <= previous.mediaSequence) return
      const length = durationSec(whole)
      const least = 3 * (whole.targetDurationSec ?? 0)
      if (length < least)
        yield {
          line: whole.mediaSequenceLine,
          seen: `${sec(length)} are left, at least ${sec(least)} are asked`,
          subject: whole.url.replace(/\?.*/, ''),
        }
    },
  ),
  change(
    'typed-playlist-kept',
    '6.2.1, 6.2.2',
    'A playlist with EXT-X-PLAYLIST-TYPE loses no segment; a VOD playlist does not change.',
    function* ({ previous, whole }) {
      if (whole.playlistType === null) return
      if (whole.mediaSequence > previous.mediaSequence)
        yield {
          line: whole.mediaSequenceLine,
          seen: `${whole.mediaSequence - previous.mediaSequence} segments were removed from ${whole.playlistType}`,
        }
      else if (whole.playlistType === 'VOD' && whole.segments.length !== previous.segments.length)
        yield { seen: `${previous.segments.length} segments became ${whole.segments.length}` }
    },
  ),
  change(
    'ended-stays-ended',
    '4.4.3.4',
    'After EXT-X-ENDLIST nothing is added, and the tag stays.',
    function* ({ previous, whole }) {
      if (!previous.isEnded) return
      if (!whole.isEnded) yield { seen: 'EXT-X-ENDLIST went away' }
      else if ((whole.segments.at(-1)?.msn ?? 0) > (previous.segments.at(-1)?.msn ?? 0))
        yield { seen: 'a segment was added after EXT-X-ENDLIST' }
    },
  ),
  {
    id: 'segment-in-time',
    severity: 'must',
    title: 'A live playlist gets a new segment within 1.5 target durations.',
    source: `${BIS} §6.2.1`,
    *reload({ previous, whole, exchange, rendition }) {
      const { targetDurationSec } = whole
      if (previous === null || whole.isEnded || targetDurationSec === null || rendition.segmentChangedAtMs === null)
        return
      const lateMs = waitedMs(exchange, lastMsn(whole) - lastMsn(previous)) - rendition.segmentChangedAtMs
      const limitMs = 1500 * targetDurationSec
      if (lateMs > limitMs + CADENCE_SLACK_MS)
        yield {
          seen: `no segment after ${lastMsn(previous)} for ${ms(lateMs)}, the limit is ${ms(limitMs)}`,
          subject: `${rendition.name} ${lastMsn(previous)}`,
        }
    },
  },
  {
    id: 'part-in-time',
    severity: 'must',
    title:
      'A live playlist with parts gets a new part within one part target (and a quarter of a second of slack, or half a part).',
    source: `${BIS} §6.2.1`,
    *reload({ previous, whole, exchange, rendition }) {
      const { partTargetSec } = whole
      if (previous === null || whole.isEnded || partTargetSec === null || rendition.partChangedAtMs === null) return
      const before = positionOf(previous)
      const lateMs = waitedMs(exchange, partsAfter(whole, before)) - rendition.partChangedAtMs
      const limitMs = 1000 * partTargetSec
      if (lateMs > limitMs + Math.max(CADENCE_SLACK_MS, limitMs / 2))
        yield {
          seen: `no part after ${before.msn}.${before.part ?? ''} for ${ms(lateMs)}, the part target is ${ms(limitMs)}`,
          subject: `${rendition.name} ${before.msn}.${before.part ?? ''}`,
        }
    },
  },
]

/** Two readings of one state of the playlist, one of them through a delta update: they must be equal. */
export function isSameState({
  answered,
  whole,
  previous,
}: Pick<MediaPlaylistView, 'answered' | 'whole' | 'previous'>): boolean {
  if (previous === null || (answered.skip === null) === (previous.skip === null)) return false
  return (
    whole.mediaSequence === previous.mediaSequence && comparePositions(positionOf(whole), positionOf(previous)) === 0
  )
}

export function* changedSegments(before: MediaPlaylist, now: MediaPlaylist, withDsn: boolean): Iterable<Fault> {
  const known = new Map(before.segments.map((segment) => [segment.msn, segment]))
  const numbersBefore = new Map(before.segments.map(({ url, msn }) => [url, msn]))
  const numbersNow = new Map(now.segments.map(({ url, msn }) => [url, msn]))
  for (const segment of now.segments) {
    const first = known.get(segment.msn)
    if (first === undefined || first === segment) continue
    // The same segment under another number: another rule speaks.
    const hasMoved = [numbersBefore.get(segment.url), numbersNow.get(first.url)].some(
      (msn) => (msn ?? segment.msn) !== segment.msn,
    )
    if (segment.range === null && hasMoved) continue
    const found = differences(first, segment)
    if (withDsn && first.dsn !== segment.dsn) found.push(`discontinuity number ${first.dsn} became ${segment.dsn}`)
    if (found.length === 0) continue
    yield { line: segment.uriLine, seen: `segment ${segment.msn}: ${found.join(', ')}` }
    // One wrong number shifts all that follow.
    return
  }
}

function fixed(id: string, what: string, read: (playlist: MediaPlaylist) => unknown): Rule {
  return change(id, '6.2.1', `${what} never changes.`, function* ({ previous, whole }) {
    const [before, now] = [read(previous), read(whole)]
    if (before !== now) yield { seen: `${String(before)} became ${String(now)}` }
  })
}

type Change = MediaPlaylistView & { readonly previous: MediaPlaylist }

function change(id: string, section: string, title: string, check: (view: Change) => Iterable<Fault>): Rule {
  return {
    id,
    severity: 'must',
    title,
    source: `${BIS} §${section}`,
    // A delta update without its base cannot be compared with anything.
    reload: ({ previous, ...view }) => (previous === null || !view.isWhole ? [] : check({ ...view, previous })),
  }
}

function lastMsn({ segments }: MediaPlaylist): number {
  return segments.at(-1)?.msn ?? -1
}

/** How many parts the playlist lists behind a position. */
function partsAfter(playlist: MediaPlaylist, { msn, part }: Position): number {
  return parentsOf(playlist)
    .filter((parent) => parent.msn >= msn)
    .reduce(
      (sum, parent) =>
        sum +
        (parent.msn > msn ? parent.parts.length : Math.max(0, parent.parts.length - 1 - (part ?? parent.parts.length))),
      0,
    )
}

/**
 * Until when there was surely nothing new: a held answer came with the one piece of news, an unchanged one was asked for
 * before any. Of several news nobody knows when the first came.
 */
function waitedMs(exchange: MediaPlaylistView['exchange'], news: number): number {
  if (news <= 0) return exchange.requestedAtMs
  return news === 1 && exchange.directives.msn !== null && wasHeld(exchange) ? exchange.headersAtMs : 0
}
