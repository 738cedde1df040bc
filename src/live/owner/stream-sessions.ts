// From a publisher's samples to what viewers see: gathers what a new input shows, finds the timeline entry that maps it,
// and lets one session follow the other without the playlist ending.
import { MirrorError, toMirrorError } from '../../core/errors.ts'
import { toNumber } from '../../core/rational.ts'
import { newestRecorded, type PastTrack, segmentsBefore } from '../../dvr/rewound-past.ts'
import { isSameConfig } from '../../media/codecs/same-config.ts'
import type { InputTrack, TextSample, TextTrack } from '../../media/samples.ts'
import type { TextCue } from '../../media/text/text-cue.ts'
import { isSameMap, type TimelineEntry } from '../../media/timeline/entry.ts'
import type { RegisteredStream } from '../control.ts'
import { ClockKeeper } from './clock-keeper.ts'
import { firstCellOf } from './first-cells.ts'
import { type ArrivedSample, GATHERING_MAX_BYTES, Gathering } from './gathering.ts'
import { planSession, Session } from './session.ts'
import type { StreamEmit } from './stream-events.ts'
import type { InputSwitch } from './stream-inputs.ts'
import type { StreamOutput } from './stream-output.ts'
import { describeDrift, describeTrack } from './stream-wording.ts'
import type { ResolvedEntry, TimelineStore } from './timeline-store.ts'

/** When all that comes in so long a time lies behind what was published, the input's clock began anew. */
const LEFT_OUT_MS = 2000
/** Rounding to whole frames changes a segment's length by less than this. */
const SEGMENT_ROUNDING_SHARE = 0.15

/** Samples of subtitles that are kept until the session begins; a publisher needs seconds for that. */
const MAX_WAITING_TEXTS = 200

/** What a publisher has declared so far. */
export interface DeclaredTracks {
  readonly tracks: readonly InputTrack[]
  readonly expectedTracks: readonly string[]
  readonly textTracks: readonly TextTrack[]
}

/** What was recorded since a time, in milliseconds since 1970; nothing when that is not known within a second. */
export type AskPast = (streamId: string, fromMs: number) => Promise<readonly PastTrack[]>

export interface StreamSessionsOptions {
  /** With the settings of the moment: they apply from the next presentation. */
  readonly stream: () => RegisteredStream
  readonly timeline: TimelineStore
  readonly askPast: AskPast
  readonly output: StreamOutput
  readonly now: () => number
  readonly emit: StreamEmit
  /** What the publisher that is heard has declared; null when there is none. */
  readonly declared: () => DeclaredTracks | null
  /** A sample took the playlist further, or will. */
  readonly onMedia: () => void
  readonly onBegun: (begun: { readonly isNewPlaylist: boolean }) => void
  /** No entry could be found or made. */
  readonly onFailed: (error: MirrorError) => void
}

export class StreamSessions {
  readonly #options: StreamSessionsOptions
  #gathering: Gathering | null = null
  /** Set while the store is asked; samples are gathered meanwhile. */
  #resolving: AbortController | null = null
  #session: Session | null = null
  /** Newest cell of the presentation that ended last. */
  #endedMsn: number | null = null
  /** Since when no sample had a place in the playlist; null while some have. */
  #leftOutSinceMs: number | null = null
  #isFrameRateUnknown = false
  #waitingTexts: TextSample[] = []
  /** Number of the entry that the input before was on, while another input is gathered. */
  #relievedDsn: number | null = null

  constructor(options: StreamSessionsOptions) {
    this.#options = options
  }

  get current(): Session | null {
    return this.#session
  }

  get isFrameRateUnknown(): boolean {
    return this.#isFrameRateUnknown
  }

  get isGathering(): boolean {
    return this.#gathering !== null
  }

  /** Something that can be played was gathered. */
  get hasGathered(): boolean {
    return this.#gathering?.hasMedia === true
  }

  /** A publisher begins: what it sends is gathered until it is clear which timeline entry maps it. */
  gather(declared: DeclaredTracks | null = null): void {
    this.#waitingTexts = []
    const gathering = new Gathering()
    for (const track of declared?.tracks ?? []) gathering.addTrack(track)
    if (declared !== null) gathering.expect(declared.expectedTracks)
    this.#gathering = gathering
    this.#relievedDsn = null
  }

