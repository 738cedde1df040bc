// What playlists say about media against the boxes of the media itself.
import { type InitFacts, spanOf, type TrackFragment, tracksOf } from '../media-facts.ts'
import { BIS, type FactsView, type Fault, type Rule, type Severity, sec } from './rule.ts'

/** A decimal written to three digits and the last sample's guessed duration. */
const DURATION_SLACK_SEC = 0.002
/** Less than any sample lasts. */
const DECODE_SLACK_SEC = 0.002

export const MEDIA_RULES: readonly Rule[] = [
  {
    id: 'init-readable',
    severity: 'must',
    title: 'An initialization segment holds ftyp and moov, with a track and with mvex.',
    source: `${BIS} §3.1.2`,
    *init({ fault, tracks, hasMvex, hasFtyp }) {
      if (fault !== null) yield { seen: fault }
      else if (!hasFtyp) yield { seen: 'there is no ftyp box' }
      else if (tracks.length === 0) yield { seen: 'there is no track' }
      else if (!hasMvex) yield { seen: 'there is no mvex box: the tracks are not fragmented' }
    },
  },
  factsRule(
    'media-readable',
    'must',
    '3.1',
    'The boxes of segments and parts fit into each other.',
    function* ({ facts }) {
      if (facts.fault !== null) yield { seen: facts.fault }
    },
  ),
  factsRule(
    'fragment-present',
    'must',
    '3.1.2',
    'An fMP4 segment or part holds movie fragments.',
    function* ({ facts }) {
      if (facts.format === 'fmp4' && facts.fault === null && facts.fragments.length === 0)
        yield { seen: 'there is no moof box' }
    },
  ),
  factsRule('fragment-decode-time', 'must', '3.1.2', 'Each track fragment has a tfdt.', function* ({ facts }) {
    if (trackFragments(facts).some(({ decodeTime }) => decodeTime === null)) yield { seen: 'a traf without tfdt' }
  }),
  factsRule(
    'fragment-relative',
    'must',
    '3.1.2',
    'Data offsets count from the movie fragment (default-base-is-moof).',
    function* ({ facts }) {
      if (trackFragments(facts).some(({ isRelative }) => !isRelative))
        yield { seen: 'a tfhd with other offsets', subject: 'relative' }
    },
  ),
  factsRule(
    'fragment-complete',
    'must',
    '3.1.2',
    'The mdat of a fragment holds all bytes of its samples.',
    function* ({ facts }) {
      for (const { tracks, mdatBytes } of facts.fragments) {
        const bytes = tracks.reduce((sum, { sampleBytes }) => sum + sampleBytes, 0)
        if (bytes > mdatBytes) yield { seen: `samples of ${bytes} bytes in an mdat of ${mdatBytes}` }
      }
    },
  ),
  factsRule(
    'track-known',
    'must',
    '3.1.2',
    'Fragments refer to tracks of the initialization segment.',
    function* ({ facts, init }) {
      const stranger = trackFragments(facts).find(
        ({ trackId }) => init !== null && !init.tracks.some(({ id }) => id === trackId),
      )
      if (stranger !== undefined && init?.fault === null)
        yield { seen: `track ${stranger.trackId} is not in the moov`, subject: `track ${stranger.trackId}` }
    },
  ),
  factsRule('sample-durations', 'advice', '3.1.2', 'Samples last longer than nothing.', function* ({ facts }) {
    const zero = trackFragments(facts).reduce((sum, { zeroDurations }) => sum + zeroDurations, 0)
    if (zero > 0) yield { seen: `${zero} samples of duration 0` }
  }),
  factsRule('part-duration-true', 'must', '4.4.4.9', 'DURATION of a part is that of its samples.', function* (view) {
    if (view.part !== null) yield* wrongDuration(view, view.part.durationSec, view.part.resolutionSec)
  }),
  factsRule('segment-duration-true', 'must', '4.4.4.1', 'EXTINF is the duration of the samples.', function* (view) {
    const { segment } = view.record
    if (view.part === null && segment !== null && !view.rendition.latest?.isIFramesOnly)
      yield* wrongDuration(view, segment.durationSec, segment.resolutionSec)
  }),
  factsRule(
    'decode-time-continuous',
    'must',
    '4.4.4.3',
    'Decode times go on from part to part and segment to segment where there is no discontinuity.',
    function* ({ facts, init, expected, record, part }) {
      for (const { id, timescale } of init?.tracks ?? []) {
        const now = tracksOf(facts, id)[0]?.decodeTime
        const before = expected?.get(id)
        if (now == null || before === undefined) continue
        const jumpSec = (now - before) / timescale
        if (Math.abs(jumpSec) > DECODE_SLACK_SEC)
          yield {
            seen: `${record.msn}${part === null ? '' : `.${part.index}`} begins ${sec(jumpSec)} off the end of what came before`,
          }
      }
    },
  ),
  factsRule(
    'segment-is-parts',
    'should',
    '3.1',
    'A segment is, byte for byte, its parts one after another.',
    function* ({ facts, record, part }) {
      if (part !== null || facts.pieces === null || facts.fault !== null) return
      // Each piece of WebVTT begins with a header of its own, and a cue stands in every piece that it is shown in.
      if (facts.format === 'webvtt') return
      const bytes = [...record.parts.values()].reduce((sum, one) => sum + (one.facts?.sizeBytes ?? 0), 0)
      if (bytes !== facts.sizeBytes) {
        yield { seen: `segment ${record.msn} has ${facts.sizeBytes} bytes, its parts ${bytes}` }
        return
      }
      const index = facts.pieces.findIndex((sha256, at) => record.parts.get(at)?.facts?.sha256 !== sha256)
      if (index >= 0) yield { seen: `part ${record.msn}.${index} has other bytes than the segment there` }
    },
  ),
  factsRule(
    'part-one-fragment',
    'advice',
    '3.1',
    'A part is one moof with one mdat, so that it can be sent as one chunk.',
    function* ({ facts, part, rendition }) {
      if (part !== null && facts.fragments.length > 1)
        yield { seen: `${facts.fragments.length} fragments in a part`, subject: rendition.name }
    },
  ),
  factsRule(
    'independent-part-true',
    'must',
    '4.4.4.9',
    'A part with INDEPENDENT=YES holds a sync sample.',
    function* ({ facts, init, part }) {
      const video = videoOf(facts, init)
      if (part?.isIndependent && video.length > 0 && video.every(({ syncSamples }) => syncSamples === 0))
        yield { seen: `part ${part.msn}.${part.index} has none` }
    },
  ),
  factsRule(
    'independent-part-marked',
    'should',
    '4.4.4.9',
    'A part that holds a sync sample has INDEPENDENT=YES.',
    function* ({ facts, init, part }) {
      if (part === null || part.isIndependent || init === null) return
      // In audio every sample is one.
      const tracks = init.tracks.some(({ kind }) => kind === 'video') ? videoOf(facts, init) : trackFragments(facts)
      if (tracks.some(({ syncSamples }) => syncSamples > 0)) yield { seen: `part ${part.msn}.${part.index} has one` }
    },
  ),
  factsRule(
    'independent-segments-true',
    'must',
    '4.4.2.1',
    'With EXT-X-INDEPENDENT-SEGMENTS, each segment begins with a sync sample.',
    function* ({ facts, init, part, record, rendition, presentation }) {
      const isPromised = rendition.latest?.isIndependent === true || presentation.multivariant?.isIndependent === true
      const first = videoOf(facts, init)[0]
      if (isPromised && part === null && first !== undefined && !first.startsWithSync)
        yield { seen: `segment ${record.msn} does not` }
    },
  ),
  factsRule(
    'segment-keyframe',
    'advice',
    '6.2.1',
    'Each video segment holds a sync sample, where players can begin.',
    function* ({ facts, init, part, record }) {
      const video = videoOf(facts, init)
      if (part === null && video.length > 0 && video.every(({ syncSamples }) => syncSamples === 0))
        yield { seen: `segment ${record.msn} has none` }
    },
  ),
  factsRule(
    'bitrate-tag',
    'must',
    '4.4.4.8',
    'EXT-X-BITRATE is within a tenth of the bit rate of the segment.',
    function* ({ facts, record, part }) {
      const { segment } = record
      if (
        part !== null ||
        segment === null ||
        segment.bitrateKbps === null ||
        segment.range !== null ||
        segment.durationSec === 0
      )
        return
      const kbps = (facts.sizeBytes * 8) / segment.durationSec / 1000
      // Kilobits are written whole.
      if (segment.bitrateKbps < 0.9 * kbps - 1 || segment.bitrateKbps > 1.1 * kbps + 1)
        yield { seen: `${segment.bitrateKbps} for ${Math.round(kbps)} kbit/s` }
    },
  ),
]

