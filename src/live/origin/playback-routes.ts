// GET /stream/<id>/… : playlists, parts, segments, init segments.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterRunning } from '../../core/running-time.ts'
import { decideReload, parseDirectives, type ReloadDirectives } from '../../hls/blocking-reload.ts'
import { type ArchiveHost, answerRecorded, isSegmentName } from './archive-routes.ts'
import {
  answerBytes,
  answerMedia,
  answerPlaylist,
  answerProblem,
  CACHE_BLOCKING_PLAYLIST,
  CACHE_PLAYLIST,
} from './http-answer.ts'
import type { Shelf, ShelfTrack, ShelvedPlaylist, Waiter } from './shelf.ts'

/** hls.js gives up on a first byte after 10 s and does not repeat what was refused with 4xx, so 503 comes before that. */
const HOLD_MAX_MS = 9000
/** A playlist is held this long while a publisher is connecting. */
const HOLD_START_MS = 8000
const HOLD_TARGETS = 3
/** Origin threads hear of a part within milliseconds of each other, on a busy machine a little later. */
const AHEAD_HOLD_MS = 500

export interface PlaybackHost {
  /** Null when no such stream is registered. */
  shelf(streamId: string): Shelf | null
  /** Held requests in this thread; beyond the limit new ones are refused. */
  readonly holds: HoldLimit
  onViewer(request: IncomingMessage, streamId: string, trackId: string): void
  readonly archive: ArchiveHost
}

/** Bounds how many requests wait at once. */
export class HoldLimit {
  readonly #max: number
  readonly #maxTogether: number
  #count = 0

  /** `maxTogether`: for the same thing, so that one stream leaves places to others. */
  constructor(max: number, maxTogether = max) {
    this.#max = max
    this.#maxTogether = maxTogether
  }

  isFullFor(waiters: ReadonlySet<Waiter>): boolean {
    return this.#count >= this.#max || waiters.size >= this.#maxTogether
  }

  /** Calls `attempt` after every change until it has answered; `onTimeout` answers otherwise. */
  hold(
    response: ServerResponse,
    waiters: Set<Waiter>,
    timeoutMs: number,
    attempt: () => boolean,
    onTimeout: () => void,
  ): void {
    this.#count++
    const finish = () => {
      timeout.cancel()
      waiters.delete(waiter)
      response.off('close', finish)
      this.#count--
    }
    const waiter: Waiter = () => {
      if (!attempt()) return false
      finish()
      return true
    }
    const timeout = afterRunning(timeoutMs, () => {
      finish()
      onTimeout()
    })
    waiters.add(waiter)
    response.once('close', finish)
  }
}

export function answerMultivariant(
  host: PlaybackHost,
  request: IncomingMessage,
  response: ServerResponse,
  streamId: string,
): void {
  const shelf = host.shelf(streamId)
  if (shelf === null) return answerProblem(response, 'stream_not_found', `there is no stream ${streamId}`)
  const attempt = () => {
    // What is left of the last session does not answer for one that is about to begin.
    if (shelf.multivariant === null || shelf.phase === 'starting') {
      if (shelf.phase !== 'offline') return false
      answerProblem(response, 'stream_offline', `stream ${streamId} is not live`)
      return true
    }
    answerPlaylist(request, response, shelf.multivariant, CACHE_PLAYLIST)
    return true
  }
  holdUnless(host, response, shelf.waiters, HOLD_START_MS, attempt, () =>
    answerProblem(response, 'reload_timeout', `stream ${streamId} has a publisher but no complete segment yet`),
  )
}

export type PlaylistKind = 'playlist' | 'iFrames'

export function answerMediaPlaylist(
  host: PlaybackHost,
  request: IncomingMessage,
  response: ServerResponse,
  path: {
    readonly streamId: string
    readonly trackId: string
    readonly kind: PlaylistKind
    readonly query: URLSearchParams
  },
): void {
  const shelf = host.shelf(path.streamId)
  if (shelf === null) return answerProblem(response, 'stream_not_found', `there is no stream ${path.streamId}`)
  const directives = parseDirectives(path.query)
  if (directives === null) {
    return answerProblem(
      response,
      'directive_invalid',
      '_HLS_msn and _HLS_part must be decimal integers, and _HLS_part needs _HLS_msn',
    )
  }
  const track = path.kind === 'iFrames' && !path.trackId.startsWith('v') ? null : shelf.trackOrExpected(path.trackId)
  if (track === null) {
    const code = shelf.phase === 'offline' ? 'stream_offline' : 'media_not_found'
    const what = path.kind === 'iFrames' ? 'I-frames of a track' : 'track'
    return answerProblem(response, code, `stream ${path.streamId} has no ${what} ${path.trackId} now`)
  }
  host.onViewer(request, path.streamId, path.trackId)
  holdUnless(
    host,
    response,
    track.waiters,
    holdMs(track),
    () => tryMediaPlaylist(request, response, shelf, track[path.kind], directives),
    () => answerProblem(response, 'reload_timeout', `the playlist of ${path.streamId}/${path.trackId} did not advance`),
  )
}

