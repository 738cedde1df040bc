// All streams that one media worker owns: routes inputs to them, collects what they publish, keeps their clocks ticking.
import { MirrorError, toMirrorError } from '../../core/errors.ts'
import type { LatencyObservation, OwnerStatus, RegisteredStream } from '../control.ts'
import type { MirrorEvent } from '../events.ts'
import type { FromOwner, InputFault, ToOwner } from '../ingest/protocol.ts'
import type { Publication, SlabReleased } from '../publication.ts'
import type { Registry } from '../registry.ts'
import { LiveStream } from './live-stream.ts'
import { MemoryBudget } from './slab-pool.ts'
import type { SlateAnswer, SlateWish } from './slate.ts'
import type { AskPast } from './stream-sessions.ts'
import type { TimelineStore } from './timeline-store.ts'

const TICK_MS = 200
/** A tick that comes later than this found the process standing still, and what came meanwhile has not been read yet. */
const STOOD_STILL_MS = 1000
const SLAB_IDS_PER_POOL = 1_000_000
/** Receivers are told how far their bytes have come after at least this many. */
const ACK_EVERY_BYTES = 256 * 1024

export interface StreamOwnerOptions {
  readonly registry: Registry
  readonly timeline: TimelineStore
  readonly origins: number
  readonly windowMaxBytes: number
  readonly maxFragmentBytes: number
  readonly firstSlabId: number
  readonly now: () => number
  /** Everything that was published since the last call, in order. */
  readonly publish: (batch: readonly Publication[]) => void
  readonly reply: (to: string, message: FromOwner) => void
  readonly emit: (event: MirrorEvent) => void
  readonly onBusy: (streamId: string, isBusy: boolean) => void
  readonly askSlate: (wish: SlateWish) => void
  readonly askPast: AskPast
}

interface OwnedInput {
  readonly stream: LiveStream
  /** Who is told about acknowledgements and the end. */
  readonly receiver: string
  processedBytes: number
  ackedBytes: number
}

export class StreamOwner {
  readonly #options: StreamOwnerOptions
  readonly #budget: MemoryBudget
  readonly #streams = new Map<string, LiveStream>()
  readonly #inputs = new Map<string, OwnedInput>()
  /** Streams that were told to refuse further publishers. */
  readonly #refusing = new Set<string>()
  #batch: Publication[] = []
  #nextSlabId: number
  readonly #timer: NodeJS.Timeout
  #tickedAtMs: number
  #hasSkippedTick = false

