// Plays one live playlist on one <video> and never gives up: waits while the stream is offline, reconnects when the
// network fails, recovers from media errors, and follows the live edge unless the viewer went back on purpose.
import type Hls from 'hls.js'
import type { ErrorData } from 'hls.js'
import { type BackoffPolicy, backoffDelayMs } from './backoff.ts'
import { buildHlsConfig } from './hls-config.ts'
import { type LiveWindow, mediaTimeAt, windowOf } from './live-window.ts'
import {
  explainPlayerError,
  isAtLiveEdge,
  type PlayerError,
  type PlayerState,
  type PlayerStats,
} from './player-state.ts'
import { isEnded, probePlaylist } from './playlist-probe.ts'

/** An operator who has just pressed Start wants the picture at once; later the server is asked less often. */
const WAITING_BACKOFF: BackoffPolicy = { firstMs: 250, maxMs: 3000, jitter: 0.2 }
const UNKNOWN_RETRY_MS = 5000
const RECONNECT_BACKOFF: BackoffPolicy = { firstMs: 500, maxMs: 8000, jitter: 0.3 }

const TICK_MS = 250
const ERRORS_KEPT = 50
/** Two attempts at decoding are worth it in this time; after that the player starts afresh. */
const MEDIA_RECOVERY_WINDOW_MS = 30_000
/** A follower that is further behind than this jumps to the live edge instead of speeding up. */
const FOLLOW_JUMP_SEC = 6
const FOLLOW_JUMP_PAUSE_MS = 4000

export class LivePlayer {
  readonly #video: HTMLVideoElement
  readonly #url: string
  readonly #life = new AbortController()
  readonly #listeners = new Set<() => void>()
  readonly #ticker: ReturnType<typeof setInterval>
  #hls: Hls | null = null
  #engine: PlayerStats['engine'] = 'none'
  #retryTimer: ReturnType<typeof setTimeout> | null = null
  #isProbing = false
  #attempt = 0
  #state: PlayerState = 'loading'
  #message: string | null = null
  #window: LiveWindow | null = null
  #isFollowing = true
  #lastJumpAtMs = 0
  #isIntendedPause = false
  #endedPlaylistUrl: string | null = null
  #askedAtMs = 0
  #startupMs: number | null = null
  #hasPlayed = false
  #stalls = 0
  #stalledMs = 0
  #stallBeganAtMs: number | null = null
  #errors: readonly PlayerError[] = []
  #fatalErrors = 0
  #mediaRecoveries = 0
  #mediaRecoveryTimes: readonly number[] = []
  #reloads = 0
  #stats: PlayerStats

