// What the multivariant playlist says of variants against their media.
import { initOf, type PresentationHistory, type RenditionHistory } from '../history.ts'
import { type InitTrack, spanOf, tracksOf } from '../media-facts.ts'
import type { Variant } from '../multivariant-model.ts'
import { APPLE, BIS, type Rule } from './rule.ts'

/** Apple's authoring rules: 10 % for what is complete, 25 % for live. */
const PEAK_SLACK = { ended: 1.1, live: 1.25 }
const AVERAGE_SLACK = 1.1
/** Less media says little about an average. */
const AVERAGE_MIN_SEC = 30

export const VARIANT_RULES: readonly Rule[] = [
  {
    id: 'codecs-complete',
    severity: 'must',
    title: 'CODECS names every codec in the renditions of the variant.',
    source: `${BIS} §6.2.4`,
    *end(presentation) {
      for (const variant of variantsOf(presentation)) {
        for (const track of tracksIn(presentation, variant)) {
          if (variant.codecs !== null && !variant.codecs.some((codec) => isSameFormat(codec, track)))
            yield {
              url: presentation.url,
              line: variant.line,
              seen: `${track.codecString ?? track.fourCc} is not in ${variant.codecs.join(',')}`,
            }
        }
      }
    },
  },
  {
    id: 'codecs-exact',
    severity: 'should',
    title: 'CODECS names profile and level of the media.',
    source: `${BIS} §4.4.6.2; RFC 6381`,
    *end(presentation) {
      for (const variant of variantsOf(presentation)) {
        for (const { codecString, ...track } of tracksIn(presentation, variant)) {
          const similar = variant.codecs?.filter((codec) => isSameFormat(codec, { codecString, ...track })) ?? []
          if (
            codecString !== null &&
            similar.length > 0 &&
            !similar.some((codec) => codec.toLowerCase() === codecString.toLowerCase())
          )
            yield { url: presentation.url, line: variant.line, seen: `${similar.join(',')} for ${codecString}` }
        }
      }
    },
  },
  {
    id: 'codecs-present-in-media',
    severity: 'should',
    title: 'CODECS names no codec that no rendition of the variant has.',
    source: `${BIS} §4.4.6.2`,
    *end(presentation) {
      for (const variant of variantsOf(presentation)) {
        const { tracks, isComplete } = inspect(presentation, variant)
        if (!isComplete) continue
        const stranger = variant.codecs?.find((codec) => !tracks.some((track) => isSameFormat(codec, track)))
        if (stranger !== undefined)
          yield { url: presentation.url, line: variant.line, seen: `${stranger} is in no rendition` }
      }
    },
  },
  {
    id: 'resolution-true',
    severity: 'should',
    title: 'RESOLUTION is the size of the pictures.',
    source: `${BIS} §4.4.6.2`,
    *end(presentation) {
      for (const variant of variantsOf(presentation)) {
        for (const { kind, widthPx, heightPx } of tracksIn(presentation, variant)) {
          if (
            kind === 'video' &&
            variant.widthPx !== null &&
            (widthPx !== variant.widthPx || heightPx !== variant.heightPx)
          )
            yield {
              url: presentation.url,
              line: variant.line,
              seen: `${variant.widthPx}x${variant.heightPx ?? ''} for pictures of ${widthPx ?? ''}x${heightPx ?? ''}`,
            }
        }
      }
    },
  },
  {
    id: 'frame-rate-true',
    severity: 'should',
    title: 'FRAME-RATE is that of the pictures, within a hundredth.',
    source: `${BIS} §4.4.6.2`,
    *end(presentation) {
      for (const { url, line, frameRate } of variantsOf(presentation)) {
        const rendition = presentation.renditions.get(url)
        const measured = rendition === undefined ? null : frameRateOf(presentation, rendition)
        if (frameRate !== null && measured !== null && Math.abs(measured / frameRate - 1) > 0.01)
          yield { url: presentation.url, line, seen: `${frameRate} for ${measured.toFixed(3)} pictures a second` }
      }
    },
  },
  {
    id: 'bandwidth-peak',
    severity: 'must',
    title: 'BANDWIDTH covers the peak bit rate of the segments (live: within 25 %, else within 10 %).',
    source: `${BIS} §4.4.6.2; ${APPLE} (bit rates)`,
    *end(presentation) {
      for (const variant of variantsOf(presentation)) {
        const peakBps = sumOf(presentation, variant, peakOf)
        const isEnded = presentation.renditions.get(variant.url)?.latest?.isEnded === true
        const limitBps = (variant.bandwidthBps ?? 0) * (isEnded ? PEAK_SLACK.ended : PEAK_SLACK.live)
        if (variant.bandwidthBps !== null && peakBps !== null && peakBps > limitBps)
          yield {
            url: presentation.url,
            line: variant.line,
            seen: `BANDWIDTH=${variant.bandwidthBps ?? ''}, the peak was ${Math.round(peakBps)} bit/s`,
          }
      }
    },
  },
  {
    id: 'bandwidth-average',
    severity: 'should',
    title: 'AVERAGE-BANDWIDTH covers the mean bit rate of the segments within a tenth.',
    source: `${BIS} §4.4.6.2; ${APPLE} (bit rates)`,
    *end(presentation) {
      for (const variant of variantsOf(presentation)) {
        const meanBps = sumOf(presentation, variant, meanOf)
        const said = variant.averageBandwidthBps
        if (said !== null && meanBps !== null && meanBps > AVERAGE_SLACK * said)
          yield {
            url: presentation.url,
            line: variant.line,
            seen: `AVERAGE-BANDWIDTH=${said}, the mean was ${Math.round(meanBps)} bit/s`,
          }
      }
    },
  },
]