  constructor(options: StreamOwnerOptions) {
    this.#options = options
    this.#budget = new MemoryBudget(options.windowMaxBytes)
    this.#nextSlabId = options.firstSlabId
    this.#tickedAtMs = options.now()
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  onMessage(receiver: string, message: ToOwner): void {
    switch (message.kind) {
      case 'open':
        this.#open(receiver, message)
        break
      case 'data': {
        const input = this.#inputs.get(message.inputId)
        if (input === undefined) return
        input.stream.data(message.inputId, message.bytes, message.arrivedAtMs)
        this.#acknowledge(message.inputId, input, message.bytes.length)
        break
      }
      case 'close': {
        const fault = this.#close(message.inputId, message.fault)
        this.#options.reply(receiver, { kind: 'closed', inputId: message.inputId, fault })
        break
      }
      case 'network':
        this.#inputs.get(message.inputId)?.stream.reportNetwork(message.inputId, message)
        break
      default:
        message satisfies never
    }
    this.#flush()
  }

  onSlabReleased({ streamId, slabId, origin }: SlabReleased): void {
    this.#streams.get(streamId)?.onSlabReleased(slabId, origin)
  }

  /** An origin thread died and was replaced. */
  onOriginLost(origin: number): void {
    for (const stream of this.#streams.values()) stream.onOriginLost(origin)
  }

  /** A thread that received inputs died, and its connections with it: their streams are free for the next publisher. */
  onReceiverLost(receiver: string): void {
    for (const [inputId, input] of [...this.#inputs]) {
      if (input.receiver !== receiver) continue
      this.#close(inputId, { code: 'internal', message: 'the thread that received the stream died' })
    }
    this.#flush()
  }

  onRegistered(stream: RegisteredStream): void {
    this.#streams.get(stream.id)?.update(stream)
  }

  onUnregistered(streamId: string): void {
    this.#streams.get(streamId)?.dispose()
    this.#streams.delete(streamId)
    this.#flush()
  }

  restart(streamId: string): void {
    this.#streams.get(streamId)?.restart()
    this.#flush()
  }

  onSlate(answer: SlateAnswer): void {
    this.#streams.get(answer.streamId)?.onSlate(answer)
  }

  /** Throws MirrorError `input_not_ready`. */
  activateInput(streamId: string, inputId: string): void {
    const stream = this.#streams.get(streamId)
    if (stream === undefined) throw new MirrorError('input_not_ready', `stream ${streamId} has no inputs at the moment`)
    stream.activateInput(inputId)
    this.#flush()
  }

  /** What an origin must be told that joins late. */
  snapshots(): readonly Publication[] {
    return [...this.#streams.values()].flatMap((stream) => stream.snapshot())
  }

  statuses(): readonly OwnerStatus[] {
    const nowMs = this.#options.now()
    return [...this.#streams.values()].map((stream) => stream.status(nowMs))
  }

  takeLatencies(): readonly LatencyObservation[] {
    return [...this.#streams.values()].flatMap((stream) => stream.takeLatencies())
  }

  /**
   * For a shutdown: inputs end, playlists stay as they are. Nothing is cut short under its final name, so players go on at
   * another origin, or here when Mirror is back.
   */
  stop(reason: string): void {
    clearInterval(this.#timer)
    for (const stream of this.#streams.values()) stream.leave(reason)
    this.#streams.clear()
    this.#inputs.clear()
  }

  #open(receiver: string, message: Extract<ToOwner, { kind: 'open' }>): void {
    const registered = this.#options.registry.get(message.streamId)
    try {
      if (registered === null) throw new MirrorError('stream_not_found', `there is no stream ${message.streamId}`)
      const stream = this.#streamFor(registered)
      stream.open(message)
      this.#inputs.set(message.inputId, { stream, receiver, processedBytes: 0, ackedBytes: 0 })
      // Origins hear of it first: who asks for the playlist of a publisher that was let in is to wait for it.
      this.#flush()
      this.#options.reply(receiver, { kind: 'accepted', inputId: message.inputId })
      this.#tellBusy(stream)
    } catch (error) {
      const { code, message: text } = toMirrorError(error)
      this.#options.reply(receiver, { kind: 'ended', inputId: message.inputId, fault: { code, message: text } })
    }
  }

  #close(inputId: string, fault: InputFault | null): InputFault | null {
    const stream = this.#inputs.get(inputId)?.stream
    const found = stream === undefined ? null : guarded(stream, () => stream.close(inputId, fault))
    this.#forget(inputId)
    return found
  }

  /** Receivers refuse by what they were told last; the owner itself decides. */
  #tellBusy(stream: LiveStream): void {
    const isRefusing = stream.isHeld && this.#options.registry.get(stream.id)?.settings.onBusy === 'refuse'
    if (this.#refusing.has(stream.id) === isRefusing) return
    if (isRefusing) this.#refusing.add(stream.id)
    else this.#refusing.delete(stream.id)
    this.#options.onBusy(stream.id, isRefusing)
  }

  #streamFor(registered: RegisteredStream): LiveStream {
    const existing = this.#streams.get(registered.id)
    if (existing !== undefined) return existing
    const options = this.#options
    const stream = new LiveStream(registered, {
      timeline: options.timeline,
      budget: this.#budget,
      origins: options.origins,
      maxFragmentBytes: options.maxFragmentBytes,
      now: options.now,
      publish: (publication) => this.#batch.push(publication),
      emit: options.emit,
      askSlate: options.askSlate,
      askPast: options.askPast,
      endInput: (inputId, fault) => {
        const input = this.#inputs.get(inputId)
        if (input !== undefined) options.reply(input.receiver, { kind: 'ended', inputId, fault })
        this.#forget(inputId)
      },
      nextSlabId: () => {
        this.#nextSlabId += SLAB_IDS_PER_POOL
        return this.#nextSlabId
      },
    })
    this.#streams.set(registered.id, stream)
    return stream
  }

  #acknowledge(inputId: string, input: OwnedInput, bytes: number): void {
    input.processedBytes += bytes
    if (input.processedBytes - input.ackedBytes < ACK_EVERY_BYTES) return
    input.ackedBytes = input.processedBytes
    this.#options.reply(input.receiver, { kind: 'ack', inputId, processedBytes: input.processedBytes })
  }

  #forget(inputId: string): void {
    const input = this.#inputs.get(inputId)
    if (input === undefined) return
    this.#inputs.delete(inputId)
    this.#tellBusy(input.stream)
  }

  #tick(): void {
    const nowMs = this.#options.now()
    const passedMs = nowMs - this.#tickedAtMs
    this.#tickedAtMs = nowMs
    // Timers come before messages: nobody is called silent before what came has been read. But on a machine that is
    // always late something has to happen, too.
    this.#hasSkippedTick = passedMs > STOOD_STILL_MS && !this.#hasSkippedTick
    if (this.#hasSkippedTick) return
    const listenedMs = Math.min(Math.max(0, passedMs), STOOD_STILL_MS)
    for (const stream of this.#streams.values()) {
      guarded(stream, () => stream.tick(listenedMs))
      this.#tellBusy(stream)
    }
    this.#flush()
  }

  #flush(): void {
    if (this.#batch.length === 0) return
    const batch = this.#batch
    this.#batch = []
    this.#options.publish(batch)
  }
}

/** A fault in one stream is that stream's alone. */
function guarded<Result>(stream: LiveStream, work: () => Result): Result | null {
  try {
    return work()
  } catch (error) {
    stream.fail(toMirrorError(error))
    return null
  }
}
