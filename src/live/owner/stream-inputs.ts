// Who publishes a stream: admits encoders, reads their connections, and tells how each of them ended.
import { type ErrorCode, MirrorError, toMirrorError } from '../../core/errors.ts'
import type { InputStatus } from '../control.ts'
import { type InputFault, type InputOpen, type NetworkFigures, returnsByItself } from '../ingest/protocol.ts'
import type { StreamSettings } from '../settings.ts'
import { Publisher, type PublisherEvents } from './publisher.ts'
import type { StreamEmit } from './stream-events.ts'
import type { DeclaredTracks } from './stream-sessions.ts'
import { publisherName } from './stream-wording.ts'

/** A publisher that has sent nothing for this long does not keep out the next one: it is often the same encoder, come back. */
const HOLD_SILENT_MS = 2000

export interface StreamInputsOptions {
  readonly streamId: string
  readonly maxFragmentBytes: number
  readonly now: () => number
  readonly emit: StreamEmit
  /** What the publisher's media shows. */
  readonly events: PublisherEvents
  /** Tells the receiver of an input that it is over. */
  readonly endInput: (inputId: string, fault: InputFault) => void
}

export class StreamInputs {
  readonly #options: StreamInputsOptions
  #publisher: Publisher | null = null
  /** When the publisher came here: an input that a dead owner had may have been connected for days. */
  #openedAtMs = 0
  /** When the publisher's bytes last came. */
  #heardAtMs = 0

  constructor(options: StreamInputsOptions) {
    this.#options = options
  }

  /** A publisher is connected. */
  get isBusy(): boolean {
    return this.#publisher?.isConnected ?? false
  }

  /** Busy, and with a publisher that is heard: no other may take its place unasked. */
  get isHeld(): boolean {
    return this.isBusy && this.#options.now() - this.#heardAtMs < HOLD_SILENT_MS
  }

  /** A publisher is connected, or was and may come back. */
  get hasPublisher(): boolean {
    return this.#publisher !== null
  }

  get declared(): DeclaredTracks | null {
    return this.#publisher
  }

  get openedAtMs(): number {
    return this.#openedAtMs
  }

  /** True: a further connection of the publisher that is there. */
  join(input: InputOpen): boolean {
    if (this.#publisher?.canTake(input) !== true) return false
    this.#publisher.add(input)
    return true
  }

  /** Ends the publisher that is there, if `onBusy` lets the next one have its place. Throws MirrorError `stream_busy`. */
  makeRoom(input: InputOpen, onBusy: StreamSettings['onBusy']): void {
    const current = this.#publisher
    if (current === null || !current.isConnected) return
    const mayTakeOver = onBusy === 'takeover' && !returnsByItself(input.protocol)
    if (!mayTakeOver && this.isHeld) {
      const message = `stream ${this.#options.streamId} already has a publisher (${current.protocol})`
      throw new MirrorError('stream_busy', message)
    }
    this.endAll('input_ended', 'another publisher took over')
  }

  begin(input: InputOpen): void {
    const { maxFragmentBytes, events, now, emit } = this.#options
    this.#publisher = new Publisher(input, { maxFragmentBytes, events })
    this.#publisher.add(input)
    this.#heardAtMs = now()
    this.#openedAtMs = now()
    emit('stream.input_connected', 'info', null, `${publisherName(input.protocol)} connected`, {
      protocol: input.protocol,
    })
  }

  /** Throws what the demuxer throws; the input must then be failed. */
  push(inputId: string, bytes: Uint8Array): void {
    this.#heardAtMs = this.#options.now()
    this.#publisher?.push(inputId, bytes)
  }

  reportNetwork(inputId: string, figures: NetworkFigures): void {
    if (this.#publisher?.inputIds.includes(inputId)) this.#publisher.reportNetwork(figures)
  }

  /** What was wrong in the end, `fault` or what the last bytes show, and the publisher that has no connection any more. */
  close(
    inputId: string,
    fault: InputFault | null,
  ): { readonly fault: InputFault | null; readonly gone: Publisher | null } {
    const publisher = this.#publisher
    if (publisher === null || !publisher.inputIds.includes(inputId)) return { fault, gone: null }
    const found = removeInput(publisher, inputId) ?? fault
    if (found !== null) this.#options.emit('stream.error', 'error', found.code, found.message, {})
    if (publisher.isConnected) return { fault: found, gone: null }
    // A CMAF encoder that sends one request per fragment closes after each; that is not worth an event.
    if (publisher.protocol !== 'cmaf' || publisher.tracks.length === 0) this.#emitDisconnected(publisher, found)
    return { fault: found, gone: publisher }
  }

  /** Ends one connection by a named fault. */
  fail(inputId: string, { code, message }: MirrorError): void {
    const { emit, endInput } = this.#options
    this.#publisher?.remove(inputId, false)
    emit('stream.error', 'error', code, message, {})
    endInput(inputId, { code, message })
    if (this.#publisher?.isConnected === false) this.#emitDisconnected(this.#publisher, { code, message })
  }

  failAll(error: MirrorError): void {
    for (const inputId of this.#publisher?.inputIds ?? []) this.fail(inputId, error)
  }

  endAll(code: ErrorCode, message: string): void {
    const publisher = this.#publisher
    const inputIds = publisher?.inputIds ?? []
    for (const inputId of inputIds) {
      publisher?.remove(inputId, false)
      this.#options.endInput(inputId, { code, message })
    }
    if (publisher !== null && inputIds.length > 0) this.#emitDisconnected(publisher, { code, message })
  }

  forget(): void {
    this.#publisher = null
  }

  status(): InputStatus | null {
    return this.#publisher?.isConnected ? this.#publisher.status() : null
  }

  #emitDisconnected({ protocol }: Publisher, fault: InputFault | null): void {
    const reason = fault === null ? 'the encoder said goodbye' : fault.message
    const message = `${publisherName(protocol)} disconnected: ${reason}`
    this.#options.emit('stream.input_disconnected', 'info', fault?.code ?? null, message, { protocol })
  }
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
