// Who publishes a stream: admits encoders and configured inputs, keeps those that stand by ready, and tells which one is
// on air. Rules: docs/decisions/inputs.md.
import { type ErrorCode, MirrorError, toMirrorError } from '../../core/errors.ts'
import type { InputSample } from '../../media/samples.ts'
import type { ConnectedInputStatus, RegisteredStream } from '../control.ts'
import type { InputFault, InputOpen, NetworkFigures } from '../ingest/protocol.ts'
import type { ArrivedSample } from './gathering.ts'
import { chooseInput, type InputCandidate, isHealthy, type SwitchReason } from './input-choice.ts'
import { InputMember } from './input-member.ts'
import type { Publisher, PublisherEvents } from './publisher.ts'
import type { MemoryBudget } from './slab-pool.ts'
import type { StreamEmit } from './stream-events.ts'
import type { DeclaredTracks } from './stream-sessions.ts'
import { publisherName } from './stream-wording.ts'

/** Encoders that may be connected at once when they stand by for each other. */
const MAX_PUSHED = 4
/** Encoders that connect come before configured inputs, which come in their order. */
const RANK_OF_PUSHED = -1
/** Media of an input for which something else is shown must come for so long before it is shown again. */
const COME_BACK_MS = 400
/** An input that stands by and has brought no media for this long is ended. */
const NO_MEDIA_MS = 15_000

/** The input on air changed: what was kept of the new one, and what it has declared. */
export interface InputSwitch {
  readonly declared: DeclaredTracks
  readonly arrived: readonly ArrivedSample[]
  /** Its frames and timestamps are those of the input before it. */
  readonly isSameFeed: boolean
}

export interface StreamInputsOptions {
  readonly stream: () => RegisteredStream
  readonly maxFragmentBytes: number
  readonly budget: MemoryBudget
  readonly now: () => number
  readonly emit: StreamEmit
  /** What the media of the input on air shows. */
  readonly events: Omit<PublisherEvents, 'onSample'> & { onSample(arrived: ArrivedSample): void }
  /** An input begins on air with nothing kept of it. */
  readonly onBegin: () => void
  readonly onSwitch: (change: InputSwitch) => { readonly isSeamless: boolean }
  /** Whether what is shown instead of the inputs can make room now; asked in each tick in which one could be shown. */
  readonly mayComeBack: () => boolean
  /** Tells the receiver of an input that it is over. */
  readonly endInput: (inputId: string, fault: InputFault) => void
}

export class StreamInputs {
  readonly #options: StreamInputsOptions
  readonly #members = new Map<string, InputMember>()
  #active: InputMember | null = null
  /** Put on air by somebody, who wants it to stay there while it works. */
  #isPinned = false
  /** Something else is shown for the input on air until that brings media again: what comes of it is kept meanwhile. */
  #isOffAir = false
  #arrivedAtMs = 0
  readonly #switches = new Map<SwitchReason, number>()

  constructor(options: StreamInputsOptions) {
    this.#options = options
  }

  /** The input on air is connected. */
  get isBusy(): boolean {
    return this.#active?.publisher.isConnected ?? false
  }

  /** An encoder is connected and heard: no other may take its place unasked. */
  get isHeld(): boolean {
    const nowMs = this.#options.now()
    return this.#pushed().some((member) => member.isHeld(nowMs))
  }

  /** An input is on air, or was and may come back. */
  get hasPublisher(): boolean {
    return this.#active !== null
  }

  get active(): Publisher | null {
    return this.#active?.publisher ?? null
  }

  get openedAtMs(): number {
    return this.#active?.openedAtMs ?? 0
  }

