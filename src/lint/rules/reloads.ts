// Delivery directives: blocking reloads, delta updates, and questions that no player should ask. RFC 8216bis 6.2.5.
import type { Probe } from '../exchange.ts'
import type { MediaPlaylist } from '../media-playlist-model.ts'
import { holdsAsked, openDurationSec } from '../merge-delta.ts'
import { changedSegments, isSameState } from './changes.ts'
import { BIS, type ExchangeView, type Fault, ms, type Rule, type Severity } from './rule.ts'

/** Durations are sums of rounded decimals. */
const BOUNDARY_SLACK_SEC = 0.001
/** "Immediately", as a network sees it. */
const AT_ONCE_MS = 1000

export const RELOAD_RULES: readonly Rule[] = [
  {
    id: 'delta-given',
    severity: 'must',
    title: 'With CAN-SKIP-UNTIL, a request with _HLS_skip is answered with a delta update.',
    source: `${BIS} §6.2.5.1`,
    *reload({ answered, whole, isWhole, exchange }) {
      if (exchange.directives.skip === null || answered.skip !== null || !isWhole) return
      const canSkip = skippable(whole).least
      if (canSkip > 0)
        yield {
          seen: `no EXT-X-SKIP where ${canSkip} segments lie beyond the boundary`,
          subject: exchange.playlistUrl ?? '',
        }
    },
  },
  {
    id: 'delta-boundary',
    severity: 'must',
    title: 'A delta update skips the segments beyond CAN-SKIP-UNTIL, all of them and no others.',
    source: `${BIS} §6.2.5.1`,
    *reload({ answered, whole, isWhole }) {
      if (answered.skip === null || !isWhole) return
      const { least, most } = skippable(whole)
      const { segments, line } = answered.skip
      if (segments >= least && segments <= most) return
      const asked = least === most ? String(least) : `${least} to ${most}`
      yield {
        line,
        seen: `${segments} segments skipped of ${whole.segments.length}, ${asked} lie beyond the boundary`,
        subject: whole.url.replace(/\?.*/, ''),
      }
    },
  },
  {
    id: 'delta-equals-full',
    severity: 'must',
    title: 'A delta update on its base is the same playlist as the full one.',
    source: `${BIS} §6.2.5.1`,
    *reload(view) {
      if (view.isWhole && view.previous !== null && isSameState(view))
        yield* changedSegments(view.previous, view.whole, true)
    },
  },
  {
    id: 'delta-applies',
    severity: 'must',
    title: 'A delta update skips only segments that an up-to-date base holds.',
    source: `${BIS} §4.4.5.2`,
    *reload({ answered, isWhole, previous }) {
      if (answered.skip === null || isWhole || previous === null) return
      const base = `${previous.mediaSequence} to ${previous.segments.at(-1)?.msn ?? ''}`
      yield {
        line: answered.skip.line,
        seen: `skips ${answered.skip.segments} segments from ${answered.mediaSequence}; the base has ${base}`,
      }
    },
  },
  {
    id: 'delta-unasked',
    severity: 'must',
    title: 'EXT-X-SKIP is sent only to those who ask for it, and not where CAN-SKIP-UNTIL or the live edge is missing.',
    source: `${BIS} §6.2.5.1`,
    *playlist(playlist, { directives }) {
      if (playlist.kind !== 'media' || playlist.skip === null) return
      const { line } = playlist.skip
      if (directives.skip === null) yield { line, seen: 'EXT-X-SKIP without _HLS_skip' }
      else if (playlist.isEnded) yield { line, seen: 'EXT-X-SKIP beside EXT-X-ENDLIST' }
      else if (playlist.serverControl?.canSkipUntilSec == null)
        yield { line, seen: 'EXT-X-SKIP without CAN-SKIP-UNTIL' }
    },
  },
  {
    id: 'delta-removed-dateranges',
    severity: 'must',
    title: 'A delta update asked for with v2 names recently removed date ranges, where CAN-SKIP-DATERANGES is offered.',
    source: `${BIS} §4.4.5.2, §6.2.5.1`,
    *playlist(playlist, { directives }) {
      if (playlist.kind !== 'media' || playlist.skip === null || directives.skip !== 'v2') return
      if (playlist.serverControl?.canSkipDateRanges && playlist.skip.removedDateRanges === null)
        yield { line: playlist.skip.line, seen: 'EXT-X-SKIP without RECENTLY-REMOVED-DATERANGES' }
    },
  },
  {
    id: 'reload-holds-asked',
    severity: 'must',
    title: 'A blocking reload is answered with a playlist that holds what was asked for.',
    source: `${BIS} §6.2.5.2`,
    *reload({ answered, exchange }) {
      const { msn, part } = exchange.directives
      if (msn === null || answered.isEnded || answered.serverControl?.canBlockReload !== true) return
      if (!holdsAsked(answered, msn, part))
        yield {
          seen: `asked for ${msn}${part === null ? '' : `.${part}`}, answered after ${ms(exchange.headersAtMs - exchange.requestedAtMs)} without it`,
        }
    },
  },
  {
    id: 'reload-answered',
    severity: 'must',
    title: 'A playlist that is asked for as players do is answered, or refused with 503, 404 or 410.',
    source: `${BIS} §6.2.1, §6.2.5.2`,
    *exchange({ exchange }) {
      const { purpose, status, error } = exchange
      if (purpose !== 'reload' && purpose !== 'multivariant') return
      if ([200, 304, 404, 410, 503].includes(status)) return
      yield { seen: status === 0 ? `no answer: ${error ?? ''}` : `status ${status}` }
    },
  },
  {
    id: 'hold-limit',
    severity: 'should',
    title: 'A reload that cannot be answered within three target durations is answered with 503.',
    source: `${BIS} §6.2.5.2`,
    *exchange({ exchange, rendition }) {
      const targetSec = rendition?.latest?.targetDurationSec ?? null
      if (
        exchange.purpose !== 'reload' ||
        exchange.directives.msn === null ||
        targetSec === null ||
        exchange.status === 503
      )
        return
      const heldMs = exchange.headersAtMs - exchange.requestedAtMs
      if (heldMs > 3000 * targetSec + AT_ONCE_MS)
        yield { seen: `held for ${ms(heldMs)}, then status ${exchange.status}` }
    },
  },
  probe(
    'part-without-msn',
    'must',
    '6.2.5.2',
    '_HLS_part without _HLS_msn is answered with 400.',
    function* ({ exchange }) {
      if (exchange.status !== 400) yield { seen: `status ${exchange.status}` }
    },
  ),
  probe(
    'far-ahead',
    'should',
    '6.2.5.2',
    'A request far ahead of the playlist is refused with 400 at once.',
    function* ({ exchange }) {
      const tookMs = exchange.headersAtMs - exchange.requestedAtMs
      if (exchange.status !== 400 || tookMs > AT_ONCE_MS)
        yield { seen: `status ${exchange.status} after ${ms(tookMs)}` }
    },
  ),
  probe(
    'old-msn',
    'must',
    '6.2.5.2',
    'A request for what has left the window is answered with the full playlist.',
    function* ({ exchange, playlist }) {
      if (exchange.status !== 200) yield { seen: `status ${exchange.status}` }
      else if (playlist?.kind !== 'media' || playlist.skip !== null || playlist.segments.length === 0)
        yield { seen: 'no full playlist' }
    },
  ),
  probe(
    'part-rollover',
    'must',
    '6.2.5.2',
    'A part index behind the last part of a segment asks for part 0 of the next one.',
    function* ({ exchange, playlist }) {
      const msn = exchange.directives.msn ?? 0
      if (exchange.status !== 200) yield { seen: `status ${exchange.status}` }
      else if (playlist?.kind === 'media' && !playlist.isEnded && !holdsAsked(playlist, msn + 1, 0))
        yield { seen: `an answer without part ${msn + 1}.0` }
    },
  ),
  probe(
    'skip-unoffered',
    'must',
    '6.2.5.1',
    '_HLS_skip is ignored where CAN-SKIP-UNTIL is not offered.',
    function* ({ exchange }) {
      if (exchange.status !== 200) yield { seen: `status ${exchange.status}` }
    },
  ),
  probe(
    'ended-directives',
    'must',
    '6.2.5.1, 6.2.5.2',
    'Directives are ignored once the playlist has ended.',
    function* ({ exchange, playlist }) {
      if (exchange.status !== 200) yield { seen: `status ${exchange.status}` }
      else if (playlist?.kind === 'media' && playlist.skip !== null) yield { seen: 'a delta update' }
    },
  ),
]

function probe(
  asked: Probe,
  severity: Severity,
  section: string,
  title: string,
  check: (view: ExchangeView) => Iterable<Fault>,
): Rule {
  return {
    id: `probe-${asked}`,
    severity,
    title,
    source: `${BIS} §${section}`,
    exchange: (view) => (view.exchange.probe === asked ? check(view) : []),
  }
}

/**
 * How many segments a delta update may leave out. "Further from the end" may be measured at a segment's start or end,
 * and the last parent may be the growing one: everything between the two readings is accepted.
 */
function skippable({ segments, open, serverControl, isEnded }: MediaPlaylist): {
  readonly least: number
  readonly most: number
} {
  const boundary = serverControl?.canSkipUntilSec
  if (boundary == null || isEnded) return { least: 0, most: 0 }
  let least = 0
  let most = 0
  let ahead = 0
  const openSec = openDurationSec(open)
  for (const { durationSec } of segments.toReversed()) {
    if (ahead > boundary + BOUNDARY_SLACK_SEC) least++
    ahead += durationSec
    if (ahead + openSec > boundary - BOUNDARY_SLACK_SEC) most++
  }
  return { least, most }
}
