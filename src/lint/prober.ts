// Asks one rendition, once each, what a well-behaved player would not ask.
import { setTimeout as delay } from 'node:timers/promises'
import type { Directives, Exchange, Probe } from './exchange.ts'
import { type Ask, exchange, type FetchHost } from './fetcher.ts'
import type { RenditionHistory } from './history.ts'
import type { Linter } from './linter.ts'
import type { Part, Segment } from './media-playlist-model.ts'

/** By then a few parts have been seen. */
const FIRST_PROBE_MS = 2500
const WATCH_EVERY_MS = 250
const RANGE_LAST_BYTE = 99

/** `withMedia` false: playlists only. */
export async function probeRendition(host: FetchHost, linter: Linter, url: string, withMedia: boolean): Promise<void> {
  const rendition = (): RenditionHistory | undefined => linter.presentation.renditions.get(url)
  const ask = async (probe: Probe, what: Omit<Ask, 'purpose' | 'probe'>): Promise<void> => {
    const answer = await exchange(host, { ...what, purpose: 'probe', probe, playlistUrl: url })
    if (answer !== null) linter.observe(answer)
  }
  const askPlaylist = (probe: Probe, directives: Partial<Directives>): Promise<void> =>
    ask(probe, { url, directives: { msn: null, part: null, skip: null, ...directives } })

  const isEndedAtOnce = rendition()?.latest?.isEnded === true
  if (!isEndedAtOnce) await pause(FIRST_PROBE_MS, host.signal)
  const latest = rendition()?.latest
  if (latest == null) return
  await ask('identity', { url, acceptEncoding: 'identity' })
  const control = latest.serverControl
  const lastMsn = latest.segments.at(-1)?.msn ?? latest.mediaSequence
  if (latest.isEnded) {
    await askPlaylist('ended-directives', { msn: lastMsn + 10, part: 0, skip: 'YES' })
  } else {
    if (control?.canSkipUntilSec == null) await askPlaylist('skip-unoffered', { skip: 'YES' })
    else if (control.canSkipDateRanges) await askPlaylist('skip-v2', { skip: 'v2' })
    if (control?.canBlockReload) {
      await askPlaylist('part-without-msn', { part: 0 })
      await askPlaylist('far-ahead', { msn: lastMsn + 100 })
      if (latest.mediaSequence > 0) await askPlaylist('old-msn', { msn: latest.mediaSequence - 1 })
      const last = rendition()?.latest?.segments.at(-1)
      if (last !== undefined && last.parts.length > 0)
        await askPlaylist('part-rollover', { msn: last.msn, part: last.parts.length })
    }
  }
  if (!withMedia) return
  const segment = rendition()?.latest?.segments.findLast(({ isGap, range }) => !isGap && range === null)
  if (segment === undefined) return
  // What the questions about it are compared with.
  const media = { msn: segment.msn, part: null }
  const first = await exchange(host, {
    purpose: 'segment',
    url: segment.url,
    playlistUrl: url,
    media,
    acceptEncoding: 'identity',
  })
  if (first === null) return
  linter.observe(first)
  if (first.status === 200) await probeMedia(ask, rendition, segment, latest.isEnded, host.signal)
}

async function probeMedia(
  ask: (probe: Probe, what: Omit<Ask, 'purpose' | 'probe'>) => Promise<void>,
  rendition: () => RenditionHistory | undefined,
  segment: Segment,
  isEnded: boolean,
  signal: AbortSignal,
): Promise<void> {
  await ask('unknown-media', { url: new URL('hls-lint-no-such-media.m4s', segment.url).href })
  await ask('head', { url: segment.url, method: 'HEAD', acceptEncoding: 'identity' })
  await ask('range', { url: segment.url, range: { first: 0, last: RANGE_LAST_BYTE }, acceptEncoding: 'identity' })
  await ask('range-unsatisfiable', {
    url: segment.url,
    range: { first: 2 ** 40, last: 2 ** 40 + 1 },
    acceptEncoding: 'identity',
  })
  if (isEnded) {
    await ask('again', { url: segment.url, acceptEncoding: 'identity' })
    return
  }
  await probeRemoved(ask, rendition, segment, signal)
}

/** Waits until a part's tag, and a segment, have left the playlist, and asks for them then. */
async function probeRemoved(
  ask: (probe: Probe, what: Omit<Ask, 'purpose' | 'probe'>) => Promise<void>,
  rendition: () => RenditionHistory | undefined,
  again: Segment,
  signal: AbortSignal,
): Promise<void> {
  const start = rendition()?.latest
  const part: Part | undefined = start?.segments.findLast(({ parts }) => parts.length > 0)?.parts[0]
  let partLeft = part !== undefined && !part.isGap
  // The next segment to leave must have been there for a while, or its time would be up too early.
  let oldest = start?.segments.find(({ isGap }) => !isGap)
  let hasAskedAgain = false
  while (!signal.aborted && (partLeft || oldest !== undefined || !hasAskedAgain)) {
    await pause(WATCH_EVERY_MS, signal)
    const latest = rendition()?.latest
    if (signal.aborted || latest == null || latest.isEnded) return
    const parent = latest.segments.find(({ msn }) => msn === part?.msn)
    if (partLeft && part !== undefined && parent?.parts.length === 0) {
      partLeft = false
      await ask('removed-part', { url: part.url, range: httpRange(part) })
    }
    if (oldest !== undefined && latest.mediaSequence > oldest.msn) {
      const { url } = oldest
      const range = httpRange(oldest)
      oldest = undefined
      await ask('removed-segment', { url, range })
    }
    if (!hasAskedAgain && latest.segments.some(({ msn }) => msn > again.msn)) {
      hasAskedAgain = true
      await ask('again', { url: again.url, acceptEncoding: 'identity' })
    }
  }
}

function httpRange({ range }: Part | Segment): Exchange['range'] {
  return range === null ? null : { first: range.offset, last: range.offset + range.length - 1 }
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch(() => {})
}
