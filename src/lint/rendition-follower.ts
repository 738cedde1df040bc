// Follows one media playlist as a player does: blocking reloads, every other one as a delta update; else polls.
import { setTimeout as delay } from 'node:timers/promises'
import type { Directives, Exchange } from './exchange.ts'
import { exchange, type FetchHost } from './fetcher.ts'
import type { Linter } from './linter.ts'
import type { MediaPlaylist } from './media-playlist-model.ts'
import { mergeDelta } from './merge-delta.ts'

const RETRY_MS = 1000
/** A blocking reload that brings nothing new must not become a busy loop. */
const NO_NEWS_MS = 200
/** Every so many reloads the full playlist is fetched right after its delta update, to compare. */
const COMPARE_EVERY = 4
const FULL: Directives = { msn: null, part: null, skip: null }

export interface FollowOptions {
  readonly host: FetchHost
  readonly linter: Linter
  readonly url: string
  /** Called after each observed playlist. */
  readonly onPlaylist: (playlist: MediaPlaylist) => void
}

/** Resolves when the watch or the presentation ends. */
export async function followRendition(options: FollowOptions): Promise<void> {
  const { host, linter, url } = options
  let reloads = 0
  let wantsFull = true
  while (!host.signal.aborted) {
    const before = latestOf(linter, url)
    if (before?.isEnded) return
    const directives =
      wantsFull || before === null ? blocking(before, null) : blocking(before, reloads % 2 === 1 ? 'YES' : null)
    const answer = await reload(options, directives)
    if (answer === null) return
    reloads++
    if (answer.playlist === null) {
      await pause(RETRY_MS, host.signal)
      continue
    }
    // Without its base a delta update is of no use: the next reload is full.
    wantsFull = answer.playlist.skip !== null && mergeDelta(before, answer.playlist) === null
    if (answer.playlist.skip !== null && reloads % COMPARE_EVERY === 2) {
      if ((await reload(options, { ...directives, skip: null })) === null) return
    }
    const now = latestOf(linter, url)
    if (now !== null) options.onPlaylist(now)
    if (now?.isEnded) return
    const isBlocking = answer.playlist.serverControl?.canBlockReload === true
    const isNews = now !== null && (before === null || edgeOf(now) !== edgeOf(before))
    if (isBlocking) {
      if (!isNews) await pause(NO_NEWS_MS, host.signal)
    } else {
      // 6.3.4: a target duration after a change, half of it otherwise.
      const targetMs = 1000 * (answer.playlist.targetDurationSec ?? 6)
      await pause(isNews ? targetMs : targetMs / 2, host.signal)
    }
  }
}

/** What a player would ask for next (6.3.7). */
export function nextPosition({ segments, open, mediaSequence, partTargetSec }: MediaPlaylist): {
  msn: number
  part: number | null
} {
  if (open !== null) return { msn: open.msn, part: open.parts.length }
  const msn = (segments.at(-1)?.msn ?? mediaSequence - 1) + 1
  return { msn, part: partTargetSec === null ? null : 0 }
}

async function reload(
  { host, linter, url }: FollowOptions,
  directives: Directives,
): Promise<{ readonly answer: Exchange; readonly playlist: MediaPlaylist | null } | null> {
  const answer = await exchange(host, { purpose: 'reload', url, playlistUrl: url, directives })
  if (answer === null) return null
  const playlist = linter.observe(answer)
  return { answer, playlist: playlist?.kind === 'media' ? playlist : null }
}

function blocking(latest: MediaPlaylist | null, skip: 'YES' | null): Directives {
  if (latest === null || latest.serverControl?.canBlockReload !== true) return FULL
  const canSkip = latest.serverControl.canSkipUntilSec !== null
  return { ...nextPosition(latest), skip: canSkip ? skip : null }
}

function latestOf(linter: Linter, url: string): MediaPlaylist | null {
  return linter.presentation.renditions.get(url)?.latest ?? null
}

function edgeOf(playlist: MediaPlaylist): string {
  const { msn, part } = nextPosition(playlist)
  return `${msn} ${part} ${playlist.isEnded}`
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch(() => {})
}