function tryMediaPlaylist(
  request: IncomingMessage,
  response: ServerResponse,
  shelf: Shelf,
  playlist: ShelvedPlaylist | null,
  directives: ReloadDirectives,
): boolean {
  if (playlist === null || shelf.phase === 'starting') {
    if (shelf.phase !== 'offline') return false
    answerProblem(response, 'stream_offline', 'the stream is not live')
    return true
  }
  if (directives.msn === null && isUnlisted(shelf, playlist)) return false
  switch (decideReload(directives, playlist.position)) {
    case 'wait':
      return false
    case 'reject':
      answerProblem(response, 'directive_invalid', '_HLS_msn or _HLS_part lies too far ahead of the playlist')
      return true
    case 'now': {
      const { full, delta, deltaV2 } = playlist
      const text = (directives.skip === 'v2' ? deltaV2 : directives.skip === 'YES' ? delta : null) ?? full
      answerPlaylist(request, response, text, directives.msn === null ? CACHE_PLAYLIST : CACHE_BLOCKING_PLAYLIST)
      return true
    }
  }
}

/**
 * No segment is complete, and this thread has not heard that every track has one. Another may have and listed the track: a
 * player that finds it empty, and knows no parts, as ffmpeg, leaves it out for good.
 */
function isUnlisted({ multivariant }: Shelf, { position }: ShelvedPlaylist): boolean {
  return multivariant === null && position.lastMsn === null && !position.isEnded
}

/** RFC 8216bis 6.2.5.2: at most three target durations; less where that would outlast the player's patience. */
function holdMs(track: ShelfTrack): number {
  const targetSec = track.playlist?.targetDurationSec
  return targetSec === undefined ? HOLD_START_MS : Math.min(HOLD_MAX_MS, HOLD_TARGETS * targetSec * 1000)
}

export function answerMediaFile(
  host: PlaybackHost,
  request: IncomingMessage,
  response: ServerResponse,
  path: { readonly streamId: string; readonly trackId: string; readonly name: string },
): void {
  const shelf = host.shelf(path.streamId)
  if (shelf === null) return answerProblem(response, 'stream_not_found', `there is no stream ${path.streamId}`)
  host.onViewer(request, path.streamId, path.trackId)
  const answer = {
    contentType: contentTypeOf(path.trackId),
    etag: `"${path.trackId}-${path.name}"`,
  }
  const track = shelf.track(path.trackId)
  if (track === null) {
    const problem = `stream ${path.streamId} has no track ${path.trackId} now`
    return answerRecorded(host.archive, { request, response }, path, answer, () =>
      answerProblem(response, 'media_not_found', problem),
    )
  }
  const init = track.inits.get(path.name)
  if (init !== undefined) return answerBytes(request, response, init, answer)

  const isHinted = () => track.playlist?.preloadName === path.name && shelf.phase === 'live'
  const missing = (detail: string) => {
    const code = shelf.isGone(track, path.name) ? 'media_gone' : 'media_not_found'
    answerRecorded(host.archive, { request, response }, path, answer, () =>
      answerProblem(response, code, `${path.streamId}/${path.trackId}/${path.name} ${detail}`),
    )
  }
  const attempt = () => {
    const media = shelf.lease(track, path.name)
    if (media !== null) {
      if (isSegmentName(path.name)) host.archive.onServed('memory')
      answerMedia(request, response, media, answer)
      return true
    }
    // Only the hinted part is worth waiting for; if the plan has changed it will never come (RFC 8216bis 6.2.6).
    if (isHinted() || (shelf.phase === 'live' && shelf.isAhead(track, path.name))) return false
    missing('is not in the window')
    return true
  }
  const holdHinted = () =>
    holdUnless(host, response, track.waiters, holdMs(track), attempt, () => missing('did not come'))
  if (isHinted()) return holdHinted()
  holdUnless(host, response, track.waiters, AHEAD_HOLD_MS, attempt, () =>
    isHinted() ? holdHinted() : missing('is not in the window'),
  )
}

export function contentTypeOf(trackId: string): string {
  if (trackId.startsWith('s')) return 'text/vtt; charset=utf-8'
  return trackId.startsWith('a') ? 'audio/mp4' : 'video/mp4'
}

function holdUnless(
  host: PlaybackHost,
  response: ServerResponse,
  waiters: Set<Waiter>,
  timeoutMs: number,
  attempt: () => boolean,
  onTimeout: () => void,
): void {
  if (attempt()) return
  if (host.holds.isFullFor(waiters)) {
    answerProblem(response, 'origin_unavailable', 'too many requests are waiting')
    return
  }
  host.holds.hold(response, waiters, timeoutMs, attempt, onTimeout)
}