  constructor(video: HTMLVideoElement, url: string) {
    this.#video = video
    this.#url = url
    this.#stats = this.#measure()
    const { signal } = this.#life
    video.addEventListener('playing', () => this.#onPlaying(), { signal })
    video.addEventListener('waiting', () => this.#onWaiting(), { signal })
    video.addEventListener('pause', () => this.#onPause(), { signal })
    video.addEventListener('ended', () => this.#onEnded(), { signal })
    video.addEventListener('error', () => this.#onElementError(), { signal })
    video.addEventListener('volumechange', () => this.#publish(), { signal })
    this.#ticker = setInterval(() => this.#onTick(), TICK_MS)
    void this.#probe()
  }

  /** A frozen snapshot, the same object until something changes: fit for useSyncExternalStore. */
  get stats(): PlayerStats {
    return this.#stats
  }

  /** What the live playlist lists now; null before the first one and without program date times. */
  get window(): LiveWindow | null {
    return this.#window
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The page heard that the stream is live: ask now instead of at the next try. */
  retryNow(): void {
    if (this.#state !== 'waiting' && this.#state !== 'unknown' && this.#state !== 'reconnecting') return
    this.#attempt = 0
    void this.#probe()
  }

  play(): void {
    this.#isIntendedPause = false
    void this.#tryPlay()
  }

  pause(): void {
    this.#isIntendedPause = true
    // Who pauses wants to go on from here, not to be carried to the live edge.
    this.#isFollowing = false
    this.#video.pause()
  }

  goLive(): void {
    this.#isFollowing = true
    const position = this.#hls?.liveSyncPosition ?? endOf(this.#video.seekable)
    if (position !== null) this.#video.currentTime = position
    this.play()
  }

  /** Jumps to a program date time inside the window. */
  seekTo(atMs: number): void {
    if (this.#window === null) return
    this.#isFollowing = false
    this.#video.currentTime = mediaTimeAt(this.#window, atMs)
    this.play()
  }

  close(): void {
    this.#life.abort()
    clearInterval(this.#ticker)
    this.#clearRetry()
    this.#detach()
    this.#listeners.clear()
  }

  // ---- Finding the stream

  async #probe(): Promise<void> {
    if (this.#isProbing || this.#life.signal.aborted) return
    this.#isProbing = true
    this.#clearRetry()
    this.#askedAtMs = performance.now()
    const result = await probePlaylist(this.#url, this.#life.signal)
    const stillEnded =
      result.kind === 'ready' &&
      this.#endedPlaylistUrl !== null &&
      (await isEnded(this.#endedPlaylistUrl, this.#life.signal))
    this.#isProbing = false
    if (this.#life.signal.aborted) return

    switch (result.kind) {
      case 'ready':
        if (stillEnded) return this.#waitFor('waiting', null, 2000)
        this.#endedPlaylistUrl = null
        return this.#attach()
      case 'offline':
        this.#detach()
        return this.#waitFor('waiting', null, backoffDelayMs(WAITING_BACKOFF, this.#attempt / 4, Math.random()))
      case 'unknown':
        this.#detach()
        return this.#waitFor('unknown', null, UNKNOWN_RETRY_MS)
      case 'unreachable':
        return this.#waitFor(
          'reconnecting',
          result.reason,
          backoffDelayMs(RECONNECT_BACKOFF, this.#attempt, Math.random()),
        )
      case 'refused':
        return this.#fail(result.reason)
      default:
        result satisfies never
    }
  }

  #waitFor(state: PlayerState, message: string | null, delayMs: number): void {
    this.#attempt += 1
    this.#setState(state, message)
    this.#retryTimer = setTimeout(() => void this.#probe(), delayMs)
  }

  #clearRetry(): void {
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer)
    this.#retryTimer = null
  }

  async #attach(): Promise<void> {
    if (this.#hls !== null) {
      // The network came back under a running player: go on loading, keep the picture.
      this.#hls.startLoad(-1)
      this.#setState(this.#video.paused ? 'paused' : this.#video.readyState >= 3 ? 'playing' : 'stalled', null)
      return
    }
    const { default: HlsPlayer } = await import('hls.js')
    if (this.#life.signal.aborted || this.#hls !== null) return
    if (!HlsPlayer.isSupported()) return this.#attachNative()

    const hls = new HlsPlayer(buildHlsConfig())
    this.#hls = hls
    this.#engine = 'hls.js'
    this.#isFollowing = true
    hls.on(HlsPlayer.Events.ERROR, (_, data) => this.#onHlsError(data))
    hls.on(HlsPlayer.Events.LEVEL_UPDATED, (_, { details }) => {
      this.#window = windowOf(details)
    })
    hls.on(HlsPlayer.Events.MANIFEST_PARSED, () => void this.#tryPlay())
    hls.loadSource(this.#url)
    hls.attachMedia(this.#video)
  }

  #attachNative(): void {
    if (this.#video.canPlayType('application/vnd.apple.mpegurl') === '')
      return this.#fail(explainPlayerError('unsupported'))
    this.#engine = 'native'
    this.#video.src = this.#url
    void this.#tryPlay()
  }

  #detach(): void {
    this.#hls?.destroy()
    this.#hls = null
    this.#window = null
    if (this.#engine === 'native') {
      this.#video.removeAttribute('src')
      this.#video.load()
    }
    this.#engine = 'none'
    this.#stallBeganAtMs = null
    this.#hasPlayed = false
  }

  async #tryPlay(): Promise<void> {
    if (this.#isIntendedPause) return
    try {
      await this.#video.play()
    } catch (error) {
      // Browsers refuse sound before the first gesture; a silent picture is better than none.
      if (error instanceof DOMException && error.name === 'NotAllowedError' && !this.#video.muted) {
        this.#video.muted = true
        await this.#video.play().catch(() => this.#publish())
      }
    }
  }

  // ---- What happens while it plays

  #onPlaying(): void {
    this.#attempt = 0
    if (this.#startupMs === null) this.#startupMs = Math.round(performance.now() - this.#askedAtMs)
    this.#hasPlayed = true
    this.#endStall()
    this.#setState('playing', null)
  }

  #onWaiting(): void {
    if (!this.#hasPlayed || this.#video.seeking || this.#video.paused || this.#stallBeganAtMs !== null) return
    this.#stalls += 1
    this.#stallBeganAtMs = performance.now()
    this.#setState('stalled', null)
  }

  #onPause(): void {
    if (this.#video.ended || this.#hls === null) return
    this.#setState('paused', null)
  }

  #onEnded(): void {
    this.#endedPlaylistUrl = this.#hls?.levels[this.#hls.currentLevel]?.details?.url ?? null
    this.#detach()
    this.#waitFor('waiting', 'The stream has ended.', 1000)
  }

  #onElementError(): void {
    // With hls.js the library reports and recovers; only the native engine has no other voice.
    if (this.#engine !== 'native') return
    this.#note('nativeError', true, this.#video.error?.message ?? '')
    this.#reload('Playback broke off.')
  }

  #onHlsError(data: ErrorData): void {
    this.#note(data.details, data.fatal, data.error.message)
    if (!data.fatal) return

    if (data.details === 'manifestIncompatibleCodecsError') return this.#fail(explainPlayerError(data.details))
    if (data.type === 'mediaError') return this.#recoverMedia()
    if (data.type === 'networkError' && this.#hasPlayed && !data.details.startsWith('manifest')) {
      return this.#waitFor('reconnecting', 'The connection to the media server was lost.', 500)
    }
    this.#reload(explainPlayerError(data.details))
  }

  #recoverMedia(): void {
    const nowMs = performance.now()
    this.#mediaRecoveryTimes = [...this.#mediaRecoveryTimes, nowMs].filter(
      (at) => nowMs - at < MEDIA_RECOVERY_WINDOW_MS,
    )
    this.#mediaRecoveries += 1
    if (this.#mediaRecoveryTimes.length === 1) return this.#hls?.recoverMediaError()
    if (this.#mediaRecoveryTimes.length === 2) {
      this.#hls?.swapAudioCodec()
      return this.#hls?.recoverMediaError()
    }
    this.#reload('The picture could not be decoded.')
  }

  #reload(message: string): void {
    this.#detach()
    this.#reloads += 1
    this.#waitFor('reconnecting', message, backoffDelayMs(RECONNECT_BACKOFF, this.#attempt, Math.random()))
  }

  #fail(message: string): void {
    this.#detach()
    this.#clearRetry()
    this.#setState('failed', message)
  }

  #endStall(): void {
    if (this.#stallBeganAtMs === null) return
    this.#stalledMs += performance.now() - this.#stallBeganAtMs
    this.#stallBeganAtMs = null
  }

  #onTick(): void {
    this.#followLiveEdge()
    this.#publish()
  }

  /** After an outage the playhead may sit before a gap, minutes behind: whoever did not ask for that is taken to live. */
  #followLiveEdge(): void {
    const hls = this.#hls
    if (hls === null || !this.#isFollowing || !this.#hasPlayed || this.#video.paused || this.#video.seeking) return
    const edgeSec = hls.liveSyncPosition
    if (edgeSec === null || edgeSec - this.#video.currentTime < FOLLOW_JUMP_SEC) return
    if (performance.now() - this.#lastJumpAtMs < FOLLOW_JUMP_PAUSE_MS || this.#isGapAt(edgeSec)) return
    this.#lastJumpAtMs = performance.now()
    this.#video.currentTime = edgeSec
  }

  #isGapAt(mediaSec: number): boolean {
    const window = this.#window
    if (window === null) return false
    const atMs = window.startMs + (mediaSec - window.startSec) * 1000
    return window.segments.some((segment) => segment.isGap && atMs >= segment.startMs && atMs < segment.endMs)
  }

  // ---- What it says about itself

  #note(details: string, fatal: boolean, message: string): void {
    if (fatal) this.#fatalErrors += 1
    const error = Object.freeze({ atMs: Date.now(), details, fatal, message: message.slice(0, 300) })
    this.#errors = Object.freeze([...this.#errors, error].slice(-ERRORS_KEPT))
  }

  #setState(state: PlayerState, message: string | null): void {
    this.#state = state
    this.#message = message
    this.#publish()
  }

  #publish(): void {
    this.#stats = this.#measure()
    for (const listener of this.#listeners) listener()
  }

  #measure(): PlayerStats {
    const video = this.#video
    const quality = video.getVideoPlaybackQuality?.()
    const playingAtMs = this.#playingAtMs()
    const latencySec = playingAtMs === null ? null : (Date.now() - playingAtMs) / 1000
    const targetLatencySec = this.#hls?.targetLatency ?? null
    const stallingMs = this.#stallBeganAtMs === null ? 0 : performance.now() - this.#stallBeganAtMs
    return Object.freeze({
      engine: this.#engine,
      url: this.#url,
      state: this.#state,
      message: this.#message,
      stalls: this.#stalls,
      stalledMs: Math.round(this.#stalledMs + stallingMs),
      latencySec,
      targetLatencySec,
      positionSec: video.currentTime,
      playingAtMs,
      bufferedSec: bufferedAhead(video),
      atLiveEdge: isAtLiveEdge(latencySec, targetLatencySec),
      muted: video.muted,
      widthPx: video.videoWidth,
      heightPx: video.videoHeight,
      decodedFrames: quality?.totalVideoFrames ?? 0,
      droppedFrames: quality?.droppedVideoFrames ?? 0,
      startupMs: this.#startupMs,
      errors: this.#errors,
      fatalErrors: this.#fatalErrors,
      mediaRecoveries: this.#mediaRecoveries,
      reloads: this.#reloads,
    })
  }

  #playingAtMs(): number | null {
    if (this.#hls !== null) return this.#hasPlayed ? (this.#hls.playingDate?.getTime() ?? null) : null
    const startMs = (this.#video as { getStartDate?: () => Date }).getStartDate?.().getTime()
    return startMs === undefined || Number.isNaN(startMs) ? null : startMs + this.#video.currentTime * 1000
  }
}

/** Makes the newest player's figures readable as `window.__mirrorPlayer`. Returns the way to withdraw them. */
export function exposePlayerStats(player: LivePlayer): () => void {
  Object.defineProperty(window, '__mirrorPlayer', { get: () => player.stats, configurable: true })
  return () => {
    Reflect.deleteProperty(window, '__mirrorPlayer')
  }
}

function bufferedAhead(video: HTMLVideoElement): number {
  for (let index = 0; index < video.buffered.length; index += 1) {
    if (video.buffered.start(index) <= video.currentTime + 0.1 && video.buffered.end(index) >= video.currentTime) {
      return video.buffered.end(index) - video.currentTime
    }
  }
  return 0
}

function endOf(ranges: TimeRanges): number | null {
  return ranges.length === 0 ? null : ranges.end(ranges.length - 1)
}
