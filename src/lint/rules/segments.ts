// Segments and parts as one playlist lists them.
import type { MediaPlaylist, ParentSegment, Part } from '../media-playlist-model.ts'
import { openDurationSec } from '../merge-delta.ts'
import { APPLE, BIS, EPSILON, type Rule, sec } from './rule.ts'

const PART_MINIMUM = 0.85
const PARENT_TAGS = ['EXT-X-DISCONTINUITY', 'EXT-X-KEY', 'EXT-X-MAP', 'EXT-X-PROGRAM-DATE-TIME']

export const SEGMENT_RULES: readonly Rule[] = [
  {
    id: 'extinf-within-target',
    severity: 'must',
    title: 'EXTINF, rounded to whole seconds, is not above EXT-X-TARGETDURATION.',
    source: `${BIS} §4.4.3.1`,
    *playlist(playlist) {
      if (playlist.kind !== 'media' || playlist.targetDurationSec === null) return
      for (const { uriLine, msn, durationSec } of playlist.segments) {
        if (Math.round(durationSec) > playlist.targetDurationSec)
          yield {
            line: uriLine,
            seen: `segment ${msn} lasts ${sec(durationSec)}, the target is ${sec(playlist.targetDurationSec)}`,
          }
      }
    },
  },
  {
    id: 'byterange-offset',
    severity: 'must',
    title: 'A byte range without offset follows a range of the same resource.',
    source: `${BIS} §4.4.4.2, §4.4.4.9`,
    *playlist(playlist) {
      if (playlist.kind !== 'media') return
      for (const { isRangeUndefined, uriLine, rawUri } of playlist.segments)
        if (isRangeUndefined) yield { line: uriLine, seen: `nothing before ${rawUri} says where its range begins` }
      for (const { isRangeUndefined, line, rawUri } of partsOf(playlist))
        if (isRangeUndefined)
          yield { line, seen: `no part of the same parent before ${rawUri} says where its range begins` }
    },
  },
  {
    id: 'key-attributes',
    severity: 'must',
    title:
      'EXT-X-KEY has a URI unless METHOD is NONE, nothing else with NONE, and an IV only where the method takes one.',
    source: `${BIS} §4.4.4.4`,
    *playlist(playlist) {
      for (const { name, line, text, attributes } of playlist.tags) {
        if (name !== 'EXT-X-KEY') continue
        const method = attributes.get('METHOD')?.value ?? ''
        const isBad =
          method === 'NONE'
            ? attributes.size > 1
            : !attributes.has('URI') || (attributes.has('IV') && ['AES-256-GCM', 'SAMPLE-AES-CTR'].includes(method))
        if (isBad) yield { line, seen: text }
      }
    },
  },
  {
    id: 'iframe-no-parts',
    severity: 'should',
    title: 'A playlist with EXT-X-I-FRAMES-ONLY has no parts.',
    source: `${BIS} §4.4.4.9`,
    *playlist(playlist) {
      if (playlist.kind !== 'media' || !playlist.isIFramesOnly) return
      const part = partsOf(playlist)[0]
      if (part !== undefined) yield { line: part.line, seen: 'EXT-X-PART beside EXT-X-I-FRAMES-ONLY' }
    },
  },
  {
    id: 'part-not-too-long',
    severity: 'must',
    title: 'No part is longer than PART-TARGET.',
    source: `${BIS} §4.4.4.9`,
    *playlist(playlist) {
      if (playlist.kind !== 'media' || playlist.partTargetSec === null) return
      for (const { line, msn, index, durationSec } of partsOf(playlist)) {
        if (durationSec > playlist.partTargetSec + EPSILON)
          yield {
            line,
            seen: `part ${msn}.${index} lasts ${sec(durationSec)}, the target is ${sec(playlist.partTargetSec)}`,
          }
      }
    },
  },
  {
    id: 'part-not-too-short',
    severity: 'must',
    title:
      'A part lasts at least 85 % of PART-TARGET, unless it is independent, a gap, before a gap, or the last of its parent.',
    source: `${BIS} §4.4.4.9`,
    *playlist(playlist) {
      if (playlist.kind !== 'media' || playlist.partTargetSec === null) return
      const least = PART_MINIMUM * playlist.partTargetSec
      for (const { parts } of parentsOf(playlist)) {
        // The last part listed of an open parent may be its last.
        for (const [at, { line, msn, index, durationSec, isIndependent, isGap, resolutionSec }] of parts.entries()) {
          const next = parts[at + 1]
          if (next === undefined || next.isGap || isIndependent || isGap) continue
          if (durationSec < least - resolutionSec)
            yield { line, seen: `part ${msn}.${index} lasts ${sec(durationSec)}, 85 % are ${sec(least)}` }
        }
      }
    },
  },
  {
    id: 'part-sum',
    severity: 'must',
    title: 'The durations of the parts add up to that of their parent.',
    source: `${BIS} §3.1, §4.4.4.9`,
    *playlist(playlist) {
      if (playlist.kind !== 'media') return
      for (const { uriLine, msn, durationSec, resolutionSec, parts } of playlist.segments) {
        if (parts.length === 0) continue
        const sum = parts.reduce((total, part) => total + part.durationSec, 0)
        // Each written value is off by up to one unit of its last digit, whichever way it was rounded.
        const tolerance = resolutionSec + parts.reduce((total, part) => total + part.resolutionSec, 0) + EPSILON
        if (Math.abs(sum - durationSec) > tolerance)
          yield {
            line: uriLine,
            seen: `segment ${msn} lasts ${sec(durationSec)}, its ${parts.length} parts ${sec(sum)}`,
          }
      }
    },
  },
  {
    id: 'parts-near-edge',
    severity: 'should',
    title: 'Parts further than three target durations from the end are not listed any more.',
    source: `${BIS} §6.2.2`,
    *playlist(playlist) {
      if (playlist.kind !== 'media' || playlist.isEnded || playlist.targetDurationSec === null) return
      const limit = 3 * playlist.targetDurationSec
      let ahead = openDurationSec(playlist.open)
      for (const segment of playlist.segments.toReversed()) {
        const part = segment.parts[0]
        // Whole segments are kept or cleared: only one that lies beyond the limit with its end counts.
        if (ahead > limit + EPSILON && part !== undefined)
          yield { line: part.line, seen: `parts ${sec(ahead)} from the end`, subject: playlist.url.replace(/\?.*/, '') }
        ahead += segment.durationSec
      }
    },
  },
  {
    id: 'part-tag-order',
    severity: 'must',
    title: 'EXT-X-DISCONTINUITY, KEY, MAP and PROGRAM-DATE-TIME of a segment stand before its first part.',
    source: `${BIS} §4.4.4.9`,
    *playlist(playlist) {
      if (playlist.kind !== 'media') return
      for (const { tags, msn } of parentsOf(playlist)) {
        const firstPart = tags.findIndex(({ name }) => name === 'EXT-X-PART')
        if (firstPart < 0) continue
        const late = tags.slice(firstPart).find(({ name }) => PARENT_TAGS.includes(name))
        if (late !== undefined) yield { line: late.line, seen: `${late.name} of segment ${msn} after its first part` }
      }
    },
  },
  {
    id: 'gap-parts-marked',
    severity: 'must',
    title: 'The parts of an EXT-X-GAP segment have GAP=YES.',
    source: `${BIS} §6.2.1`,
    *playlist(playlist) {
      if (playlist.kind !== 'media') return
      for (const { isGap, parts } of playlist.segments) {
        const unmarked = isGap ? parts.find((part) => !part.isGap) : undefined
        if (unmarked !== undefined)
          yield { line: unmarked.line, seen: `part ${unmarked.msn}.${unmarked.index} of a gap without GAP=YES` }
      }
    },
  },
  {
    id: 'gap-parts-listed',
    severity: 'should',
    title:
      'Where parts are listed, an EXT-X-GAP segment has parts, too, so that a part index means the same to everybody.',
    source: `${BIS} §4.4.4.9, §6.2.1`,
    *reload({ whole }) {
      let hasParts = false
      for (const { msn, line, isGap, parts } of whole.segments) {
        if (hasParts && isGap && parts.length === 0)
          yield { line, seen: `gap ${msn} has no parts`, subject: `${whole.url.replace(/\?.*/, '')} ${msn}` }
        hasParts ||= parts.length > 0
      }
    },
  },
  {
    id: 'map-needs-discontinuity',
    severity: 'must',
    title: 'Another EXT-X-MAP comes with EXT-X-DISCONTINUITY.',
    source: `${BIS} §4.4.4.3, §6.2.1`,
    *reload({ whole }) {
      let before: ParentSegment | undefined
      for (const segment of parentsOf(whole)) {
        const isOther = before?.map != null && segment.map !== null && before.map.url !== segment.map.url
        if (isOther && !segment.hasDiscontinuity)
          yield {
            line: segment.map?.line ?? 0,
            seen: `segment ${segment.msn} changes to ${segment.map?.url ?? ''} without a discontinuity`,
          }
        before = segment
      }
    },
  },
  {
    id: 'part-target-advised',
    severity: 'advice',
    title:
      'Parts are at least as long as players and networks can ask for one by one: 0.2 s or more, one second is recommended.',
    source: `${APPLE} 14`,
    *playlist(playlist) {
      if (playlist.kind !== 'media' || playlist.partTargetSec === null || playlist.partTargetSec >= 0.2 - EPSILON)
        return
      yield { seen: `PART-TARGET ${sec(playlist.partTargetSec)}` }
    },
  },
]

export function parentsOf({ segments, open }: MediaPlaylist): readonly ParentSegment[] {
  return open === null ? segments : [...segments, open]
}

export function partsOf(playlist: MediaPlaylist): readonly Part[] {
  return parentsOf(playlist).flatMap(({ parts }) => parts)
}
