import { toMirrorError } from '../../../core/errors.ts'
import type { Log } from '../../../core/log.ts'
import type { GateInput, InputFault, InputGate, NetworkFigures } from '../protocol.ts'
import type { SrtConnectionOpened, ToSrtChild } from './child-protocol.ts'

export interface SrtConnectionOptions {
  readonly gate: InputGate
  readonly log: Log
}

/** One publisher. It is not read before the gate has accepted it. */
export class SrtConnection {
  readonly #id: number
  readonly #send: (message: ToSrtChild) => void
  readonly #closing = new AbortController()
  #input: GateInput | null = null
  /** What the publisher's end was, if it left while the gate was deciding. */
  #fault: InputFault | null = null

  constructor(
    id: number,
    opened: SrtConnectionOpened,
    options: SrtConnectionOptions,
    send: (message: ToSrtChild) => void,
  ) {
    this.#id = id
    this.#send = send
    const { streamId, remoteAddress } = opened
    options.log.info('an SRT publisher connected', { streamId, remoteAddress })
    options.gate
      .open({ streamId, protocol: 'srt', container: 'ts', trackId: null }, this.#closing.signal)
      .then((input) => this.#accept(input))
      .catch((error: unknown) => {
        // The gate has reported it; SRT has no status after the handshake, so the connection just ends.
        options.log.info('an SRT publisher was turned away', { streamId, reason: toMirrorError(error).message })
        this.#send({ kind: 'close', connectionId: id })
      })
  }

  receive(bytes: Uint8Array): void {
    if (this.#input?.write(bytes) === false) this.#send({ kind: 'pause', connectionId: this.#id })
  }

  reportNetwork(figures: NetworkFigures): void {
    const { rttMs, packetsLost, packetsRetransmitted, packetsDropped } = figures
    this.#input?.reportNetwork({ rttMs, packetsLost, packetsRetransmitted, packetsDropped })
  }

  /** The publisher is gone. */
  close(fault: InputFault | null): void {
    this.#fault = fault
    this.#closing.abort()
    this.#input?.close(fault)
    this.#input = null
  }

  #accept(input: GateInput): void {
    if (this.#closing.signal.aborted) {
      input.close(this.#fault)
      return
    }
    this.#input = input
    input.onDrain = () => this.#send({ kind: 'read', connectionId: this.#id })
    input.onEnded = () => {
      this.#input = null
      this.#send({ kind: 'close', connectionId: this.#id })
    }
    this.#send({ kind: 'read', connectionId: this.#id })
  }
}
