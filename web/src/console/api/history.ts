// The last minutes of every stream's figures as they came over the WebSocket, for sparklines and plots.
import type { LiveView } from '../../../../src/api/stream-contract.ts'

export interface Sample {
  readonly atMs: number
  readonly bitrateBps: number
  readonly viewers: number
  readonly fps: number
  readonly latencyP50Ms: number | null
  readonly latencyP95Ms: number | null
}

/** About 15 minutes at one status a second. The oldest sample goes when the next comes. */
const SAMPLES_KEPT = 900
const STREAMS_KEPT = 500

export class StatusHistory {
  readonly #samples = new Map<string, readonly Sample[]>()
  readonly #listeners = new Set<() => void>()

  add(streamId: string, live: LiveView, atMs: number): void {
    const sample: Sample = {
      atMs,
      bitrateBps: live.bitrateBps,
      viewers: live.viewers,
      fps: live.fps,
      latencyP50Ms: live.latencyMs?.p50 ?? null,
      latencyP95Ms: live.latencyMs?.p95 ?? null,
    }
    const known = this.#samples.get(streamId) ?? []
    // Two topics may report the same second; the plot needs it once.
    const last = known.at(-1)
    const kept = last !== undefined && atMs - last.atMs < 500 ? known.slice(0, -1) : known
    this.#samples.set(streamId, [...kept, sample].slice(-SAMPLES_KEPT))
    if (this.#samples.size > STREAMS_KEPT) this.#forgetOldest()
    for (const listener of this.#listeners) listener()
  }

  forget(streamId: string): void {
    this.#samples.delete(streamId)
  }

  of(streamId: string): readonly Sample[] {
    return this.#samples.get(streamId) ?? NONE
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #forgetOldest(): void {
    const oldest = this.#samples.keys().next()
    if (oldest.done !== true) this.#samples.delete(oldest.value)
  }
}

const NONE: readonly Sample[] = []