  /** What was gathered is of no use any more; the session goes on. */
  forget(): void {
    this.#gathering = null
    this.stopResolving()
  }

  stopResolving(): void {
    this.#resolving?.abort()
    this.#resolving = null
  }

  /** The playlist stays as it is. */
  leave(): void {
    this.stopResolving()
    this.#session?.clock.close()
  }

  /** The playlist is over: closes what is open. Throws MirrorError when the last part finds no room. */
  end(): void {
    const session = this.#session
    this.#session = null
    session?.clock.close()
    try {
      session?.closeOpenSegments()
    } finally {
      this.#endedMsn = session?.lastMsn ?? this.#endedMsn
    }
  }

  /** The presentation is gone, and with it the session. */
  reset(): void {
    this.#session?.clock.close()
    this.#session = null
  }

  onTrack(track: InputTrack): void {
    if (this.#gathering === null && this.#session !== null) {
      // A track of a running session was reconfigured: everything from here on belongs to a new timeline entry.
      const message = `Track ${track.id} changed to ${describeTrack(track)}`
      this.#options.emit('stream.quality_change', 'info', 'discontinuity', message, { track: track.id })
      this.gather(this.#options.declared())
    }
    this.#gathering?.addTrack(track)
  }

  expect(trackIds: readonly string[]): void {
    this.#gathering?.expect(trackIds)
  }

  noteKeyframeAwaited(trackId: string): void {
    this.#gathering?.noteKeyframeAwaited(trackId)
  }

  onTextTrack(text: TextTrack): void {
    if (this.#gathering === null) this.#session?.addText(text)
  }

  onText(sample: TextSample): void {
    if (this.#gathering === null) this.#session?.pushText(sample)
    else if (this.#waitingTexts.push(sample) > MAX_WAITING_TEXTS) this.#waitingTexts.shift()
  }

  /** A cue from beside the publisher, in seconds since 1970. False: nothing is live. */
  showText(text: TextTrack, cue: TextCue): boolean {
    if (this.#session === null) return false
    this.#session.addText(text)
    this.#session.showText(text.id, cue)
    return true
  }

  /** Throws MirrorError `ingest_overrun`. */
  push(arrived: ArrivedSample): void {
    if (this.#gathering === null && this.#session !== null && this.#pushTo(this.#session, arrived)) return
    if (this.#gathering?.add(arrived)) this.#options.onMedia()
    if (this.#gathering !== null && this.#gathering.sizeBytes > GATHERING_MAX_BYTES) {
      throw new MirrorError(
        'ingest_overrun',
        `stream ${this.#options.stream().id}: ${GATHERING_MAX_BYTES} bytes came before the stream could start`,
      )
    }
  }

  /** Another input is on air. True: without a seam, in the session that runs. */
  relieve({ declared, arrived, isSameFeed }: InputSwitch): boolean {
    const session = this.#session
    const isSeamless = isSameFeed && session !== null && !this.isGathering && this.#isConfiguredLike(declared)
    this.stopResolving()
    this.#leftOutSinceMs = null
    if (isSeamless) {
      for (const sample of arrived) if (!session.isBehind(sample)) this.push(sample)
      return true
    }
    this.gather(declared)
    this.#relievedDsn = session?.entry.dsn ?? null
    for (const sample of arrived) this.push(sample)
    // It has been listened to while it stood by.
    this.wait(this.#options.now() - (arrived[0]?.arrivedAtMs ?? Number.POSITIVE_INFINITY))
    return false
  }

  /** So much time has passed in which Mirror listened. */
  wait(ms: number): void {
    this.#gathering?.wait(Math.max(0, ms))
    this.settle()
  }

  /** Asks the store as soon as the gathered media tells enough. */
  settle(): void {
    const { timeline, now } = this.#options
    const gathering = this.#gathering
    if (gathering === null || this.#resolving !== null || !gathering.isReady) return
    const abort = new AbortController()
    this.#resolving = abort
    const stream = this.#options.stream()
    const { segmentMs } = stream.settings
    const create = (newest: TimelineEntry | null, dsn: number) =>
      this.#startingTogether(gathering, gathering.makeEntry(dsn, newest, segmentMs, now()))
    const resolving = timeline.resolve(
      stream,
      { ...gathering.sight(), relievedDsn: this.#relievedDsn },
      create,
      abort.signal,
    )
    Promise.all([resolving, this.#recordedPast(stream)])
      .then(([resolved, past]) => {
        if (!abort.signal.aborted) this.#begin(gathering, resolved, past)
      })
      .catch((error: unknown) => {
        if (!abort.signal.aborted) this.#options.onFailed(toMirrorError(error))
      })
  }

  /** Where a playlist goes on, all tracks begin with the first picture: players take the first segments for simultaneous. */
  #startingTogether(gathering: Gathering, entry: TimelineEntry): TimelineEntry {
    const { isContinuing, firstCell } = this.#plan(gathering, { entry, isAdopted: false }, [])
    return isContinuing ? { ...entry, startCell: firstCell } : entry
  }

  #plan(
    gathering: Gathering,
    { entry, isAdopted }: Pick<ResolvedEntry, 'entry' | 'isAdopted'>,
    past: readonly PastTrack[],
  ): ReturnType<typeof planSession> {
    const previous = this.#session
    return planSession({
      wantedCell: firstCellOf(entry, gathering.firsts(), isAdopted),
      cell: entry.cell,
      previous: previous === null ? null : { lastMsn: previous.lastMsn, cell: previous.entry.cell },
      endedMsn: isAdopted ? this.#endedMsn : later(this.#endedMsn, newestRecorded(past)),
      graceMs: this.#options.stream().settings.graceMs,
    })
  }

  /** Of a playlist that begins anew: later it would no longer be the beginning. */
  async #recordedPast({ id, settings }: RegisteredStream): Promise<readonly PastTrack[]> {
    const { isEnabled, rewindMs } = settings.dvr
    if (this.#session !== null || !isEnabled) return []
    return await this.#options.askPast(id, this.#options.now() - rewindMs)
  }

  /** A few times a second: wall-clock times follow the encoder's clock. */
  keepTime(): void {
    const session = this.#session
    if (session !== null && this.#gathering === null) session.clock.tick(session.lastMsn)
  }

  /** False: the sample belongs to a new timeline entry, for which everything is gathered from here on. */
  #pushTo(session: Session, arrived: ArrivedSample): boolean {
    const { output, onMedia } = this.#options
    const { sample } = arrived
    const pushed = session.push(arrived)
    const isUnused = pushed === 'left_out' || pushed === 'early'
    const outcome = isUnused && this.#isStranded(session) ? 'jump' : pushed
    if (!isUnused) this.#leftOutSinceMs = null
    // What comes before the first cell is a sign of life: with long cells it would pass for silence.
    if (outcome === 'taken' || outcome === 'early') onMedia()
    if (outcome === 'taken' || outcome === 'early' || outcome === 'left_out') {
      output.measure(sample, session.entry)
      return true
    }
    if (outcome === 'unknown_track' && !sample.isKeyframe) {
      const detail = 'a track that came later begins with its first keyframe'
      output.noteRepair({ cause: 'sample_dropped', trackId: sample.trackId, count: 1, detail })
      return true
    }
    const detail =
      outcome === 'jump' ? 'the input clock jumped: a new timeline entry begins' : 'the track came later than others'
    output.noteRepair({ cause: 'timestamp_jump', trackId: sample.trackId, count: 1, detail })
    this.gather(this.#options.declared())
    return false
  }

  /** True when the input will not catch up: after a short outage an encoder may begin again at 0, which looks like a repeat. */
  #isStranded({ entry }: Session): boolean {
    const nowMs = this.#options.now()
    this.#leftOutSinceMs ??= nowMs
    // Two origins must agree on an epoch clock, however late its media comes.
    // A session that begins in the next cell leaves out what comes before.
    const patienceMs = Math.max(LEFT_OUT_MS, 1500 * toNumber(entry.cell))
    return entry.clock !== 'epoch' && nowMs - this.#leftOutSinceMs > patienceMs
  }

  #begin(gathering: Gathering, resolved: ResolvedEntry, past: readonly PastTrack[]): void {
    const { entry, isConfirmed, refusal = 'The store did not answer within 1 s' } = resolved
    const { output, emit } = this.#options
    this.#resolving = null
    this.#gathering = null
    if (!isConfirmed) {
      const message = `${refusal}; the timeline entry is known to this process alone`
      emit('stream.warning', 'warning', 'timeline_unconfirmed', message, { dsn: entry.dsn })
    }
    this.#isFrameRateUnknown = gathering.isFrameRateUnknown
    const continued = this.#session !== null && isSameMap(this.#session.entry, entry) ? this.#session : null
    const session = continued ?? this.#beginSession(gathering, resolved, past)
    const isRelief = this.#relievedDsn !== null
    this.#relievedDsn = null
    if (isRelief) session.relieve(resolved.point)
    else continued?.reconnect(resolved.point)
    this.#session = session
    this.#beginTexts(session)
    for (const arrived of gathering.take()) {
      const outcome = session.push(arrived)
      if (outcome !== 'jump' && outcome !== 'unknown_track') output.measure(arrived.sample, session.entry)
    }
    output.presentation?.flush()
  }

  #beginTexts(session: Session): void {
    const named = this.#options.stream().settings.tracks.filter(({ id }) => id.startsWith('s'))
    // Named in the settings: there before anybody has said a word.
    const promised = named.map(({ id }): TextTrack => ({ id, language: 'und', role: null, isTimed: false }))
    for (const text of [...(this.#options.declared()?.textTracks ?? []), ...promised]) session.addText(text)
    for (const sample of this.#waitingTexts.splice(0)) session.pushText(sample)
  }

  /** Whether the input would be decoded like what the session carries. */
  #isConfiguredLike({ tracks }: DeclaredTracks): boolean {
    const { presentation } = this.#options.output
    const ids = this.#session?.entry.tracks.map(({ id }) => id) ?? []
    return ids.every((id) => {
      const config = presentation?.config(id) ?? null
      const other = tracks.find((track) => track.id === id)?.config
      return config !== null && other !== undefined && isSameConfig(config, other)
    })
  }

  #beginSession(gathering: Gathering, resolved: ResolvedEntry, past: readonly PastTrack[]): Session {
    const { output, emit, onBegun } = this.#options
    const { entry } = resolved
    const stream = this.#options.stream()
    const { settings } = stream
    const previous = this.#session
    const { isContinuing, firstCell } = this.#plan(gathering, resolved, past)
    const kept = isContinuing ? output.presentation : null
    const presentation = kept ?? output.begin(stream, entry, gathering.frameSecs())
    if (isContinuing && previous !== null) {
      previous.endThrough(firstCell - 1)
      previous.clock.close()
      const message = 'The input clock or configuration changed: a discontinuity begins'
      emit('stream.quality_change', 'info', 'discontinuity', message, { dsn: entry.dsn })
    }
    const session = Session.begin(entry, gathering.tracks(), firstCell, {
      presentation,
      onRepair: (repair) => output.noteRepair(repair),
      clock: this.#keepClock(resolved),
    })
    if (!isContinuing) {
      const { targetDurationSec } = presentation
      presentation.recall(segmentsBefore(past, { cell: entry.cell, targetDurationSec, firstCell }))
      const tracks = gathering.tracks().map(describeTrack).join(', ')
      emit('stream.started', 'info', null, `Live: ${tracks}`, { dsn: entry.dsn })
      this.#warnOfSegmentLength(toNumber(entry.cell), settings.segmentMs / 1000)
    }
    onBegun({ isNewPlaylist: !isContinuing })
    return session
  }

  #keepClock({ entry, isAdopted, point }: ResolvedEntry): ClockKeeper {
    const { output, timeline, now } = this.#options
    const { tenantId, id } = this.#options.stream()
    return new ClockKeeper({
      stream: { tenantId, id },
      entry,
      isAdopted,
      point,
      timeline,
      now,
      onPoint: (next) =>
        output.noteRepair({ cause: 'clock_drift', trackId: null, count: 1, detail: describeDrift(next) }),
    })
  }

  /** Segment numbers rise by one for ever, so the first publish fixes how long a cell is. */
  #warnOfSegmentLength(cellSec: number, wantedSec: number): void {
    if (Math.abs(cellSec - wantedSec) < SEGMENT_ROUNDING_SHARE * wantedSec) return
    this.#options.emit(
      'stream.warning',
      'warning',
      'segment_length_fixed',
      `Segments stay ${Number(cellSec.toFixed(3))} s long, as they were at the first publish; create another stream for segments of ${wantedSec} s`,
      { cellSec, wantedSec },
    )
  }
}

function later(left: number | null, right: number | null): number | null {
  return left === null || right === null ? (left ?? right) : Math.max(left, right)
}
