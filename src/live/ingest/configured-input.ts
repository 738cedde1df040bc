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
  readonly inputId: string
  readonly gate: Pick<InputGate, 'open'>
  readonly log: Log
  readonly random: () => number
  /** Called when it changes. */
  onStatus(status: Pick<ConfiguredInputStatus, 'state' | 'error'>): void
  /** An event of the stream. */
  warn(code: EventCode, message: string, details: Readonly<Record<string, string | number>>): void
}

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
