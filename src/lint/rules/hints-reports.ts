// Preload hints (RFC 8216bis 4.4.5.3, 6.2.6) and rendition reports (4.4.5.4).
import type { Exchange } from '../exchange.ts'
import type { RenditionHistory } from '../history.ts'
import { comparePositions, type Position, positionOf } from '../merge-delta.ts'
import { BIS, ms, type Rule } from './rule.ts'
import { parentsOf, partsOf } from './segments.ts'

/** A report may be as old as the playlist that carries it, which may be as old as one part. */
const REPORT_SLACK_MS = 250

export const HINT_REPORT_RULES: readonly Rule[] = [
  {
    id: 'hint-present',
    severity: 'should',
    title: 'A live playlist with parts hints at the next part.',
    source: `${BIS} §6.2.6; Apple, Enabling Low-Latency HLS`,
    *reload({ answered, exchange }) {
      if (answered.isEnded || answered.partTargetSec === null || partsOf(answered).length === 0) return
      if (!answered.hints.some(({ type }) => type === 'PART'))
        yield { seen: 'no EXT-X-PRELOAD-HINT:TYPE=PART', subject: exchange.playlistUrl ?? '' }
    },
  },
  {
    id: 'hint-single',
    severity: 'should',
    title: 'There is one EXT-X-PRELOAD-HINT of each TYPE.',
    source: `${BIS} §6.2.6`,
    *playlist(playlist) {
      if (playlist.kind !== 'media') return
      const types = playlist.hints.map(({ type }) => type)
      const second = playlist.hints.find(({ type }, index) => types.indexOf(type) < index)
      if (second !== undefined) yield { line: second.line, seen: `a second hint of TYPE=${second.type}` }
    },
  },
  {
    id: 'hint-none-at-end',
    severity: 'must',
    title: 'A playlist with EXT-X-ENDLIST hints at nothing.',
    source: `${BIS} §4.4.5.3`,
    *playlist(playlist) {
      if (playlist.kind === 'media' && playlist.isEnded && playlist.hints[0] !== undefined)
        yield { line: playlist.hints[0].line, seen: 'EXT-X-PRELOAD-HINT beside EXT-X-ENDLIST' }
    },
  },
  {
    id: 'hint-kept',
    severity: 'must',
    title: 'What is hinted at becomes the next part, unless a discontinuity or gap changes the plan.',
    source: `${BIS} §4.4.5.3`,
    *reload({ previous, whole, isWhole }) {
      const hint = previous?.hints.find(({ type }) => type === 'PART')
      if (previous === null || hint === undefined || !isWhole) return
      const before = positionOf(previous)
      const added = parentsOf(whole).filter(({ msn }) => msn >= before.msn)
      const parts = added.flatMap((parent) =>
        parent.parts.filter((part) => comparePositions({ msn: part.msn, part: part.index }, before) > 0),
      )
      const [next] = parts
      // Seen late, the hinted part may be listed no more: only the part that comes next tells.
      const isWholeBefore =
        before.part === null || added.some(({ msn, parts }) => msn === before.msn && parts.length > 0)
      if (next === undefined || next.msn > before.msn + 1 || (next.msn > before.msn && !isWholeBefore)) return
      const isKept = parts.some(
        ({ url, range }) =>
          url === hint.url && (hint.rangeStart === null || range === null || range.offset === hint.rangeStart),
      )
      const hasNewPlan =
        added.some(({ msn, hasDiscontinuity, isGap }) => msn > before.msn && (hasDiscontinuity || isGap)) ||
        parts.some(({ isGap }) => isGap)
      if (!isKept && !hasNewPlan) yield { line: next.line, seen: `${hint.url} was hinted at, ${next.url} came` }
    },
  },
  {
    id: 'hint-answered',
    severity: 'must',
    title: 'A hinted part can be asked for as soon as the hint is there.',
    source: `${BIS} §6.2.6`,
    *exchange({ exchange, rendition }) {
      if (exchange.purpose !== 'hint' || exchange.status === 200 || exchange.status === 206) return
      // 404 is right for a plan that has changed, and 503 for one that hangs: only what came nevertheless is at fault.
      if (cameAsHinted(exchange, rendition)) yield { seen: `status ${exchange.status} for a part that came` }
    },
  },
  {
    id: 'hint-full-speed',
    severity: 'must',
    title: 'No byte of a hinted part is sent before all of it can be sent at full speed.',
    source: `${BIS} §6.2.6`,
    *exchange({ exchange, rendition }) {
      const partMs = 1000 * (rendition?.latest?.partTargetSec ?? 0)
      if (exchange.purpose !== 'hint' || (exchange.status !== 200 && exchange.status !== 206) || partMs === 0) return
      const tookMs = exchange.completedAtMs - exchange.firstByteAtMs
      if (tookMs > Math.max(150, partMs / 2))
        yield {
          seen: `${exchange.body.length} bytes took ${ms(tookMs)} from first to last`,
          subject: rendition?.name ?? '',
        }
    },
  },
  {
    id: 'report-present',
    severity: 'should',
    title: 'A low-latency playlist reports on each other rendition.',
    source: `${BIS} §4.4.5.4; Apple, Enabling Low-Latency HLS`,
    *reload({ answered, rendition, presentation }) {
      if (answered.isEnded || answered.partTargetSec === null || answered.isIFramesOnly) return
      for (const other of presentation.renditions.values()) {
        if (
          other === rendition ||
          !isLowLatency(other) ||
          answered.reports.some(({ url }) => withoutDirectives(url) === other.url)
        )
          continue
        yield { seen: `no EXT-X-RENDITION-REPORT on ${other.name}`, subject: `${rendition.name} ${other.name}` }
      }
    },
  },
  {
    id: 'report-uri',
    severity: 'must',
    title: 'The URI of a rendition report is relative and names a playlist of the presentation.',
    source: `${BIS} §4.4.5.4`,
    *reload({ answered, presentation }) {
      for (const { line, rawUri, url } of answered.reports) {
        if (/^[a-z][a-z0-9+.-]*:|^\/\//i.test(rawUri)) yield { line, seen: `${rawUri} is absolute`, subject: rawUri }
        else if (
          presentation.multivariant !== null &&
          !/[?&]_HLS_/.test(url) &&
          !presentation.renditions.has(url) &&
          !isNamed(url, presentation.multivariant)
        )
          yield { line, seen: `${rawUri} is no playlist of the presentation`, subject: rawUri }
      }
    },
  },
  {
    id: 'report-no-directives',
    severity: 'must',
    title: 'The URI of a rendition report carries no delivery directives.',
    source: `${BIS} §4.4.5.4, §6.2.5`,
    *reload({ answered }) {
      for (const { line, rawUri } of answered.reports)
        if (/[?&]_HLS_/.test(rawUri)) yield { line, seen: rawUri, subject: rawUri.replace(/\?.*/, '') }
    },
  },
  {
    id: 'report-fresh',
    severity: 'must',
    title: 'A rendition report is as up to date as the playlist that carries it.',
    source: `${BIS} §4.4.5.4`,
    *reload({ answered, whole, previous, exchange, rendition, presentation }) {
      // Reports are as old as the playlist's last change, which only an answer with news dates: not before its request.
      if (previous === null || comparePositions(positionOf(whole), positionOf(previous)) <= 0) return
      const ageMs = 1000 * Number(exchange.headers['age'] ?? 0)
      const limitMs = 1000 * (answered.partTargetSec ?? answered.targetDurationSec ?? 0) + REPORT_SLACK_MS + ageMs
      for (const { line, url, lastMsn, lastPart } of answered.reports) {
        const other = presentation.renditions.get(url)
        const known = other === undefined ? null : positionAt(other, exchange.requestedAtMs - limitMs)
        if (known === null || lastMsn === null) continue
        if (comparePositions({ msn: lastMsn, part: lastPart }, known) < 0)
          yield {
            line,
            seen: `says ${lastMsn}.${lastPart ?? ''} where ${other?.name ?? ''} had shown ${known.msn}.${known.part ?? ''} ${ms(limitMs)} before`,
            subject: `${rendition.name} ${url}`,
          }
      }
    },
  },
  {
    id: 'report-real',
    severity: 'must',
    title: 'LAST-MSN and LAST-PART of a rendition report exist in that rendition.',
    source: `${BIS} §4.4.5.4`,
    *reload({ whole, isWhole, exchange, rendition }) {
      const { claim } = rendition
      if (!isWhole || claim === null || exchange.requestedAtMs <= claim.madeAtMs || whole.isEnded) return
      const here = positionOf(whole)
      // A complete segment whose parts are not listed has all of them.
      if (here.msn > claim.position.msn || (here.msn === claim.position.msn && here.part === null)) return
      if (comparePositions(here, claim.position) >= 0) return
      yield {
        url: claim.by,
        line: claim.line,
        seen: `reports ${claim.position.msn}.${claim.position.part ?? ''} of ${rendition.name}, which then was at ${here.msn}.${here.part ?? ''}`,
        subject: rendition.name,
      }
    },
  },
]

function withoutDirectives(url: string): string {
  const target = URL.parse(url)
  if (target === null) return url
  for (const name of [...target.searchParams.keys()]) if (name.startsWith('_HLS_')) target.searchParams.delete(name)
  return target.href
}

function isLowLatency({ latest }: RenditionHistory): boolean {
  return latest !== null && latest.partTargetSec !== null && !latest.isEnded && !latest.isIFramesOnly
}

/** Whether the hinted part was listed in the end. */
/** A gap or another part in its place is another plan. */
function cameAsHinted({ media, url }: Exchange, rendition: RenditionHistory | null): boolean {
  if (media === null || media.part === null) return false
  const came = rendition?.segments.get(media.msn)?.parts.get(media.part)?.part
  return came !== undefined && !came.isGap && came.url === url
}

/** What a rendition had shown by then. */
function positionAt({ reloads }: RenditionHistory, atMs: number): Position | null {
  return reloads.findLast(({ completedAtMs }) => completedAtMs <= atMs)?.position ?? null
}

function isNamed(
  url: string,
  { variants, renditions }: { variants: readonly { url: string }[]; renditions: readonly { url: string | null }[] },
): boolean {
  return [...variants, ...renditions].some((one) => one.url === url)
}
