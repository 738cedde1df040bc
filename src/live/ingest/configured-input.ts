// What every input needs that Mirror runs by itself (UDP and RTP ports, pulled sources).
import type { Log } from '../../core/log.ts'
import type { ConfiguredInputStatus } from '../control.ts'
import type { EventCode } from '../events.ts'
import type { InputGate } from './protocol.ts'

/** Disposing it frees its socket or child; it reports nothing afterwards. */
export interface RunningInput extends AsyncDisposable {
  restart(): void
}

export interface ConfiguredInputHost {
  readonly streamId: string
  readonly gate: Pick<InputGate, 'open'>
  readonly log: Log
  readonly random: () => number
  /**
   * As last heard: whether the stream refuses publishers because it has one. It saves asking, which for a pulled source
   * means starting ffmpeg.
   */
  isBusy(): boolean
  /** Called when it changes. */
  onStatus(status: Pick<ConfiguredInputStatus, 'state' | 'error'>): void
  /** An event of the stream. */
  warn(code: EventCode, message: string, details: Readonly<Record<string, string | number>>): void
}

export const BUSY_MESSAGE = 'Another publisher is live on this stream; this input waits until it is free'

/** Pauses that double from `minMs` to `maxMs`, each shortened by up to a quarter so that many inputs do not retry as one. */
export class Backoff {
  readonly #minMs: number
  readonly #maxMs: number
  readonly #random: () => number
  #nextMs: number

  constructor(minMs: number, maxMs: number, random: () => number) {
    this.#minMs = minMs
    this.#maxMs = maxMs
    this.#random = random
    this.#nextMs = minMs
  }

  nextMs(): number {
    const pauseMs = this.#nextMs
    this.#nextMs = Math.min(this.#maxMs, pauseMs * 2)
    return Math.round(pauseMs * (1 - this.#random() / 4))
  }

  reset(): void {
    this.#nextMs = this.#minMs
  }
}
