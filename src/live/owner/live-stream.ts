// One live stream: what comes in, what it belongs to, what goes out, and what happens when media stops.
import { formatDuration } from '../../core/duration.ts'
import { type ErrorCode, MirrorError, toMirrorError } from '../../core/errors.ts'
import { toNumber } from '../../core/rational.ts'
import { cellGrid, TIMELINE_EPOCH_SEC } from '../../media/timeline/cell.ts'
import type { LatencyObservation, OwnerStatus, RegisteredStream, StreamStatus } from '../control.ts'
import type { MirrorEvent } from '../events.ts'
import type { InputFault, InputOpen, NetworkFigures } from '../ingest/protocol.ts'
import type { Publication } from '../publication.ts'
import type { Session } from './session.ts'
import type { MemoryBudget } from './slab-pool.ts'
import { Slate, type SlateAnswer, type SlateWish } from './slate.ts'
import type { SlateLoop } from './slate-loop.ts'
import { type StreamEmit, streamEmit } from './stream-events.ts'
import { type InputSwitch, StreamInputs } from './stream-inputs.ts'
import { StreamOutput } from './stream-output.ts'
import { type AskPast, StreamSessions } from './stream-sessions.ts'
import { encoderAdvice } from './stream-wording.ts'
import { TextInputs } from './text-inputs.ts'
import type { TimelineStore } from './timeline-store.ts'

/** After this much silence the open segments are closed and gaps begin. */
const SILENCE_MS = 4000
/** A connection that has brought no media for this long is ended. */
const NO_MEDIA_MS = 15_000
/** Memory is kept this long after the end, for players that are still behind. */
const KEEP_ENDED_MS = 60_000

export interface LiveStreamDependencies {
  readonly timeline: TimelineStore
  readonly budget: MemoryBudget
  /** Number of origin threads. */
  readonly origins: number
  readonly maxFragmentBytes: number
  readonly now: () => number
  readonly publish: (publication: Publication) => void
  readonly emit: (event: MirrorEvent) => void
  /** Tells the receiver of an input that it is over. */
  readonly endInput: (inputId: string, fault: InputFault) => void
  readonly askPast: AskPast
  /** The answer comes through `onSlate`. */
  readonly askSlate: (wish: SlateWish) => void
  /** First slab id of a new pool; unique over the life of the process and its successors. */
  readonly nextSlabId: () => number
}

export class LiveStream {
  readonly #deps: LiveStreamDependencies
  readonly #emit: StreamEmit
  readonly #inputs: StreamInputs
  readonly #sessions: StreamSessions
  readonly #output: StreamOutput
  readonly #texts: TextInputs
  readonly #slate: Slate
  #mustPrepareSlate = false
  /** An input could be shown again: the slate goes on to the end of its cell, where that begins. */
  #isReturnWanted = false
  #stream: RegisteredStream
  #status: StreamStatus = 'offline'
  #startedAtMs: number | null = null
  #endedAtMs: number | null = null
  #lastMediaAtMs = 0