function variantsOf({ multivariant }: PresentationHistory): readonly Variant[] {
  return multivariant?.variants.filter(({ isIFrame }) => !isIFrame) ?? []
}

/** Playlists that play together: the variant's own and those of its groups. */
function renditionsOf(
  presentation: PresentationHistory,
  variant: Variant,
): { own: RenditionHistory[]; grouped: RenditionHistory[][]; isComplete: boolean } {
  let isComplete = true
  const find = (url: string): RenditionHistory[] => {
    const rendition = presentation.renditions.get(url)
    if (rendition === undefined) isComplete = false
    return rendition === undefined ? [] : [rendition]
  }
  const grouped = [...variant.groups].map(([type, id]) =>
    (presentation.multivariant?.renditions ?? [])
      .filter((one) => one.type === type && one.groupId === id && one.url !== null && one.url !== variant.url)
      .flatMap(({ url }) => find(url ?? '')),
  )
  return { own: find(variant.url), grouped, isComplete }
}

function inspect(presentation: PresentationHistory, variant: Variant): { tracks: InitTrack[]; isComplete: boolean } {
  const { own, grouped, isComplete } = renditionsOf(presentation, variant)
  const inits = [...own, ...grouped.flat()].map((rendition) => {
    const segment = rendition.latest?.segments.findLast(({ isGap }) => !isGap)
    return segment === undefined ? null : initOf(presentation, segment)
  })
  return {
    tracks: inits.flatMap((init) => init?.tracks ?? []),
    // Segments without EXT-X-MAP (MPEG-TS) and unsupported entries tell nothing.
    isComplete: isComplete && inits.every((init) => init !== null && init.fault === null),
  }
}

function tracksIn(presentation: PresentationHistory, variant: Variant): InitTrack[] {
  return inspect(presentation, variant).tracks.filter(({ kind, fourCc }) => kind !== 'other' && fourCc !== '')
}

/** The four characters, and for MPEG audio the object type. avc1 and avc3 are different formats. */
function isSameFormat(codec: string, { codecString, fourCc }: Pick<InitTrack, 'codecString' | 'fourCc'>): boolean {
  const said = codec.toLowerCase()
  if (codecString === null) return said.startsWith(fourCc.toLowerCase())
  const is = codecString.toLowerCase()
  const [saidFormat, saidObject] = said.split('.')
  const [isFormat, isObject] = is.split('.')
  return saidFormat === isFormat && (saidFormat !== 'mp4a' || saidObject === isObject)
}

function frameRateOf(presentation: PresentationHistory, { segments }: RenditionHistory): number | null {
  let samples = 0
  let seconds = 0
  for (const { facts, parent } of segments.values()) {
    const track = initOf(presentation, parent)?.tracks.find(({ kind }) => kind === 'video')
    if (facts === null || track === undefined) continue
    for (const fragment of tracksOf(facts, track.id)) {
      samples += fragment.samples
      seconds += fragment.durationTicks / track.timescale
    }
  }
  return seconds < 1 ? null : samples / seconds
}

interface Weighed {
  readonly msn: number
  readonly bits: number
  readonly seconds: number
}

function weigh(presentation: PresentationHistory, { segments }: RenditionHistory): Weighed[] {
  return [...segments.values()].flatMap(({ msn, facts, segment, parent }) => {
    if (facts === null || segment === null) return []
    const init = initOf(presentation, parent)
    return [
      {
        msn,
        bits: 8 * facts.sizeBytes,
        seconds: (init === null ? null : spanOf(facts, init)?.longestSec) ?? segment.durationSec,
      },
    ]
  })
}

/** 4.1 of the draft: the largest bit rate of any run of segments that lasts 0.5 to 1.5 target durations. */
function peakOf(presentation: PresentationHistory, rendition: RenditionHistory): number | null {
  const targetSec = rendition.latest?.targetDurationSec ?? 0
  const weighed = weigh(presentation, rendition)
  let peak: number | null = null
  for (const [start, first] of weighed.entries()) {
    let { bits, seconds } = first
    for (let index = start; index < weighed.length && seconds <= 1.5 * targetSec; ) {
      if (seconds >= 0.5 * targetSec) peak = Math.max(peak ?? 0, bits / seconds)
      const next = weighed[++index]
      if (next === undefined || next.msn !== (weighed[index - 1]?.msn ?? 0) + 1) break
      bits += next.bits
      seconds += next.seconds
    }
  }
  return peak
}

function meanOf(presentation: PresentationHistory, rendition: RenditionHistory): number | null {
  const weighed = weigh(presentation, rendition)
  const seconds = weighed.reduce((sum, one) => sum + one.seconds, 0)
  return seconds < AVERAGE_MIN_SEC ? null : weighed.reduce((sum, one) => sum + one.bits, 0) / seconds
}

/** Of the variant's own playlist plus the largest of each group; null while its own is not known. */
function sumOf(
  presentation: PresentationHistory,
  variant: Variant,
  measure: (presentation: PresentationHistory, rendition: RenditionHistory) => number | null,
): number | null {
  const { own, grouped } = renditionsOf(presentation, variant)
  const base = own[0] === undefined ? null : measure(presentation, own[0])
  if (base === null) return null
  return grouped.reduce((sum, group) => sum + Math.max(0, ...group.map((one) => measure(presentation, one) ?? 0)), base)
}