function factsRule(
  id: string,
  severity: Severity,
  section: string,
  title: string,
  facts: (view: FactsView) => Iterable<Fault>,
): Rule {
  return { id, severity, title, source: `${BIS} §${section}`, facts }
}

function trackFragments({ fragments }: FactsView['facts']): TrackFragment[] {
  return fragments.flatMap(({ tracks }) => tracks)
}

function videoOf(facts: FactsView['facts'], init: InitFacts | null): TrackFragment[] {
  const video = init?.tracks.find(({ kind }) => kind === 'video')
  return video === undefined ? [] : tracksOf(facts, video.id)
}

function* wrongDuration(
  { facts, init, record, part }: FactsView,
  saidSec: number,
  resolutionSec: number,
): Iterable<Fault> {
  const span = init === null ? null : spanOf(facts, init)
  if (span === null) return
  // Sound and picture in one file do not end on the same tick, and nobody says which of them counts.
  const isSec = Math.min(Math.max(saidSec, span.shortestSec), span.longestSec)
  if (Math.abs(isSec - saidSec) <= resolutionSec + DURATION_SLACK_SEC) return
  yield {
    seen: `${record.msn}${part === null ? '' : `.${part.index}`} is said to last ${sec(saidSec)}, its samples last ${sec(isSec)}`,
  }
}
