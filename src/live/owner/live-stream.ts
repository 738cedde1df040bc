// One live stream: admits publishers, decides what its media belongs to, keeps the timeline going when media stops.
import { formatDuration } from '../../core/duration.ts'
import { type ErrorCode, MirrorError, toMirrorError } from '../../core/errors.ts'
import { toNumber } from '../../core/rational.ts'
import { advertisedPartTargetMs } from '../../media/packager/part-target.ts'
import type { InputSample, InputTrack, Repair } from '../../media/samples.ts'
import { isSameMap } from '../../media/timeline/entry.ts'
import type { LatencyObservation, OwnerStatus, OwnerTrackStatus, RegisteredStream, StreamStatus } from '../control.ts'
import type { EventCode, MirrorEvent } from '../events.ts'
import { type InputFault, type InputOpen, type NetworkFigures, returnsByItself } from '../ingest/protocol.ts'
import type { Publication } from '../publication.ts'
import { firstCellOf } from './first-cells.ts'
import { GATHERING_MAX_BYTES, Gathering } from './gathering.ts'
import { Presentation } from './presentation.ts'
import { Publisher } from './publisher.ts'
import { RepairCounter } from './repair-counter.ts'
import { planSession, Session } from './session.ts'
import { type MemoryBudget, SLAB_BYTES, SlabPool } from './slab-pool.ts'
import { StreamMeters } from './stream-meters.ts'
import { describeTrack, encoderAdvice, publisherName, trackStatus } from './stream-wording.ts'
import type { ResolvedEntry, TimelineStore } from './timeline-store.ts'

/** After this much silence the open segments are closed and gaps begin. */
const SILENCE_MS = 4000
/** A publisher that has sent nothing for this long does not keep out the next one: it is often the same encoder, come back. */
const HOLD_SILENT_MS = 2000
/** When all that comes in so long a time lies behind what was published, the input's clock began anew. */
const LEFT_OUT_MS = 2000
/** Rounding to whole frames changes a segment's length by less than this. */
const SEGMENT_ROUNDING_SHARE = 0.15
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
  /** First slab id of a new pool; unique over the life of the process and its successors. */
  readonly nextSlabId: () => number
}

export class LiveStream {
  readonly #deps: LiveStreamDependencies
  #stream: RegisteredStream
  #publisher: Publisher | null = null
  #gathering: Gathering | null = null
  /** Set while the store is asked; samples are gathered meanwhile. */
  #resolving: AbortController | null = null
  #session: Session | null = null
  #presentation: Presentation | null = null
  #slabs: SlabPool | null = null
  #status: StreamStatus = 'offline'
  #startedAtMs: number | null = null
  #endedAtMs: number | null = null
  /** Newest cell of the presentation that ended last. */
  #endedMsn: number | null = null
  /** When the publisher came here: an input that a dead owner had may have been connected for days. */
  #openedAtMs = 0
  #lastMediaAtMs = 0
  #arrivedAtMs = 0
  /** Since when no sample had a place in the playlist; null while some have. */
  #leftOutSinceMs: number | null = null
  /** When the publisher's bytes last came. */
  #heardAtMs = 0
  #repairs = new RepairCounter()
  readonly #meters = new StreamMeters()
  #isFrameRateUnknown = false

  constructor(stream: RegisteredStream, deps: LiveStreamDependencies) {
    this.#stream = stream
    this.#deps = deps
  }

  get id(): string {
    return this.#stream.id
  }

  get isBusy(): boolean {
    return this.#publisher?.isConnected ?? false
  }

  /** Busy, and with a publisher that is heard: no other may take its place unasked. */
  get isHeld(): boolean {
    return this.isBusy && this.#deps.now() - this.#heardAtMs < HOLD_SILENT_MS
  }

  get hasPublisher(): boolean {
    return this.#publisher !== null
  }

  /** New settings apply from the next presentation; keys from the next publisher. */
  update(stream: RegisteredStream): void {
    this.#stream = stream
  }

