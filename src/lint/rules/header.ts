// The head of one playlist: version, target durations, hold-backs.
import type { MediaPlaylist } from '../media-playlist-model.ts'
import { durationSec } from '../merge-delta.ts'
import type { ParsedPlaylist, Tag } from '../playlist-parser.ts'
import { APPLE, BIS, EPSILON, type Fault, type Rule, sec } from './rule.ts'

export const HEADER_RULES: readonly Rule[] = [
  {
    id: 'version-sufficient',
    severity: 'must',
    title: 'EXT-X-VERSION is as high as the tags in the playlist need.',
    source: `${BIS} §4.4.1.2, §8`,
    *playlist(playlist) {
      const { version, reason } = requiredVersion(playlist)
      const declared = playlist.version ?? 1
      if (declared < version)
        yield { line: lineOf(playlist, 'EXT-X-VERSION'), seen: `version ${declared}, ${reason} needs ${version}` }
    },
  },
  {
    id: 'version-excessive',
    severity: 'should',
    title: 'EXT-X-VERSION is no higher than playlist and server need.',
    source: `${BIS} §6.2.1`,
    *playlist(playlist) {
      if (playlist.kind !== 'media' || playlist.version === null) return
      const { serverControl } = playlist
      const ofServer = serverControl?.canSkipDateRanges ? 10 : serverControl?.canSkipUntilSec != null ? 9 : 1
      const needed = Math.max(requiredVersion(playlist).version, ofServer)
      if (playlist.version > needed)
        yield { line: lineOf(playlist, 'EXT-X-VERSION'), seen: `version ${playlist.version}, ${needed} would do` }
    },
    *end({ multivariant, renditions }) {
      const versions = [...renditions.values()].flatMap(({ latest }) => latest?.version ?? [])
      if (multivariant === null || multivariant.version === null || versions.length === 0) return
      const needed = Math.max(requiredVersion(multivariant).version, ...versions)
      if (multivariant.version > needed)
        yield {
          url: multivariant.url,
          line: lineOf(multivariant, 'EXT-X-VERSION'),
          seen: `version ${multivariant.version}, ${needed} would do`,
        }
    },
  },
  {
    id: 'target-duration-present',
    severity: 'must',
    title: 'A media playlist has an EXT-X-TARGETDURATION of at least 1.',
    source: `${BIS} §4.4.3.1`,
    *playlist(playlist) {
      if (playlist.kind !== 'media') return
      const { targetDurationSec } = playlist
      if (targetDurationSec === null) yield { seen: 'no EXT-X-TARGETDURATION' }
      else if (targetDurationSec < 1)
        yield { line: lineOf(playlist, 'EXT-X-TARGETDURATION'), seen: String(targetDurationSec) }
    },
  },
  {
    id: 'part-inf-present',
    severity: 'must',
    title: 'A playlist with EXT-X-PART has EXT-X-PART-INF.',
    source: `${BIS} §4.4.3.7`,
    *playlist(playlist) {
      const part = playlist.tags.find(({ name }) => name === 'EXT-X-PART')
      if (playlist.kind === 'media' && part !== undefined && !has(playlist, 'EXT-X-PART-INF'))
        yield { line: part.line, seen: 'EXT-X-PART without EXT-X-PART-INF' }
    },
  },
  {
    id: 'hold-back-minimum',
    severity: 'must',
    title: 'HOLD-BACK is at least three target durations.',
    source: `${BIS} §4.4.3.8`,
    playlist: (playlist) =>
      minimum(
        playlist,
        'HOLD-BACK',
        (media) => media.serverControl?.holdBackSec,
        (media) => 3 * (media.targetDurationSec ?? 0),
      ),
  },
  {
    id: 'part-hold-back-present',
    severity: 'must',
    title: 'PART-HOLD-BACK is given where EXT-X-PART-INF is.',
    source: `${BIS} §4.4.3.8`,
    *playlist(playlist) {
      if (playlist.kind !== 'media' || playlist.partTargetSec === null) return
      if (playlist.serverControl?.partHoldBackSec == null)
        yield { line: lineOf(playlist, 'EXT-X-PART-INF'), seen: 'EXT-X-PART-INF without PART-HOLD-BACK' }
    },
  },
  {
    id: 'part-hold-back-minimum',
    severity: 'must',
    title: 'PART-HOLD-BACK is at least twice the part target.',
    source: `${BIS} §4.4.3.8`,
    playlist: (playlist) =>
      minimum(
        playlist,
        'PART-HOLD-BACK',
        (media) => media.serverControl?.partHoldBackSec,
        (media) => 2 * (media.partTargetSec ?? 0),
      ),
  },
  {
    id: 'part-hold-back-three',
    severity: 'should',
    title: 'PART-HOLD-BACK is at least three times the part target.',
    source: `${BIS} §4.4.3.8; ${APPLE} 14.3`,
    *playlist(playlist) {
      if (playlist.kind !== 'media') return
      const { partTargetSec, serverControl } = playlist
      const holdBack = serverControl?.partHoldBackSec
      if (partTargetSec === null || holdBack == null || holdBack < 2 * partTargetSec - EPSILON) return
      if (holdBack < 3 * partTargetSec - EPSILON)
        yield {
          line: serverControl?.line ?? 0,
          seen: `PART-HOLD-BACK ${sec(holdBack)} with PART-TARGET ${sec(partTargetSec)}`,
        }
    },
  },
  {
    id: 'skip-boundary-minimum',
    severity: 'must',
    title: 'CAN-SKIP-UNTIL is at least six target durations.',
    source: `${BIS} §4.4.3.8`,
    playlist: (playlist) =>
      minimum(
        playlist,
        'CAN-SKIP-UNTIL',
        (media) => media.serverControl?.canSkipUntilSec,
        (media) => 6 * (media.targetDurationSec ?? 0),
      ),
  },
  {
    id: 'skip-dateranges-needs-skip',
    severity: 'must',
    title: 'CAN-SKIP-DATERANGES comes with CAN-SKIP-UNTIL.',
    source: `${BIS} §4.4.3.8`,
    *playlist(playlist) {
      if (playlist.kind !== 'media' || playlist.serverControl === null) return
      const { canSkipDateRanges, canSkipUntilSec, line } = playlist.serverControl
      if (canSkipDateRanges && canSkipUntilSec === null)
        yield { line, seen: 'CAN-SKIP-DATERANGES without CAN-SKIP-UNTIL' }
    },
  },
  {
    id: 'blocking-offered',
    severity: 'should',
    title: 'A live playlist with parts offers blocking reloads (CAN-BLOCK-RELOAD=YES).',
    source: `${BIS} §6.2.5.2; ${APPLE} 14`,
    *playlist(playlist) {
      if (playlist.kind !== 'media' || playlist.isEnded || playlist.partTargetSec === null) return
      if (playlist.serverControl?.canBlockReload !== true)
        yield { line: lineOf(playlist, 'EXT-X-PART-INF'), seen: 'parts without CAN-BLOCK-RELOAD=YES' }
    },
  },
  {
    id: 'delta-offered',
    severity: 'advice',
    title: 'A live playlist longer than two minutes offers delta updates (CAN-SKIP-UNTIL).',
    source: APPLE,
    *reload({ whole, isWhole }) {
      if (!isWhole || whole.isEnded || whole.serverControl?.canSkipUntilSec != null) return
      const length = durationSec(whole)
      if (length > 120)
        yield { seen: `${sec(Math.floor(length))} long without CAN-SKIP-UNTIL`, subject: whole.url.replace(/\?.*/, '') }
    },
  },
  {
    id: 'sequence-tags-first',
    severity: 'must',
    title:
      'EXT-X-MEDIA-SEQUENCE and EXT-X-DISCONTINUITY-SEQUENCE come before the first segment and any EXT-X-DISCONTINUITY.',
    source: `${BIS} §4.4.3.2, §4.4.3.3`,
    *playlist(playlist) {
      if (playlist.kind !== 'media') return
      const first =
        playlist.tags.find(({ name }) => ['EXTINF', 'EXT-X-PART', 'EXT-X-DISCONTINUITY'].includes(name))?.line ??
        Number.POSITIVE_INFINITY
      for (const name of ['EXT-X-MEDIA-SEQUENCE', 'EXT-X-DISCONTINUITY-SEQUENCE']) {
        const line = lineOf(playlist, name)
        if (line > first)
          yield {
            line,
            seen: `${name} in line ${line}, the first segment in line ${first}`,
            subject: `${name} ${playlist.url}`,
          }
      }
    },
  },
  {
    id: 'start-offset',
    severity: 'should',
    title: 'EXT-X-START lies within the playlist, and in a live one not in the last three target durations.',
    source: `${BIS} §4.4.2.2`,
    *reload({ whole, isWhole, exchange }) {
      const { startOffsetSec, startLine, targetDurationSec } = whole
      if (!isWhole || startOffsetSec === null) return
      const length = durationSec(whole)
      if (Math.abs(startOffsetSec) > length)
        yield {
          line: startLine,
          seen: `TIME-OFFSET ${startOffsetSec} in a playlist of ${sec(length)}`,
          subject: exchange.playlistUrl ?? '',
        }
      const fromEnd = startOffsetSec < 0 ? -startOffsetSec : length - startOffsetSec
      if (!whole.isEnded && fromEnd < 3 * (targetDurationSec ?? 0))
        yield {
          line: startLine,
          seen: `TIME-OFFSET ${startOffsetSec} is ${sec(fromEnd)} from the live edge`,
          subject: exchange.playlistUrl ?? '',
        }
    },
  },
]

