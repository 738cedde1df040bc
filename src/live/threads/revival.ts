// What a replaced owner says about streams that its predecessor had: viewers keep what they have until there is more.
import type { Publication } from '../publication.ts'

/** Inputs of a dead owner are back within seconds, encoders that had lost their connection a little later. */
const REVIVAL_MS = 20_000

export class Revival {
  readonly #startedAtMs: number | null
  /** Streams that are `reviving`, and those that have their window again. */
  readonly #streams = new Map<string, 'reviving' | 'done'>()

  /** `startedAtMs` null: this owner replaces nobody. */
  constructor(startedAtMs: number | null) {
    this.#startedAtMs = startedAtMs
  }

  translate(batch: readonly Publication[], nowMs: number): readonly Publication[] {
    const startedAtMs = this.#startedAtMs
    if (startedAtMs === null) return batch
    const isEarly = nowMs - startedAtMs < REVIVAL_MS
    if (!isEarly && !batch.some(({ streamId }) => this.#streams.get(streamId) === 'reviving')) return batch
    return batch.map((publication) => this.#translateOne(publication, isEarly))
  }

  #translateOne(publication: Publication, isEarly: boolean): Publication {
    const { streamId } = publication
    const state = this.#streams.get(streamId)
    if (publication.kind === 'phase' && publication.phase === 'starting' && state !== 'done') {
      if (!isEarly && state === undefined) return publication
      this.#streams.set(streamId, 'reviving')
      return { ...publication, phase: 'reviving' }
    }
    if (publication.kind === 'reset' && state === 'reviving') {
      this.#streams.set(streamId, 'done')
      return { kind: 'renew', streamId }
    }
    if (publication.kind === 'phase' && publication.phase === 'offline') this.#streams.set(streamId, 'done')
    return publication
  }
}