  /** Others than the one on air are connected. */
  get hasStandby(): boolean {
    return [...this.#members.values()].some((member) => member !== this.#active && member.publisher.isConnected)
  }

  /** True: a further connection of an input that is there. */
  join(input: InputOpen): boolean {
    const joined = [...this.#members.values()].find(({ publisher }) => publisher.canTake(input))
    joined?.add(input)
    return joined !== undefined
  }

  /** Throws MirrorError `stream_busy`. What must go for the new input to come is ended. */
  makeRoom(input: InputOpen): void {
    if (input.sourceId !== undefined) {
      const before = this.#members.get(input.sourceId)
      if (before?.publisher.isConnected) this.#endMember(before, 'input_ended', 'the input was begun again')
      return
    }
    const { id, settings } = this.#options.stream()
    const nowMs = this.#options.now()
    const connected = this.#pushed().filter(({ publisher }) => publisher.isConnected)
    const held = connected.filter((member) => member.isHeld(nowMs))
    if (settings.onBusy === 'refuse' && held[0] !== undefined) {
      throw new MirrorError('stream_busy', `stream ${id} already has a publisher (${held[0].publisher.protocol})`)
    }
    const isFull = connected.length >= MAX_PUSHED
    if (settings.onBusy === 'standby' && held.length >= MAX_PUSHED) {
      throw new MirrorError('stream_busy', `stream ${id} already has ${MAX_PUSHED} publishers`)
    }
    for (const member of connected) {
      const mayStay = settings.onBusy === 'standby' && (!isFull || member.isHeld(nowMs))
      if (!mayStay) this.#endMember(member, 'input_ended', 'another publisher took over')
    }
  }

  begin(input: InputOpen): void {
    const { maxFragmentBytes, budget, now, emit, stream } = this.#options
    const id = input.sourceId ?? this.#freeId(input)
    this.#forget(this.#members.get(id))
    const events = this.#eventsOf(() => member)
    const member: InputMember = new InputMember(input, { id, maxFragmentBytes, events, budget, nowMs: now() })
    this.#members.set(id, member)
    const mayTakeOver = member.isPushed && stream().settings.onBusy === 'takeover'
    const isFirst = this.#active === null || !this.#active.publisher.isConnected || mayTakeOver
    const role = isFirst ? '' : ' and stands by'
    if (isFirst && this.#isOffAir) this.#replace(member)
    else if (isFirst) {
      this.#putOnAir(member)
      this.#options.onBegin()
    }
    emit('stream.input_connected', 'info', null, `${publisherName(input.protocol)} connected${role}`, {
      protocol: input.protocol,
      input: id,
      role: isFirst ? 'active' : 'standby',
    })
  }

  /** Whatever is wrong with the bytes ends the input with a named fault. */
  push(inputId: string, bytes: Uint8Array, arrivedAtMs: number): void {
    const member = this.#memberOf(inputId)
    if (member === null) return
    this.#arrivedAtMs = arrivedAtMs
    member.noteBytes(bytes.length, this.#options.now())
    try {
      member.publisher.push(inputId, bytes)
    } catch (error) {
      this.fail(inputId, toMirrorError(error))
    }
  }

  reportNetwork(inputId: string, figures: NetworkFigures): void {
    const count = this.#memberOf(inputId)?.publisher.reportNetwork(figures) ?? 0
    if (count === 0) return
    const rtt = `round trip ${Math.round(figures.rttMs)} ms`
    const detail = `packets from the encoder were lost for good (${rtt}): look at the network, or raise the SRT latency`
    this.#options.events.onRepair({ cause: 'packets_lost', trackId: null, count, detail })
  }

  /** What was wrong in the end, `fault` or what the last bytes show, and the publisher on air that has left. */
  close(
    inputId: string,
    fault: InputFault | null,
  ): { readonly fault: InputFault | null; readonly gone: Publisher | null } {
    const member = this.#memberOf(inputId)
    if (member === null) return { fault, gone: null }
    const { publisher } = member
    const found = removeInput(publisher, inputId) ?? fault
    if (found !== null) this.#options.emit('stream.error', 'error', found.code, found.message, { input: member.id })
    if (publisher.isConnected) return { fault: found, gone: null }
    // A CMAF encoder that sends one request per fragment closes after each; that is not worth an event.
    const isBetweenRequests = publisher.protocol === 'cmaf' && publisher.tracks.length > 0 && found === null
    member.mayReturn = isBetweenRequests
    if (!isBetweenRequests) this.#emitDisconnected(member, found)
    if (this.#active !== member) {
      if (!isBetweenRequests) this.#forget(member)
      return { fault: found, gone: null }
    }
    if (!isBetweenRequests && this.#choose()) return { fault: found, gone: null }
    return { fault: found, gone: publisher }
  }

  /** Ends one connection by a named fault. */
  fail(inputId: string, { code, message }: MirrorError): void {
    const member = this.#memberOf(inputId)
    if (member === null) return
    member.publisher.remove(inputId, false)
    this.#options.emit('stream.error', 'error', code, message, { input: member.id })
    this.#options.endInput(inputId, { code, message })
    if (member.publisher.isConnected) return
    this.#emitDisconnected(member, { code, message })
    if (member === this.#active) this.#choose()
    else this.#forget(member)
  }

  /** Ends the input on air by a named fault. */
  failActive(error: MirrorError): void {
    for (const inputId of this.#active?.publisher.inputIds ?? []) this.fail(inputId, error)
  }

  /** Ends every input by a named fault. */
  failAll(error: MirrorError): void {
    // The one on air last, or those that stand by would take its place one by one.
    const members = [...this.#members.values()].toSorted(
      (a, b) => Number(a === this.#active) - Number(b === this.#active),
    )
    for (const { publisher } of members) for (const inputId of publisher.inputIds) this.fail(inputId, error)
  }

  endAll(code: ErrorCode, message: string): void {
    for (const member of [...this.#members.values()]) this.#endMember(member, code, message)
  }

  /** The input on air is over for good. */
  forget(): void {
    if (this.#active?.publisher.isConnected !== true) this.#forget(this.#active)
  }

  /** Puts an input on air because somebody wants it. Throws MirrorError `input_not_ready`. */
  activate(id: string): void {
    const nowMs = this.#options.now()
    const member = this.#members.get(id)
    const { id: streamId } = this.#options.stream()
    if (member === undefined) throw new MirrorError('input_not_ready', `input ${id} of ${streamId} is not connected`)
    if (member !== this.#active) {
      if (!isHealthy(this.#candidateOf(member, nowMs), nowMs)) {
        throw new MirrorError('input_not_ready', `input ${id} of ${streamId} brings no media that could be shown`)
      }
      this.#switchTo(member, 'manual')
    }
    this.#isPinned = true
  }

  /** Something else is shown until the input on air, or another, brings media again; `onSwitch` tells of that. */
  goOffAir(): void {
    this.#isOffAir = true
    this.#active?.standby.clear()
  }

  goOnAir(): void {
    this.#isOffAir = false
  }

  /** A few times a second: what happens because nothing came. */
  tick(): void {
    const nowMs = this.#options.now()
    for (const member of [...this.#members.values()]) {
      if (member === this.#active) continue
      const { hasBroughtMedia, openedAtMs, publisher, lastMediaAtMs } = member
      if (!publisher.isConnected && nowMs - lastMediaAtMs > NO_MEDIA_MS) this.#forget(member)
      if (hasBroughtMedia || nowMs - openedAtMs < NO_MEDIA_MS) continue
      const error = new MirrorError('ingest_no_media', `input ${member.id}: no audio or video within 15 s`)
      for (const inputId of publisher.inputIds) this.fail(inputId, error)
      this.#forget(member)
    }
    if (!this.#choose() && this.#isOffAir) this.#comeBack(nowMs)
  }

  statuses(nowMs: number): readonly ConnectedInputStatus[] {
    return [...this.#members.values()]
      .filter((member) => member.publisher.isConnected || member === this.#active)
      .map((member) => ({
        ...member.status(this.#candidateOf(member, nowMs), this.#active, nowMs),
        isPinned: this.#isPinned && member === this.#active,
      }))
  }

  switches(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#switches)
  }

  /** True: another input is on air now. */
  #choose(): boolean {
    if (this.#members.size < 2) return false
    const nowMs = this.#options.now()
    const choice = chooseInput({
      candidates: [...this.#members.values()].map((member) => this.#candidateOf(member, nowMs)),
      activeId: this.#active?.id ?? null,
      isPinned: this.#isPinned,
      returnAfterMs: this.#options.stream().settings.returnAfterMs,
      nowMs,
    })
    const member = choice === null ? undefined : this.#members.get(choice.id)
    if (choice === null || member === undefined) return false
    if (this.#isOffAir && !this.#options.mayComeBack()) return false
    this.#switchTo(member, choice.reason)
    return true
  }

  #switchTo(member: InputMember, reason: SwitchReason): void {
    const before = this.#active
    const isSameFeed = before !== null && member.prints.isSameFeedAs(before.prints)
    const arrived = member.standby.take()
    this.#putOnAir(member)
    this.#switches.set(reason, (this.#switches.get(reason) ?? 0) + 1)
    const { isSeamless } = this.#options.onSwitch({ declared: member.publisher, arrived, isSameFeed })
    const from = before?.id ?? ''
    const how = isSeamless ? 'without a seam' : 'with a discontinuity'
    const message = `${REASONS[reason](from)}: ${member.id} is on air, ${how}`
    const severity = reason === 'silent' || reason === 'closed' ? 'warning' : 'info'
    this.#options.emit('stream.input_switched', severity, SWITCH_CODES[reason], message, {
      from,
      to: member.id,
      seamless: isSeamless,
    })
  }

  /** The input on air brings media again, from a keyframe on and for long enough that it is no last gasp. */
  #comeBack(nowMs: number): void {
    const member = this.#active
    if (member === null) return
    const candidate = this.#candidateOf(member, nowMs)
    if (!isHealthy(candidate, nowMs) || nowMs - (candidate.healthySinceMs ?? nowMs) < COME_BACK_MS) return
    if (!this.#options.mayComeBack()) return
    const arrived = member.standby.take()
    this.#isOffAir = false
    this.#options.onSwitch({ declared: member.publisher, arrived, isSameFeed: false })
  }

  #putOnAir(member: InputMember): void {
    this.#isOffAir = false
    member.standby.clear()
    this.#replace(member)
  }

  #replace(member: InputMember): void {
    const before = this.#active
    this.#active = member
    this.#isPinned = false
    if (before !== null && before !== member && !before.publisher.isConnected) this.#forget(before)
  }

  #eventsOf(member: () => InputMember): PublisherEvents {
    const { events } = this.#options
    const isActive = () => this.#active === member() && !this.#isOffAir
    return {
      onTrack: (track) => {
        if (isActive()) events.onTrack(track)
        // What was kept cannot be decoded together with what follows.
        else member().standby.clear()
      },
      onTracksKnown: (ids) => {
        if (isActive()) events.onTracksKnown(ids)
      },
      onTextTrack: (track) => {
        if (isActive()) events.onTextTrack(track)
      },
      onText: (sample) => {
        if (isActive()) events.onText(sample)
      },
      onSample: (sample) => this.#onSample(member(), sample),
      onKeyframeAwaited: (trackId) => {
        if (isActive()) events.onKeyframeAwaited(trackId)
      },
      onRepair: (repair) => {
        if (isActive()) events.onRepair(repair)
      },
    }
  }

  #onSample(member: InputMember, sample: InputSample): void {
    const silenceMs = this.#silenceMs
    member.noteSample(this.#options.now(), silenceMs)
    if (this.#members.size > 1) member.prints.add(sample)
    const arrived = { sample, arrivedAtMs: this.#arrivedAtMs }
    if (member === this.#active && !this.#isOffAir) this.#options.events.onSample(arrived)
    else member.standby.add(arrived, member.leads(sample), silenceMs)
  }

  get #silenceMs(): number {
    return this.#options.stream().settings.switchAfterMs
  }

  #candidateOf(member: InputMember, nowMs: number): InputCandidate {
    const { inputs } = this.#options.stream().settings
    const index = inputs.findIndex(({ id }) => id === member.id)
    const rank = member.isPushed ? RANK_OF_PUSHED : index < 0 ? inputs.length : index
    return member.candidate(rank, member === this.#active && !this.#isOffAir, nowMs, this.#silenceMs)
  }

  #pushed(): readonly InputMember[] {
    return [...this.#members.values()].filter(({ isPushed }) => isPushed)
  }

  #memberOf(inputId: string): InputMember | null {
    for (const member of this.#members.values()) if (member.publisher.inputIds.includes(inputId)) return member
    return null
  }

  #freeId({ protocol }: InputOpen): string {
    const kind = protocol === 'test' ? 'test' : 'push'
    let number = 1
    // The one that has left keeps its number for a moment, but an encoder that comes back is the same to people.
    while (this.#members.get(`${kind}-${number}`)?.publisher.isConnected) number++
    return `${kind}-${number}`
  }

  #endMember(member: InputMember, code: ErrorCode, message: string): void {
    const { inputIds } = member.publisher
    for (const inputId of inputIds) {
      member.publisher.remove(inputId, false)
      this.#options.endInput(inputId, { code, message })
    }
    if (inputIds.length > 0) this.#emitDisconnected(member, { code, message })
    if (member !== this.#active) this.#forget(member)
  }

  #forget(member: InputMember | null | undefined): void {
    if (member === null || member === undefined) return
    member.standby.clear()
    if (this.#members.get(member.id) === member) this.#members.delete(member.id)
    if (this.#active === member) this.#active = null
  }

  #emitDisconnected({ id, publisher: { protocol } }: InputMember, fault: InputFault | null): void {
    const reason = fault === null ? 'the encoder said goodbye' : fault.message
    const message = `${publisherName(protocol)} disconnected: ${reason}`
    this.#options.emit('stream.input_disconnected', 'info', fault?.code ?? null, message, { protocol, input: id })
  }
}

const SWITCH_CODES = {
  silent: 'input_silent',
  closed: 'input_lost',
  returned: 'input_returned',
  manual: 'input_chosen',
} as const

const REASONS: Readonly<Record<SwitchReason, (from: string) => string>> = {
  silent: (from) => `Input ${from} is silent`,
  closed: (from) => `Input ${from} is gone`,
  returned: (from) => `An input that comes before ${from} is well again`,
  manual: (from) => `Input ${from} was relieved on request`,
}

function removeInput(publisher: Publisher, inputId: string): InputFault | null {
  try {
    publisher.remove(inputId, true)
    return null
  } catch (error) {
    const { code, message } = toMirrorError(error)
    return { code, message }
  }
}
