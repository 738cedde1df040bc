// I-frame playlists against their media and against what the multivariant playlist says of them.
import { peakRateBps } from '../../hls/peak-rate.ts'
import type { RenditionHistory } from '../history.ts'
import { BIS, type Rule } from './rule.ts'

/** Apple's authoring rules: 10 % for what is complete, 25 % for live. */
const PEAK_SLACK = { ended: 1.1, live: 1.25 }

export const IFRAME_RULES: readonly Rule[] = [
  {
    id: 'iframe-range-whole',
    severity: 'must',
    title: 'The byte range of an I-frame holds the movie fragment and the whole first picture.',
    source: `${BIS} §4.4.3.6`,
    *iFrame({ facts }) {
      if (facts.fault !== null) yield { seen: facts.fault }
      else if (facts.neededBytes !== null && facts.neededBytes > facts.sizeBytes)
        yield { seen: `${facts.sizeBytes} bytes where moof and the first picture take ${facts.neededBytes}` }
    },
  },
  {
    id: 'iframe-keyframe',
    severity: 'must',
    title: 'A segment of an I-frame playlist begins with a sync sample.',
    source: `${BIS} §4.4.3.6`,
    *iFrame({ facts, record }) {
      if (facts.fault === null && !facts.startsWithSync)
        yield { seen: `segment ${record.msn} begins with another picture` }
    },
  },
  {
    id: 'iframe-bandwidth',
    severity: 'must',
    title:
      'BANDWIDTH of an EXT-X-I-FRAME-STREAM-INF covers the peak of its byte ranges (live: within 25 %, else within 10 %).',
    source: `${BIS} §4.4.6.2, §4.4.6.3`,
    *end({ url, multivariant, renditions }) {
      for (const variant of multivariant?.variants ?? []) {
        const rendition = renditions.get(variant.url)
        if (!variant.isIFrame || variant.bandwidthBps === null || rendition === undefined) continue
        const peakBps = peakOfRanges(rendition)
        const slack = rendition.latest?.isEnded === true ? PEAK_SLACK.ended : PEAK_SLACK.live
        if (peakBps > variant.bandwidthBps * slack)
          yield {
            url,
            line: variant.line,
            seen: `BANDWIDTH=${variant.bandwidthBps}, the peak was ${Math.round(peakBps)} bit/s`,
          }
      }
    },
  },
]

function peakOfRanges({ segments, latest }: RenditionHistory): number {
  const rated = [...segments.values()].flatMap(({ segment }) => {
    if (segment === null || (segment.range === null && !segment.isGap)) return []
    return [{ bits: segment.isGap ? 0 : 8 * (segment.range?.length ?? 0), durationSec: segment.durationSec }]
  })
  return peakRateBps(rated, latest?.targetDurationSec ?? 0) ?? 0
}