  constructor(stream: RegisteredStream, deps: LiveStreamDependencies) {
    const { now } = deps
    this.#stream = stream
    this.#deps = deps
    this.#emit = streamEmit(stream.id, now, deps.emit)
    this.#output = new StreamOutput({ ...deps, streamId: stream.id, emit: this.#emit })
    this.#sessions = new StreamSessions({
      stream: () => this.#stream,
      timeline: deps.timeline,
      askPast: deps.askPast,
      output: this.#output,
      now,
      emit: this.#emit,
      declared: () => this.#inputs.active,
      onMedia: () => this.#noteMedia(),
      onBegun: (begun) => this.#onBegun(begun),
      onFailed: (error) => this.#failAll(error),
    })
    this.#slate = new Slate({ stream: () => this.#stream, now, emit: this.#emit, ask: deps.askSlate })
    this.#texts = new TextInputs({
      streamId: stream.id,
      emit: this.#emit,
      isUp: () => this.isBusy || this.#sessions.current !== null,
      liveEdgeSec: () => this.#sessions.current?.endSec ?? null,
      mediaSecAt: (dateSec) => this.#sessions.current?.mediaSecAt(dateSec) ?? null,
      show: (text, cue) => this.#sessions.showText(text, cue),
      endInput: deps.endInput,
    })
    this.#inputs = new StreamInputs({
      stream: () => this.#stream,
      maxFragmentBytes: deps.maxFragmentBytes,
      budget: deps.budget,
      now,
      emit: this.#emit,
      endInput: deps.endInput,
      events: {
        onTrack: (track) => this.#sessions.onTrack(track),
        onTracksKnown: (ids) => this.#sessions.expect(ids),
        onSample: (arrived) => this.#sessions.push(arrived),
        onKeyframeAwaited: (trackId) => this.#sessions.noteKeyframeAwaited(trackId),
        onTextTrack: (track) => this.#sessions.onTextTrack(track),
        onText: (sample) => this.#sessions.onText(sample),
        onRepair: (repair) => this.#output.noteRepair(repair),
      },
      onBegin: () => this.#beginInput(),
      onSwitch: (change) => this.#onSwitch(change),
      mayComeBack: () => this.#mayComeBack(),
    })
  }

  get id(): string {
    return this.#stream.id
  }

  get isBusy(): boolean {
    return this.#inputs.isBusy
  }

  /** Busy, and with a publisher that is heard: no other may take its place unasked. */
  get isHeld(): boolean {
    return this.#inputs.isHeld
  }

  get hasPublisher(): boolean {
    return this.#inputs.hasPublisher
  }

  /** New settings apply from the next presentation, names of tracks at once; keys from the next publisher. */
  update(stream: RegisteredStream): void {
    this.#stream = stream
    this.#mustPrepareSlate = true
    this.#output.presentation?.describe(stream.settings.tracks)
    this.#output.presentation?.setDvr(stream.settings.dvr)
    this.#output.presentation?.setDateRanges(stream.dateRanges)
    this.#output.presentation?.flush()
  }

  /** Throws MirrorError `stream_busy` or `window_memory_full`; for subtitles beside the publisher `stream_offline`. */
  open(input: InputOpen): void {
    if (input.container === 'vtt') return this.#texts.open(input)
    if (this.#inputs.join(input)) return
    const wasBusy = this.isBusy
    this.#inputs.makeRoom(input)
    if (wasBusy && !this.isBusy && this.#sessions.current === null) this.#forgetPublisher()
    if (!this.#output.hasRoom) {
      const message = `stream ${this.id} cannot start: live windows use ${this.#output.usedBytes} bytes`
      throw new MirrorError('window_memory_full', message)
    }
    this.#inputs.begin(input)
  }

  /** Puts an input on air that somebody wants there. Throws MirrorError `input_not_ready`. */
  activateInput(inputId: string): void {
    this.#inputs.activate(inputId)
    this.#output.presentation?.flush()
  }

  onSlate(answer: SlateAnswer): void {
    this.#slate.onAnswer(answer)
  }

  /** Bytes of an input; whatever is wrong with them ends that input with a named fault. */
  data(inputId: string, bytes: Uint8Array, arrivedAtMs: number): void {
    if (this.#texts.has(inputId)) return this.#texts.data(inputId, bytes)
    const wasBusy = this.isBusy
    this.#inputs.push(inputId, bytes, arrivedAtMs)
    try {
      this.#sessions.settle()
    } catch (error) {
      this.#inputs.failActive(toMirrorError(error))
    }
    if (wasBusy && !this.isBusy && this.#sessions.current === null) this.#forgetPublisher()
    this.#output.presentation?.flush()
  }

  /** Returns what was wrong in the end: `fault`, or what the last bytes show. */
  close(inputId: string, fault: InputFault | null): InputFault | null {
    if (this.#texts.has(inputId)) return this.#texts.close(inputId, fault)
    const { fault: found, gone } = this.#inputs.close(inputId, fault)
    this.#output.presentation?.flush()
    if (gone?.protocol === 'test' && found === null && !this.#inputs.hasStandby) this.end('the test source was stopped')
    else if (gone !== null && this.#sessions.current === null && !this.#sessions.hasGathered) this.#forgetPublisher()
    return found
  }

  reportNetwork(inputId: string, figures: NetworkFigures): void {
    this.#inputs.reportNetwork(inputId, figures)
  }

  onSlabReleased(slabId: number, origin: number): void {
    this.#output.onSlabReleased(slabId, origin)
  }

  onOriginLost(origin: number): void {
    this.#output.onOriginLost(origin)
  }

  /** Ends the current connections; the encoder may come back. */
  restart(): void {
    this.#endInputs('input_ended', 'the stream was restarted')
  }

  /** Ends connections and playlist. */
  end(reason: string): void {
    this.#stopInputs(reason)
    const { presentation } = this.#output
    if (presentation === null || this.#status === 'ended') {
      if (presentation === null) this.#setStatus('offline')
      return
    }
    try {
      this.#sessions.end()
    } catch (error) {
      const { code, message } = toMirrorError(error) // The last part found no room; what came before is whole.
      this.#emit('stream.error', 'error', code, message, {})
    }
    presentation.end()
    this.#endedAtMs = this.#deps.now()
    this.#setStatus('ended')
    this.#emitStopped(reason)
  }

  /** Something failed that no single input is to blame for: inputs end by that name, and after a bug the playlist, too. */
  fail(error: MirrorError): void {
    if (!this.isBusy) this.#emit('stream.error', 'error', error.code, error.message, {})
    this.#failAll(error)
    if (error.code === 'internal') this.end(error.message)
  }

  /** Ends connections but not the playlist: somebody else carries it on. */
  leave(reason: string): void {
    this.#endInputs('origin_unavailable', reason)
    this.#sessions.leave()
  }

  /** Frees everything. Players are shown no end that they could play up to: its media goes at the same moment. */
  dispose(): void {
    const reason = 'the stream was removed'
    this.#stopInputs(reason)
    if (this.#output.presentation === null) return this.#setStatus('offline')
    const wasEnded = this.#status === 'ended'
    this.#reset()
    if (!wasEnded) this.#emitStopped(reason)
  }

  /** A few times a second: what happens because nothing came, in so much time in which Mirror listened. */
  tick(listenedMs: number): void {
    const nowMs = this.#deps.now()
    if (this.#status === 'ended' && nowMs - (this.#endedAtMs ?? nowMs) > KEEP_ENDED_MS) this.#reset()
    this.#checkForMedia(nowMs)
    this.#inputs.tick()
    this.#sessions.wait(listenedMs)
    const session = this.#sessions.current
    if (session === null) return
    this.#sessions.keepTime()
    this.#prepareSlate(session)
    const silentMs = nowMs - this.#lastMediaAtMs
    if (silentMs < SILENCE_MS) session.fillSilentTracks(SILENCE_MS / 1000)
    else this.#bridgeSilence(session, silentMs)
    this.#output.presentation?.flush()
  }

  snapshot(): readonly Publication[] {
    const phase: Publication = { kind: 'phase', streamId: this.id, phase: this.#phase() }
    return [...(this.#output.presentation?.snapshot() ?? []), phase]
  }

  status(nowMs: number): OwnerStatus {
    const { meters } = this.#output
    const session = this.#sessions.current
    const isLive = this.#status === 'live'
    const tracks = this.#output.trackStatuses(isLive, nowMs)
    const keyframeIntervalSec = meters.keyframeIntervalSec('v0')
    const cellSec = session === null ? null : toNumber(session.entry.cell)
    const { isFrameRateUnknown } = this.#sessions
    return {
      id: this.id,
      status: this.#status,
      startedAtMs: this.#startedAtMs,
      input: this.isBusy ? (this.#inputs.active?.status() ?? null) : null,
      inputs: this.#inputs.statuses(nowMs),
      tracks,
      bitrateBps: tracks.reduce((sum, track) => sum + track.bitrateBps, 0),
      fps: isLive ? meters.framesPerSec('v0', nowMs) : 0,
      packagingMs: meters.packagingMs(nowMs),
      latencyMs: meters.latencyMs(nowMs),
      discontinuitySequence: session?.entry.dsn ?? 0,
      newestMsn: session?.lastMsn ?? null,
      keyframeIntervalSec,
      advice: encoderAdvice({ keyframeIntervalSec, cellSec, isFrameRateUnknown }),
      drops: this.#output.drops(),
      repairs: this.#output.repairs(),
      switches: this.#inputs.switches(),
      slate: this.#slate.status(),
    }
  }

  takeLatencies(): readonly LatencyObservation[] {
    return this.#output.meters.takeLatencies(this.id)
  }

  #beginInput(): void {
    this.#sessions.stopResolving()
    this.#sessions.gather()
    if (this.#sessions.current === null) this.#setStatus('starting')
  }

  #onSwitch(change: InputSwitch): { readonly isSeamless: boolean } {
    if (this.#sessions.current === null) this.#setStatus('starting')
    try {
      this.#endSlate()
      return { isSeamless: this.#sessions.relieve(change) }
    } catch (error) {
      this.#inputs.failActive(toMirrorError(error))
      return { isSeamless: false }
    }
  }

  #onBegun({ isNewPlaylist }: { readonly isNewPlaylist: boolean }): void {
    if (isNewPlaylist) {
      this.#startedAtMs = this.#deps.now()
      this.#endedAtMs = null
    }
    if (this.#slate.isOnAir) return
    this.#mustPrepareSlate = true
    this.#setStatus('live')
  }

  #noteMedia(): void {
    if (this.#slate.isOnAir) return
    if (this.#status === 'interrupted' && this.#sessions.current !== null) {
      this.#setStatus('live')
      this.#emit('stream.resumed', 'info', 'media_returned', 'Media is coming in again', {})
    }
    this.#lastMediaAtMs = this.#deps.now()
  }

  #checkForMedia(nowMs: number): void {
    if (!this.isBusy || !this.#sessions.isGathering || this.#sessions.hasGathered) return
    const sinceMs = nowMs - Math.max(this.#inputs.openedAtMs, this.#lastMediaAtMs)
    if (sinceMs < NO_MEDIA_MS) return
    const message = `stream ${this.id}: no audio or video within ${formatDuration(NO_MEDIA_MS)}`
    this.#inputs.failActive(new MirrorError('ingest_no_media', message))
    if (!this.isBusy) this.#forgetFailed()
  }

  #bridgeSilence(session: Session, silentMs: number): void {
    const { graceMs } = this.#stream.settings
    if (this.#slate.isOnAir) return this.#feedSlate()
    if (this.#status === 'live') {
      session.closeOpenSegments()
      this.#setStatus('interrupted')
      const how = this.#slate.loop === null ? 'the playlist goes on with gaps' : 'the slate is shown'
      const message = `No media for ${SILENCE_MS / 1000} s: ${how}`
      this.#emit('stream.interrupted', 'warning', 'media_silent', message, { graceMs })
    }
    if (this.#slate.loop !== null) return this.#beginSlate(this.#slate.loop, session)
    if (silentMs - SILENCE_MS >= graceMs) {
      this.end(`no media for ${formatDuration(SILENCE_MS + graceMs)}`)
      return
    }
    session.fillGapsUntil(this.#silentSinceSec(session) + silentMs / 1000)
  }

  #prepareSlate({ entry }: Session): void {
    if (!this.#mustPrepareSlate || this.#slate.isOnAir) return
    this.#mustPrepareSlate = false
    const tracks = entry.tracks.flatMap(({ id }) => {
      const config = this.#output.presentation?.config(id) ?? null
      return config === null ? [] : [{ id, config }]
    })
    this.#slate.prepareFor(tracks, (id) => entry.tracks.find((track) => track.id === id)?.rate ?? null, entry.cell)
  }

  /** The slate goes on in the cell after the last one that was published, so that there is no gap before it. */
  #beginSlate(loop: SlateLoop, session: Session): void {
    this.#inputs.goOffAir()
    const arrived = this.#slate.begin(nextCellSec(session))
    this.#sessions.relieve({ declared: loop.declared, arrived, isSameFeed: false })
  }

  #feedSlate(): void {
    if (this.#slate.loop === null) return this.#slate.end()
    const session = this.#sessions.current
    const endSec = this.#isReturnWanted && session !== null ? nextCellSec(session) : Number.POSITIVE_INFINITY
    this.#isReturnWanted = false
    for (const arrived of this.#slate.due(endSec)) this.#sessions.push(arrived)
    this.#sessions.settle()
  }

  /** Players get a part in every part target: neither slate ahead of its time nor a pause before the input. */
  #mayComeBack(): boolean {
    const session = this.#sessions.current
    if (!this.#slate.isOnAir || session === null) return true
    this.#isReturnWanted = true
    return !this.#sessions.isGathering && this.#slate.reaches(nextCellSec(session))
  }

  /** The open cell is filled up first, for an input begins in the next one: players have something to show until then. */
  #endSlate(): void {
    const session = this.#sessions.current
    if (!this.#slate.isOnAir) return
    if (session !== null && !this.#sessions.isGathering) {
      for (const arrived of this.#slate.through(nextCellSec(session))) this.#sessions.push(arrived)
    }
    this.#slate.end()
  }

  /** Media time at which silence began: gaps follow from there at the pace of the clock. */
  #mediaAtSilence: { readonly lastMediaAtMs: number; readonly endSec: number } | null = null

  #silentSinceSec(session: Session): number {
    if (this.#mediaAtSilence?.lastMediaAtMs !== this.#lastMediaAtMs) {
      this.#mediaAtSilence = { lastMediaAtMs: this.#lastMediaAtMs, endSec: session.endSec }
    }
    return this.#mediaAtSilence.endSec
  }

  #failAll(error: MirrorError): void {
    this.#inputs.failAll(error)
    this.#forgetFailed()
  }

  #stopInputs(reason: string): void {
    this.#endInputs('input_ended', reason)
    this.#inputs.forget()
    this.#inputs.goOnAir()
    this.#slate.end()
    this.#sessions.forget()
  }

  #emitStopped(reason: string): void {
    this.#emit('stream.stopped', 'info', null, `Stream ended: ${reason}`, {})
  }

  #forgetFailed(): void {
    this.#sessions.forget()
    if (this.#sessions.current === null) this.#forgetPublisher()
  }

  #endInputs(code: ErrorCode, message: string): void {
    this.#texts.endAll({ code, message })
    this.#inputs.endAll(code, message)
    if (this.#sessions.current === null) this.#forgetPublisher()
  }

  #forgetPublisher(): void {
    this.#inputs.forget()
    this.#sessions.forget()
    if (this.#sessions.current === null && this.#status === 'starting')
      this.#setStatus(this.#output.presentation === null ? 'offline' : 'ended')
  }

  #reset(): void {
    this.#output.reset()
    this.#sessions.reset()
    this.#startedAtMs = null
    this.#endedAtMs = null
    if (this.#status === 'ended' || !this.hasPublisher) this.#setStatus('offline')
  }

  #setStatus(status: StreamStatus): void {
    if (this.#status === status) return
    this.#status = status
    this.#deps.publish({ kind: 'phase', streamId: this.id, phase: this.#phase() })
  }

  #phase(): 'offline' | 'starting' | 'live' | 'ended' {
    return this.#status === 'interrupted' ? 'live' : this.#status
  }
}

/** Where the cell after the newest one begins, in seconds since 1970. */
function nextCellSec({ entry, lastMsn }: Session): number {
  return cellGrid(entry.cell, 1_000_000).startOf(lastMsn + 1) / 1_000_000 + TIMELINE_EPOCH_SEC
}
