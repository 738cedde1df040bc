// One sender's time on a UDP or RTP port, from its first datagram to its silence: asks the gate and hands bytes over.
import { toMirrorError } from '../../../core/errors.ts'
import type { ConfiguredInputHost } from '../configured-input.ts'
import type { GateInput } from '../protocol.ts'

/** Kept while the owner is asked, which takes milliseconds. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024

export interface DatagramSessionOptions {
  readonly host: ConfiguredInputHost
  readonly protocol: 'udp' | 'rtp'
  readonly onAccepted: () => void
  /** It ended by itself: refused, or ended by the stream's owner. Never after close(). */
  readonly onEnded: (message: string) => void
}

export class DatagramSession {
  readonly #options: DatagramSessionOptions
  readonly #stop = new AbortController()
  #input: GateInput | null = null
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #isBlocked = false
  #isOver = false
  /** Bytes that the owner had no room for. A datagram sender cannot be told to wait. */
  droppedBytes = 0

  constructor(options: DatagramSessionOptions) {
    this.#options = options
    void this.#open()
  }

  write(chunk: Uint8Array): void {
    if (this.#isOver) return
    if (this.#input === null) {
      if (this.#waitingBytes + chunk.length > MAX_WAITING_BYTES) {
        this.droppedBytes += chunk.length
        return
      }
      this.#waiting.push(chunk)
      this.#waitingBytes += chunk.length
    } else if (this.#isBlocked) {
      this.droppedBytes += chunk.length
    } else {
      this.#isBlocked = !this.#input.write(chunk)
    }
  }

  close(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#waiting = []
    this.#stop.abort()
    this.#input?.close(null)
  }

  async #open(): Promise<void> {
    const { host, protocol, onAccepted } = this.#options
    try {
      const asked = {
        streamId: host.streamId,
        protocol,
        container: 'ts',
        trackId: null,
        sourceId: host.inputId,
      } as const
      const input = await host.gate.open(asked, this.#stop.signal)
      if (this.#isOver) {
        input.close(null)
        return
      }
      input.onDrain = () => {
        this.#isBlocked = false
      }
      input.onEnded = (fault) => this.#end(fault.message)
      this.#input = input
      onAccepted()
      const waiting = this.#waiting
      this.#waiting = []
      for (const chunk of waiting) this.write(chunk)
    } catch (error) {
      this.#end(toMirrorError(error).message)
    }
  }

  #end(message: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#waiting = []
    this.#options.onEnded(message)
  }
}