function* minimum(
  playlist: ParsedPlaylist,
  name: string,
  read: (media: MediaPlaylist) => number | null | undefined,
  leastOf: (media: MediaPlaylist) => number,
): Iterable<Fault> {
  if (playlist.kind !== 'media') return
  const value = read(playlist)
  const least = leastOf(playlist)
  if (value != null && value < least - EPSILON)
    yield { line: playlist.serverControl?.line ?? 0, seen: `${name} ${sec(value)}, at least ${sec(least)} is asked` }
}

function has(playlist: ParsedPlaylist, name: string): boolean {
  return playlist.tags.some((tag) => tag.name === name)
}

function lineOf(playlist: ParsedPlaylist, name: string): number {
  return playlist.tags.find((tag) => tag.name === name)?.line ?? 0
}

/** Section 8. */
function requiredVersion(playlist: ParsedPlaylist): { readonly version: number; readonly reason: string } {
  let needed = { version: 1, reason: '' }
  const isIFrames = playlist.kind === 'media' && playlist.isIFramesOnly
  for (const tag of playlist.tags) {
    const [version, reason] = versionOf(tag, isIFrames)
    if (version > needed.version) needed = { version, reason }
  }
  return needed
}

function versionOf({ name, value, attributes }: Tag, isIFrames: boolean): readonly [number, string] {
  switch (name) {
    case 'EXTINF':
      return /^\d+\.\d/.test(value) ? [3, 'a decimal EXTINF'] : [1, '']
    case 'EXT-X-BYTERANGE':
    case 'EXT-X-I-FRAMES-ONLY':
      return [4, name]
    case 'EXT-X-KEY':
      if (attributes.has('KEYFORMAT') || attributes.has('KEYFORMATVERSIONS')) return [5, 'KEYFORMAT']
      return attributes.has('IV') ? [2, 'IV'] : [1, '']
    case 'EXT-X-MAP':
      return [isIFrames ? 5 : 6, name]
    case 'EXT-X-DEFINE':
      return attributes.has('QUERYPARAM') ? [11, 'QUERYPARAM'] : [8, name]
    case 'EXT-X-SKIP':
      return attributes.has('RECENTLY-REMOVED-DATERANGES') ? [10, 'RECENTLY-REMOVED-DATERANGES'] : [9, name]
    case 'EXT-X-MEDIA': {
      const id = attributes.get('INSTREAM-ID')?.value
      if (id === undefined) return [1, '']
      if (attributes.get('TYPE')?.value !== 'CLOSED-CAPTIONS') return [13, 'INSTREAM-ID of another type than captions']
      return id.startsWith('SERVICE') ? [7, 'INSTREAM-ID="SERVICE…"'] : [1, '']
    }
    default:
      return [...attributes.keys()].some((attribute) => attribute.startsWith('REQ-'))
        ? [12, 'a REQ- attribute']
        : [1, '']
  }
}
