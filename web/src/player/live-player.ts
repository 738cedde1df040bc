// Plays one live playlist on one <video> and never gives up: waits while the stream is offline, reconnects when the
// network fails, recovers from media errors, and follows the live edge unless the viewer went back on purpose.
import type Hls from 'hls.js'
import type { ErrorData, LevelDetails } from 'hls.js'
import { type BackoffPolicy, backoffDelayMs } from './backoff.ts'
import { buildHlsConfig } from './hls-config.ts'
import { endOfHole, rangesOf } from './hole.ts'
import { dateAt, gapAt, type LiveWindow, mediaTimeAt, playableFrom, windowOf } from './live-window.ts'
import { chooseAudio, chooseText, readChoices } from './media-tracks.ts'
import { paceOf } from './pace.ts'
import {
  explainPlayerError,
  isAtLiveEdge,
  type PlayerError,
  type PlayerState,
  type PlayerStats,
} from './player-state.ts'
import { fetchTail, probePlaylist, type Tail } from './playlist-probe.ts'
import { Refill } from './refill.ts'
import { type Destination, SKIP_BACK_MS } from './seek-bar.ts'
import { Standing } from './standing.ts'
import { isSameChoices, NO_CHOICES, type TrackChoices } from './track-choices.ts'

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
/** So does one that stands this long with nothing coming, and the playlist goes on: there is media, and hls.js asks for none. */
const STANDING_MS = 2500
const STANDING_JUMP_SEC = 2
const ENDED = 'The stream has ended.'
const INTERRUPTED = 'The stream is interrupted.'
const END_TOLERANCE_SEC = 0.5
/** Behind a gap this much is needed before a start, so that the target position lies in media. */
const START_MEDIA_SEC = 0.8
/** Whatever keeps a player that could start from starting: it is made anew. */
const STARTUP_MS_MAX = 10_000
/** Just behind the start of media, where both sound and picture are. */
const INSIDE_SEC = 0.01
/** A seek to where media never comes does not end, and hls.js repairs nothing while one goes on. */
const SEEK_MS_MAX = 2000
/** Chromium stands still this much before the end of what it has. */
const BEFORE_GAP_SEC = 0.2

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
  #tracks: TrackChoices = NO_CHOICES
  /** What the viewer chose: kept when the player is made anew. Undefined: nothing yet. */
  #wantedAudioId: string | undefined
  #wantedTextId: string | null | undefined
  #isFollowing = true
  #lastJumpAtMs = 0
  #seekBeganAtMs = 0
  /** Where a viewer who had gone back goes on when the player has been made anew. */
  #resumeAtMs: number | null = null
  #isIntendedPause = false
  #mediaPlaylistUrl: string | null = null
  /** Set while the playlist that it names has nothing to play: its end, or a gap. */
  #idlePlaylistUrl: string | null = null
  #attachedAtMs = 0
  /** After running dry playback is held until some media has gathered. */
  #refill: Refill | null = null
  readonly #standing = new Standing()
  /** Media time of the end, once the playlist has one. */
  #endSec: number | null = null
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
    video.addEventListener('seeking', () => this.#onSeeking(), { signal })
    video.addEventListener('pause', () => this.#onPause(), { signal })
    video.addEventListener('ended', () => this.#onEnded(), { signal })
    video.addEventListener('error', () => this.#onElementError(), { signal })
    video.addEventListener('volumechange', () => this.#publish(), { signal })
    this.#ticker = setInterval(() => this.#onTick(), TICK_MS)
    // Fetched while the playlist is asked for, not after.
    void import('hls.js')
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

  /** The same object until something changes. */
  get tracks(): TrackChoices {
    return this.#tracks
  }

  chooseAudio(id: string): void {
    this.#wantedAudioId = id
    chooseAudio(this.#hls, this.#video, id)
    this.#readTracks()
  }

  /** Null: no subtitles. */
  chooseText(id: string | null): void {
    this.#wantedTextId = id
    chooseText(this.#hls, this.#video, id)
    this.#readTracks()
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

  /** Jumps to a program date time inside the window; in a gap to what comes behind it. */
  seekTo(atMs: number): void {
    if (this.#window === null) return
    const playableMs = playableFrom(this.#window, atMs)
    if (playableMs === null) return this.goLive()
    this.#isFollowing = false
    this.#video.currentTime = mediaTimeAt(this.#window, playableMs) + (playableMs > atMs ? INSIDE_SEC : 0)
    this.play()
    // The next step counts from here, however soon it comes.
    this.#publish()
  }

  goTo(destination: Destination): void {
    if (destination.kind === 'live') this.goLive()
    else this.seekTo(destination.atMs)
  }

  skipBack(): void {
    const { playingAtMs } = this.#stats
    if (playingAtMs !== null) this.seekTo(playingAtMs - SKIP_BACK_MS)
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
    const tail =
      result.kind === 'ready' && this.#idlePlaylistUrl !== null
        ? await fetchTail(this.#idlePlaylistUrl, this.#life.signal)
        : null
    this.#isProbing = false
    if (this.#life.signal.aborted) return

    switch (result.kind) {
      case 'ready':
        if (tail !== null && !isEnough(tail)) return this.#waitFor('waiting', idleWords(tail), this.#waitingDelayMs())
        this.#idlePlaylistUrl = null
        return this.#attach()
      case 'offline':
        this.#detach()
        return this.#waitFor('waiting', null, this.#waitingDelayMs())
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

  /** Four tries for each doubling. */
  #waitingDelayMs(): number {
    return backoffDelayMs(WAITING_BACKOFF, this.#attempt / 4, Math.random())
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

    const hls = new HlsPlayer(buildHlsConfig(HlsPlayer.DefaultConfig))
    this.#hls = hls
    this.#attachedAtMs = performance.now()
    this.#engine = 'hls.js'
    this.#isFollowing = true
    hls.on(HlsPlayer.Events.ERROR, (_, data) => this.#onHlsError(data))
    hls.on(HlsPlayer.Events.LEVEL_UPDATED, (_, { details }) => this.#onPlaylist(details))
    hls.on(HlsPlayer.Events.MANIFEST_PARSED, () => void this.#tryPlay())
    hls.on(HlsPlayer.Events.AUDIO_TRACKS_UPDATED, () => this.#onTracks())
    hls.on(HlsPlayer.Events.SUBTITLE_TRACKS_UPDATED, () => this.#onTracks())
    hls.on(HlsPlayer.Events.AUDIO_TRACK_SWITCHED, () => this.#readTracks())
    hls.on(HlsPlayer.Events.SUBTITLE_TRACK_SWITCH, () => this.#readTracks())
    hls.loadSource(this.#url)
    hls.attachMedia(this.#video)
  }

  /** After hls.js is done with them: it does not expect to be changed by a listener. */
  #onTracks(): void {
    queueMicrotask(() => {
      if (this.#hls === null) return
      if (this.#wantedAudioId !== undefined) chooseAudio(this.#hls, this.#video, this.#wantedAudioId)
      if (this.#wantedTextId !== undefined) chooseText(this.#hls, this.#video, this.#wantedTextId)
      this.#readTracks()
    })
  }

  #readTracks(): void {
    const tracks = readChoices(this.#hls, this.#video)
    if (isSameChoices(tracks, this.#tracks)) return
    this.#tracks = tracks
    this.#publish()
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
    this.#tracks = NO_CHOICES
    this.#endSec = null
    if (this.#engine === 'native') {
      this.#video.removeAttribute('src')
      this.#video.load()
    }
    this.#engine = 'none'
    this.#endStall()
    this.#refill = null
    this.#video.playbackRate = 1
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
    if (this.#refill !== null) return
    this.#attempt = 0
    if (this.#startupMs === null) this.#startupMs = Math.round(performance.now() - this.#askedAtMs)
    this.#hasPlayed = true
    this.#endStall()
    this.#setState('playing', null)
    this.#resume()
  }

  #resume(): void {
    const atMs = this.#resumeAtMs
    this.#resumeAtMs = null
    if (atMs !== null) this.seekTo(atMs)
  }

  #onWaiting(): void {
    if (!this.#hasPlayed || this.#video.seeking || this.#video.paused || this.#stallBeganAtMs !== null) return
    this.#stalls += 1
    this.#stallBeganAtMs = performance.now()
    const mustRefill = this.#hls !== null && !this.#jumpHole()
    this.#refill = mustRefill ? new Refill(this.#stallBeganAtMs, bufferedAhead(this.#video)) : null
    this.#setState('stalled', null)
  }

  /**
   * hls.js looks for holes, too, but not while the rate is 0 as during a refill, and it takes its time. True when there
   * was one.
   */
  #jumpHole(): boolean {
    const video = this.#video
    if (this.#hls === null || this.#stallBeganAtMs === null || this.#isSeeking() || video.paused) return false
    const target = endOfHole(video.currentTime, rangesOf(video.buffered))
    if (target === null) return false
    this.#note('holeJumped', false, `From ${video.currentTime.toFixed(3)} to ${target.toFixed(3)}.`)
    video.currentTime = target
    return true
  }

  #onSeeking(): void {
    this.#seekBeganAtMs = performance.now()
  }

  /** False for a seek that should long have ended. */
  #isSeeking(): boolean {
    return this.#video.seeking && performance.now() - this.#seekBeganAtMs < SEEK_MS_MAX
  }

  #onPause(): void {
    if (this.#video.ended || this.#hls === null) return
    this.#setState('paused', null)
  }

  #onPlaylist(details: LevelDetails): void {
    this.#window = windowOf(details)
    this.#mediaPlaylistUrl = withoutDirectives(details.url)
    this.#endSec = details.live ? null : details.edge
    if (this.#hasPlayed) return
    // After hls.js is done with this playlist: it does not expect to be destroyed by a listener.
    // Nobody who opens a live player wants the last half minute of something that is over.
    if (!details.live) queueMicrotask(() => this.#onEnded())
    // hls.js does not start from inside a gap.
    else if (this.#isGapAt(details.edge - startDistanceSec(details))) queueMicrotask(() => this.#standBy(INTERRUPTED))
  }

  #onEnded(): void {
    this.#standBy(ENDED)
  }

  /** Nothing to play now: the picture goes, and the media playlist is asked until there is something again. */
  #standBy(message: string): void {
    if (this.#life.signal.aborted || this.#hls === null) return
    this.#idlePlaylistUrl = this.#mediaPlaylistUrl
    this.#detach()
    this.#waitFor('waiting', message, this.#waitingDelayMs())
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
    this.#resumeAtMs ??= this.#isFollowing ? null : this.#playingAtMs()
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
    this.#skipGap()
    this.#jumpHole()
    this.#keepPace()
    this.#watchStartup()
    // Sound and picture rarely end in the same instant, and the element waits for the longer one for ever.
    const isAtEnd = this.#endSec !== null && this.#endSec - this.#video.currentTime < END_TOLERANCE_SEC
    if (isAtEnd && this.#state === 'stalled') this.#onEnded()
    this.#readTracks()
    this.#publish()
  }

  /**
   * After an outage the playhead may sit before or inside a gap, minutes behind: whoever did not ask for that is taken to
   * live. Also before the first picture: a viewer who comes during an outage starts inside a gap.
   */
  #followLiveEdge(): void {
    const hls = this.#hls
    if (hls === null || !this.#isFollowing || this.#isIntendedPause) return
    const edgeSec = hls.liveSyncPosition
    if (edgeSec === null || this.#isGapAt(edgeSec)) return
    const behindSec = edgeSec - this.#video.currentTime
    const stoodMs = this.#standing.lookAt(performance.now(), {
      positionSec: this.#video.currentTime,
      bufferedSec: bufferedAhead(this.#video),
      isPaused: this.#video.paused,
    })
    const isStuckInGap =
      this.#video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA && this.#isGapAt(this.#video.currentTime)
    if (behindSec < (isStuckInGap ? 0 : stoodMs > STANDING_MS ? STANDING_JUMP_SEC : FOLLOW_JUMP_SEC)) return
    if (performance.now() - this.#lastJumpAtMs < FOLLOW_JUMP_PAUSE_MS) return
    if (!isStuckInGap && (this.#isSeeking() || !this.#hasPlayed)) return
    this.#lastJumpAtMs = performance.now()
    this.#video.currentTime = edgeSec
  }

  #keepPace(): void {
    const hls = this.#hls
    if (hls === null) return
    const targetSec = hls.targetLatency ?? 1
    const bufferedSec = bufferedAhead(this.#video)
    if (this.#refill?.isHolding(performance.now(), { bufferedSec, targetSec }) === false) {
      this.#refill = null
      if (this.#video.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA) this.#onPlaying()
    }
    const follows = this.#isFollowing && this.#hasPlayed && hls.latency > 0
    const rate = this.#refill !== null ? 0 : follows ? paceOf({ latencySec: hls.latency, targetSec, bufferedSec }) : 1
    if (this.#video.playbackRate !== rate) this.#video.playbackRate = rate
  }

  #watchStartup(): void {
    if (this.#hls === null || this.#hasPlayed || this.#isIntendedPause || this.#state === 'reconnecting') return
    if (performance.now() - this.#attachedAtMs < STARTUP_MS_MAX) return
    this.#note('startupTimeout', false, 'No picture within 10 s of a playlist.')
    this.#reload('The picture did not start.')
  }

  /** Who went back and comes to a gap goes on behind it; followers are taken to the live edge. */
  #skipGap(): void {
    const video = this.#video
    const window = this.#window
    if (this.#hls === null || window === null || this.#isFollowing || this.#isIntendedPause) return
    if (video.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA) return
    const gap = gapAt(window, video.currentTime + BEFORE_GAP_SEC)
    // One that reaches the live edge may end any moment.
    const playableMs = gap === null ? null : playableFrom(window, gap.endMs)
    if (playableMs === null) return
    const target = mediaTimeAt(window, playableMs) + INSIDE_SEC
    this.#note('gapSkipped', false, `From ${video.currentTime.toFixed(3)} to ${target.toFixed(3)}.`)
    video.currentTime = target
  }

  #isGapAt(mediaSec: number): boolean {
    return this.#window !== null && gapAt(this.#window, mediaSec) !== null
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
      atLiveEdge: isAtLiveEdge(this.#hls === null ? latencySec : this.#hls.latency, targetLatencySec),
      tracks: this.#tracks,
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
    if (this.#hls !== null) {
      if (!this.#hasPlayed) return null
      // While it seeks hls.js still counts from the segment that was left.
      const soughtMs =
        this.#video.seeking && this.#window !== null ? dateAt(this.#window, this.#video.currentTime) : null
      return soughtMs ?? this.#hls.playingDate?.getTime() ?? null
    }
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

/** Where hls.js starts, counted from the edge (RFC 8216bis section 4.4.3.8). */
function startDistanceSec(details: LevelDetails): number {
  return details.partHoldBack || details.holdBack || 3 * details.targetduration
}

function isEnough(tail: Tail): boolean {
  return tail.kind === 'live' && tail.mediaSec >= START_MEDIA_SEC
}

function idleWords(tail: Tail): string {
  return tail.kind === 'ended' ? ENDED : INTERRUPTED
}

/** hls.js keeps the blocking-reload directives in the address (RFC 8216bis section 6.2.5). */
function withoutDirectives(href: string): string {
  const url = new URL(href)
  for (const name of [...url.searchParams.keys()]) if (name.startsWith('_HLS_')) url.searchParams.delete(name)
  return url.href
}

function endOf(ranges: TimeRanges): number | null {
  return ranges.length === 0 ? null : ranges.end(ranges.length - 1)
}