  /** Throws MirrorError `stream_busy` or `window_memory_full`. */
  open(input: InputOpen): void {
    const current = this.#publisher
    if (current?.canTake(input)) {
      current.add(input)
      return
    }
    if (current?.isConnected) {
      const mayTakeOver = this.#stream.settings.onBusy === 'takeover' && !returnsByItself(input.protocol)
      if (!mayTakeOver && this.isHeld) {
        throw new MirrorError('stream_busy', `stream ${this.id} already has a publisher (${current.protocol})`)
      }
      this.#endInputs('input_ended', 'another publisher took over')
    }
    if (this.#slabs === null && !this.#deps.budget.canTake(SLAB_BYTES)) {
      throw new MirrorError(
        'window_memory_full',
        `stream ${this.id} cannot start: live windows use ${this.#deps.budget.usedBytes} bytes`,
      )
    }
    this.#publisher = new Publisher(input, {
      maxFragmentBytes: this.#deps.maxFragmentBytes,
      events: {
        onTrack: (track) => this.#onTrack(track),
        onTracksKnown: (ids) => this.#gathering?.expect(ids),
        onSample: (sample) => this.#onSample(sample),
        onKeyframeAwaited: (trackId) => this.#gathering?.noteKeyframeAwaited(trackId),
        onRepair: (repair) => this.#onRepair(repair),
      },
    })
    this.#publisher.add(input)
    this.#heardAtMs = this.#deps.now()
    this.#openedAtMs = this.#deps.now()
    this.#cancelResolving()
    this.#gathering = new Gathering()
    if (this.#session === null) this.#setStatus('starting')
    this.#emit('stream.input_connected', 'info', null, `${publisherName(input.protocol)} connected`, {
      protocol: input.protocol,
    })
  }

  /** Bytes of an input; whatever is wrong with them ends that input with a named fault. */
  data(inputId: string, bytes: Uint8Array, arrivedAtMs: number): void {
    const publisher = this.#publisher
    if (publisher === null) return
    this.#arrivedAtMs = arrivedAtMs
    this.#heardAtMs = this.#deps.now()
    try {
      publisher.push(inputId, bytes)
      this.#settle()
    } catch (error) {
      this.#failInput(inputId, toMirrorError(error))
    }
    this.#presentation?.flush()
  }

  /** Returns what was wrong in the end: `fault`, or what the last bytes show. */
  close(inputId: string, fault: InputFault | null): InputFault | null {
    const publisher = this.#publisher
    if (publisher === null || !publisher.inputIds.includes(inputId)) return fault
    const found = this.#removeInput(publisher, inputId) ?? fault
    if (found !== null) this.#emit('stream.error', 'error', found.code, found.message, {})
    this.#presentation?.flush()
    if (publisher.isConnected) return found
    // A CMAF encoder that sends one request per fragment closes after each; that is not worth an event.
    if (publisher.protocol !== 'cmaf' || publisher.tracks.length === 0) this.#emitDisconnected(publisher, found)
    if (publisher.protocol === 'test' && found === null) this.end('the test source was stopped')
    else if (this.#session === null && this.#gathering?.hasMedia !== true) this.#forgetPublisher()
    return found
  }

  #removeInput(publisher: Publisher, inputId: string): InputFault | null {
    try {
      publisher.remove(inputId, true)
      return null
    } catch (error) {
      const { code, message } = toMirrorError(error)
      return { code, message }
    }
  }

  reportNetwork(inputId: string, figures: NetworkFigures): void {
    if (this.#publisher?.inputIds.includes(inputId)) this.#publisher.reportNetwork(figures)
  }

  onSlabReleased(slabId: number, origin: number): void {
    this.#slabs?.onReleased(slabId, origin)
  }

  onOriginLost(origin: number): void {
    this.#slabs?.onOriginLost(origin)
  }

  /** Ends the current connections; the encoder may come back. */
  restart(): void {
    this.#endInputs('input_ended', 'the stream was restarted')
  }

  /** Ends connections and playlist. */
  end(reason: string): void {
    this.#stopInputs(reason)
    if (this.#presentation === null || this.#status === 'ended') {
      if (this.#presentation === null) this.#setStatus('offline')
      return
    }
    try {
      this.#session?.closeOpenSegments()
    } catch (error) {
      const { code, message } = toMirrorError(error) // The last part found no room; what came before is whole.
      this.#emit('stream.error', 'error', code, message, {})
    }
    this.#presentation.end()
    this.#endedMsn = this.#session?.lastMsn ?? this.#endedMsn
    this.#session = null
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
    this.#cancelResolving()
  }

  /** Frees everything. Players are shown no end that they could play up to: its media goes at the same moment. */
  dispose(): void {
    const reason = 'the stream was removed'
    this.#stopInputs(reason)
    if (this.#presentation === null) return this.#setStatus('offline')
    const wasEnded = this.#status === 'ended'
    this.#reset()
    if (!wasEnded) this.#emitStopped(reason)
  }

  /** A few times a second: what happens because nothing came. */
  tick(): void {
    const nowMs = this.#deps.now()
    if (this.#status === 'ended' && nowMs - (this.#endedAtMs ?? nowMs) > KEEP_ENDED_MS) this.#reset()
    this.#checkForMedia(nowMs)
    this.#settle()
    const session = this.#session
    if (session === null) return
    const silentMs = nowMs - this.#lastMediaAtMs
    if (silentMs < SILENCE_MS) session.fillSilentTracks(SILENCE_MS / 1000)
    else this.#bridgeSilence(session, silentMs)
    this.#presentation?.flush()
  }

  snapshot(): readonly Publication[] {
    const phase: Publication = { kind: 'phase', streamId: this.id, phase: this.#phase() }
    return [...(this.#presentation?.snapshot() ?? []), phase]
  }

  status(nowMs: number): OwnerStatus {
    const tracks = this.#trackStatuses(nowMs)
    const keyframeIntervalSec = this.#meters.keyframeIntervalSec('v0')
    const cellSec = this.#session === null ? null : toNumber(this.#session.entry.cell)
    return {
      id: this.id,
      status: this.#status,
      startedAtMs: this.#startedAtMs,
      input: this.#publisher?.isConnected ? this.#publisher.status() : null,
      tracks,
      bitrateBps: tracks.reduce((sum, track) => sum + track.bitrateBps, 0),
      fps: this.#status === 'live' ? this.#meters.framesPerSec('v0', nowMs) : 0,
      packagingMs: this.#meters.packagingMs(nowMs),
      latencyMs: this.#meters.latencyMs(nowMs),
      discontinuitySequence: this.#session?.entry.dsn ?? 0,
      newestMsn: this.#session?.lastMsn ?? null,
      keyframeIntervalSec,
      advice: encoderAdvice({ keyframeIntervalSec, cellSec, isFrameRateUnknown: this.#isFrameRateUnknown }),
      drops: this.#repairs.drops(),
      repairs: this.#repairs.repairs(),
    }
  }

  takeLatencies(): readonly LatencyObservation[] {
    return this.#meters.takeLatencies(this.id)
  }

  #onTrack(track: InputTrack): void {
    const session = this.#session
    if (this.#gathering === null && session !== null) {
      // A track of a running session was reconfigured: everything from here on belongs to a new timeline entry.
      this.#emit(
        'stream.quality_change',
        'info',
        'discontinuity',
        `Track ${track.id} changed to ${describeTrack(track)}`,
        {
          track: track.id,
        },
      )
      this.#gatherAnew()
    }
    this.#gathering?.addTrack(track)
  }

  #onSample(sample: InputSample): void {
    const arrived = { sample, arrivedAtMs: this.#arrivedAtMs }
    if (this.#gathering === null && this.#session !== null) {
      const pushed = this.#session.push(arrived)
      const outcome = pushed === 'left_out' && this.#isStranded(this.#session) ? 'jump' : pushed
      if (outcome !== 'left_out') this.#leftOutSinceMs = null
      if (outcome === 'taken') this.#noteMedia()
      if (outcome === 'taken' || outcome === 'left_out') {
        this.#measure(sample)
        return
      }
      if (outcome === 'unknown_track' && !sample.isKeyframe) {
        const detail = 'a track that came later begins with its first keyframe'
        this.#onRepair({ cause: 'sample_dropped', trackId: sample.trackId, count: 1, detail })
        return
      }
      const detail =
        outcome === 'jump' ? 'the input clock jumped: a new timeline entry begins' : 'the track came later than others'
      this.#onRepair({ cause: 'timestamp_jump', trackId: sample.trackId, count: 1, detail })
      this.#gatherAnew()
    }
    if (this.#gathering?.add(arrived)) this.#noteMedia()
    if (this.#gathering !== null && this.#gathering.sizeBytes > GATHERING_MAX_BYTES) {
      throw new MirrorError(
        'ingest_overrun',
        `stream ${this.id}: ${GATHERING_MAX_BYTES} bytes came before the stream could start`,
      )
    }
  }

  /** True when the input will not catch up: after a short outage an encoder may begin again at 0, which looks like a repeat. */
  #isStranded({ entry }: Session): boolean {
    const nowMs = this.#deps.now()
    this.#leftOutSinceMs ??= nowMs
    // Two origins must agree on an epoch clock, however late its media comes.
    // A session that begins in the next cell leaves out what comes before.
    const patienceMs = Math.max(LEFT_OUT_MS, 1500 * toNumber(entry.cell))
    return entry.clock !== 'epoch' && nowMs - this.#leftOutSinceMs > patienceMs
  }

  #noteMedia(): void {
    if (this.#status === 'interrupted' && this.#session !== null) {
      this.#setStatus('live')
      this.#emit('stream.resumed', 'info', 'media_returned', 'Media is coming in again', {})
    }
    this.#lastMediaAtMs = this.#deps.now()
  }

  #gatherAnew(): void {
    const gathering = new Gathering()
    for (const track of this.#publisher?.tracks ?? []) gathering.addTrack(track)
    gathering.expect(this.#publisher?.expectedTracks ?? [])
    this.#gathering = gathering
  }

  /** Asks the store as soon as the gathered media tells enough. */
  #settle(): void {
    const gathering = this.#gathering
    if (gathering === null || this.#resolving !== null || !gathering.isReady(this.#deps.now())) return
    const abort = new AbortController()
    this.#resolving = abort
    const sight = gathering.sight()
    const { segmentMs } = this.#stream.settings
    this.#deps.timeline
      .resolve(
        this.#stream,
        sight,
        (newest, dsn) => gathering.makeEntry(dsn, newest, segmentMs, this.#deps.now()),
        abort.signal,
      )
      .then((resolved) => {
        if (!abort.signal.aborted) this.#begin(gathering, resolved)
      })
      .catch((error: unknown) => {
        if (!abort.signal.aborted) this.#failAll(toMirrorError(error))
      })
  }

  #begin(gathering: Gathering, { entry, isAdopted, isConfirmed }: ResolvedEntry): void {
    this.#resolving = null
    this.#gathering = null
    if (!isConfirmed) {
      this.#emit(
        'stream.warning',
        'warning',
        'timeline_unconfirmed',
        'The store did not answer within 1 s; the timeline entry is known to this process alone',
        { dsn: entry.dsn },
      )
    }
    this.#isFrameRateUnknown = gathering.isFrameRateUnknown
    const continued = this.#session !== null && isSameMap(this.#session.entry, entry) ? this.#session : null
    const session = continued ?? this.#beginSession(gathering, entry, isAdopted)
    continued?.reconnect()
    this.#session = session
    for (const arrived of gathering.take()) {
      const outcome = session.push(arrived)
      if (outcome === 'taken' || outcome === 'left_out') this.#measure(arrived.sample)
    }
    this.#presentation?.flush()
  }

  #beginSession(gathering: Gathering, entry: ResolvedEntry['entry'], isAdopted: boolean): Session {
    const previous = this.#session
    const wantedCell = firstCellOf(entry, gathering.firsts(), isAdopted)
    const { isContinuing, firstCell } = planSession({
      wantedCell,
      cell: entry.cell,
      previous: previous === null ? null : { lastMsn: previous.lastMsn, cell: previous.entry.cell },
      endedMsn: this.#endedMsn,
      graceMs: this.#stream.settings.graceMs,
    })
    if (!isContinuing || this.#presentation === null) this.#newPresentation(gathering, entry)
    const presentation = this.#presentation
    if (presentation === null) throw new Error('a session needs a presentation')

    if (isContinuing && previous !== null) {
      previous.closeOpenSegments()
      previous.fillGapsThrough(firstCell - 1)
      this.#emit(
        'stream.quality_change',
        'info',
        'discontinuity',
        'The input clock or configuration changed: a discontinuity begins',
        { dsn: entry.dsn },
      )
    }
    const session = Session.begin(entry, gathering.tracks(), firstCell, {
      presentation,
      onRepair: (repair) => this.#onRepair(repair),
    })
    if (!isContinuing) {
      this.#startedAtMs = this.#deps.now()
      const tracks = gathering.tracks().map(describeTrack).join(', ')
      this.#emit('stream.started', 'info', null, `Live: ${tracks}`, { dsn: entry.dsn })
      this.#warnOfSegmentLength(toNumber(entry.cell))
    }
    this.#setStatus('live')
    return session
  }

  /** Segment numbers rise by one for ever, so the first publish fixes how long a cell is. */
  #warnOfSegmentLength(cellSec: number): void {
    const wantedSec = this.#stream.settings.segmentMs / 1000
    if (Math.abs(cellSec - wantedSec) < SEGMENT_ROUNDING_SHARE * wantedSec) return
    this.#emit(
      'stream.warning',
      'warning',
      'segment_length_fixed',
      `Segments stay ${Number(cellSec.toFixed(3))} s long, as they were at the first publish; create another stream for segments of ${wantedSec} s`,
      { cellSec, wantedSec },
    )
  }

  #newPresentation(gathering: Gathering, entry: ResolvedEntry['entry']): void {
    this.#reset()
    const { settings } = this.#stream
    const publish = this.#deps.publish
    const streamId = this.id
    const slabs = new SlabPool(this.#deps.budget, this.#deps.origins, this.#deps.nextSlabId(), {
      onSlab: (slabId, memory) => publish({ kind: 'slab', streamId, slabId, memory }),
      onRetire: (slabId) => publish({ kind: 'retire', streamId, slabId }),
    })
    this.#slabs = slabs
    this.#repairs = new RepairCounter()
    this.#presentation = new Presentation({
      streamId,
      settings,
      cell: entry.cell,
      partTargetMs: advertisedPartTargetMs(settings.partMs, gathering.frameSecs()),
      slabs,
      publish,
      onPart: (trackId, part, bytes, endsAtMs) =>
        this.#meters.addPart(trackId, part, bytes, endsAtMs, this.#deps.now()),
      onRepair: (repair) => this.#onRepair(repair),
    })
  }

  #measure(sample: InputSample): void {
    const track = this.#session?.entry.tracks.find(({ id }) => id === sample.trackId)
    this.#meters.addSample(sample, track?.ticksPerSec ?? null, this.#deps.now())
  }

  #checkForMedia(nowMs: number): void {
    const publisher = this.#publisher
    if (publisher === null || !publisher.isConnected || this.#gathering === null || this.#gathering.hasMedia) return
    const sinceMs = nowMs - Math.max(this.#openedAtMs, this.#lastMediaAtMs)
    if (sinceMs < NO_MEDIA_MS) return
    this.#failAll(
      new MirrorError('ingest_no_media', `stream ${this.id}: no audio or video within ${formatDuration(NO_MEDIA_MS)}`),
    )
  }

  #bridgeSilence(session: Session, silentMs: number): void {
    if (this.#status === 'live') {
      session.closeOpenSegments()
      this.#setStatus('interrupted')
      this.#emit(
        'stream.interrupted',
        'warning',
        'media_silent',
        `No media for ${SILENCE_MS / 1000} s: the playlist goes on with gaps`,
        {
          graceMs: this.#stream.settings.graceMs,
        },
      )
    }
    if (silentMs - SILENCE_MS >= this.#stream.settings.graceMs) {
      this.end(`no media for ${formatDuration(SILENCE_MS + this.#stream.settings.graceMs)}`)
      return
    }
    session.fillGapsUntil(this.#silentSinceSec(session) + silentMs / 1000)
  }

  /** Media time at which silence began: gaps follow from there at the pace of the clock. */
  #mediaAtSilence: { readonly lastMediaAtMs: number; readonly endSec: number } | null = null

  #silentSinceSec(session: Session): number {
    if (this.#mediaAtSilence?.lastMediaAtMs !== this.#lastMediaAtMs) {
      this.#mediaAtSilence = { lastMediaAtMs: this.#lastMediaAtMs, endSec: session.endSec }
    }
    return this.#mediaAtSilence.endSec
  }

  #onRepair(repair: Repair): void {
    const told = this.#repairs.add(repair, this.#deps.now())
    if (told === 0) return
    const times = told > 1 ? ` (${told} times)` : ''
    this.#emit('stream.warning', 'warning', repair.cause, `${repair.detail}${times}`, {
      count: told,
      ...(repair.trackId === null ? {} : { track: repair.trackId }),
    })
  }

  #trackStatuses(nowMs: number): readonly OwnerTrackStatus[] {
    const presentation = this.#presentation
    if (presentation === null) return []
    return presentation.trackIds.flatMap((id) => {
      const config = presentation.config(id)
      const bitrateBps = this.#status === 'live' ? this.#meters.bitsPerSec(id, nowMs) : 0
      return config === null ? [] : [trackStatus(id, config, bitrateBps)]
    })
  }

  #failInput(inputId: string, error: MirrorError): void {
    this.#publisher?.remove(inputId, false)
    this.#emit('stream.error', 'error', error.code, error.message, {})
    this.#deps.endInput(inputId, { code: error.code, message: error.message })
    if (this.#publisher !== null && !this.#publisher.isConnected) {
      this.#emitDisconnected(this.#publisher, { code: error.code, message: error.message })
      if (this.#session === null) this.#forgetPublisher()
    }
  }

  #failAll(error: MirrorError): void {
    for (const inputId of this.#publisher?.inputIds ?? []) this.#failInput(inputId, error)
    this.#cancelResolving()
    this.#gathering = null
    if (this.#session === null) this.#forgetPublisher()
  }

  #stopInputs(reason: string): void {
    this.#endInputs('input_ended', reason)
    this.#cancelResolving()
    this.#publisher = null
    this.#gathering = null
  }

  #emitStopped(reason: string): void {
    this.#emit('stream.stopped', 'info', null, `Stream ended: ${reason}`, {})
  }

  #endInputs(code: ErrorCode, message: string): void {
    const publisher = this.#publisher
    const inputIds = publisher?.inputIds ?? []
    for (const inputId of inputIds) {
      publisher?.remove(inputId, false)
      this.#deps.endInput(inputId, { code, message })
    }
    if (publisher !== null && inputIds.length > 0) this.#emitDisconnected(publisher, { code, message })
    if (this.#session === null) this.#forgetPublisher()
  }

  #forgetPublisher(): void {
    this.#publisher = null
    this.#gathering = null
    this.#cancelResolving()
    if (this.#session === null && this.#status === 'starting')
      this.#setStatus(this.#presentation === null ? 'offline' : 'ended')
  }

  #emitDisconnected(publisher: Publisher, fault: InputFault | null): void {
    const reason = fault === null ? 'the encoder said goodbye' : fault.message
    this.#emit(
      'stream.input_disconnected',
      'info',
      fault?.code ?? null,
      `${publisherName(publisher.protocol)} disconnected: ${reason}`,
      {
        protocol: publisher.protocol,
      },
    )
  }

  #cancelResolving(): void {
    this.#resolving?.abort()
    this.#resolving = null
  }

  #reset(): void {
    this.#slabs?.close()
    this.#slabs = null
    this.#presentation = null
    this.#session = null
    this.#startedAtMs = null
    this.#endedAtMs = null
    this.#meters.reset()
    this.#deps.publish({ kind: 'reset', streamId: this.id })
    if (this.#status === 'ended' || this.#publisher === null) this.#setStatus('offline')
  }

  #setStatus(status: StreamStatus): void {
    if (this.#status === status) return
    this.#status = status
    this.#deps.publish({ kind: 'phase', streamId: this.id, phase: this.#phase() })
  }

  #phase(): 'offline' | 'starting' | 'live' | 'ended' {
    return this.#status === 'interrupted' ? 'live' : this.#status
  }

  #emit(
    type: MirrorEvent['type'],
    severity: MirrorEvent['severity'],
    code: EventCode | null,
    message: string,
    details: MirrorEvent['details'],
  ): void {
    this.#deps.emit({ type, severity, streamId: this.id, atMs: this.#deps.now(), code, message, details })
  }
}
