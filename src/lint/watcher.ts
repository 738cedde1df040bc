// Watches a presentation for a while: follows its renditions, fetches media, asks its questions. All verdicts are the linter's.
import { exchange, type FetchHost } from './fetcher.ts'
import { Linter } from './linter.ts'
import { type MediaMode, MediaSampler } from './media-sampler.ts'
import { probeRendition } from './prober.ts'
import { followRendition } from './rendition-follower.ts'
import { type LintReport, makeReport } from './report.ts'
import { ALL_RULES } from './rules/all-rules.ts'

export interface WatchOptions {
  readonly url: string
  readonly seconds: number
  readonly media: MediaMode
  /** Media playlists followed at once; further ones are left out. */
  readonly maxRenditions: number
  readonly fetch: typeof fetch
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly signal: AbortSignal
}

/** Throws when the address cannot be loaded or is no playlist. */
export async function watchPresentation(options: WatchOptions): Promise<LintReport> {
  const startedAtMs = options.now()
  const over = new AbortController()
  const host: FetchHost = {
    fetch: options.fetch,
    now: options.now,
    signal: AbortSignal.any([options.signal, over.signal]),
  }
  const linter = new Linter(options.url, ALL_RULES)
  const first = await exchange(host, { purpose: 'multivariant', url: options.url })
  if (first === null) throw new Error('the watch was stopped before it began')
  if (first.status !== 200)
    throw new Error(`${options.url} was answered with ${first.status === 0 ? first.error : first.status}`)
  const playlist = linter.observe(first)
  if (playlist?.tags.length === 0) throw new Error(`${options.url} is no playlist`)
  const urls = playlist?.kind === 'multivariant' ? mediaPlaylists(playlist) : [options.url]
  const followed = urls.slice(0, options.maxRenditions)

  const timer = setTimeout(() => over.abort(), 1000 * options.seconds)
  const samplers = followed.map((url) => new MediaSampler(host, linter, url, options.media))
  try {
    const follow = followed.map((url, index) =>
      followRendition({ host, linter, url, onPlaylist: (latest) => samplers[index]?.onPlaylist(latest) }),
    )
    const probes =
      followed[0] === undefined ? [] : [probeWhenKnown(host, linter, followed[0], follow[0], options.media !== 'none')]
    await Promise.all([...follow, ...probes])
    await Promise.all(samplers.map((sampler) => sampler.settled()))
    if (playlist?.kind === 'multivariant') await readAgain({ ...host, signal: options.signal }, linter, options.url)
  } finally {
    clearTimeout(timer)
    over.abort()
  }
  return makeReport(linter, {
    url: options.url,
    watchedMs: options.now() - startedAtMs,
    left: urls.length - followed.length,
    mediaDropped: samplers.reduce((sum, { dropped }) => sum + dropped, 0),
  })
}

/** Peaks are judged by what was promised last: nobody knows at the beginning what an encoder will send. */
async function readAgain(host: FetchHost, linter: Linter, url: string): Promise<void> {
  const last = await exchange(host, { purpose: 'multivariant', url })
  if (last?.status === 200) linter.observe(last)
}

/** A presentation that has ended already is probed when it has been read, a live one meanwhile. */
async function probeWhenKnown(
  host: FetchHost,
  linter: Linter,
  url: string,
  followed: Promise<void> | undefined,
  withMedia: boolean,
): Promise<void> {
  while (!host.signal.aborted && linter.presentation.renditions.get(url)?.latest == null) {
    await Promise.race([followed, new Promise((resolve) => setTimeout(resolve, 50))])
    if (linter.presentation.renditions.get(url)?.failedCount) return
  }
  await probeRendition(host, linter, url, withMedia)
}

/** Variants first, in their order, then renditions; each address once. */
function mediaPlaylists({
  variants,
  renditions,
}: {
  variants: readonly { url: string }[]
  renditions: readonly { url: string | null }[]
}): string[] {
  const urls = [...variants, ...renditions].flatMap(({ url }) => (url === null || url === '' ? [] : [url]))
  return [...new Set(urls)]
}
