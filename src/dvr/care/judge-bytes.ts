// Compares bytes as they come from a store with what an index says of them. Knows no store.
import { createHash, type Hash } from 'node:crypto'
import type { IndexedSegment } from '../hour-index.ts'

/** A segment whose bytes are not those that were recorded. Range within the object, end exclusive. */
export interface DamagedSegment {
  readonly segment: IndexedSegment
  readonly start: number
  readonly end: number
  readonly cause: 'hash' | 'cut'
}

interface Span {
  readonly segment: IndexedSegment
  readonly start: number
  readonly end: number
}

/** All segments that lie in one object: itself, or a pack, in any order. Push its bytes from the first to the last. */
export class SegmentHasher {
  /** By start; those that are not over. Spans of damaged indexes may overlap. */
  readonly #waiting: Span[]
  #open: { readonly span: Span; readonly hash: Hash }[] = []
  readonly #damaged: DamagedSegment[] = []
  #offset = 0

  constructor(segments: readonly IndexedSegment[]) {
    this.#waiting = segments.map(spanOf).toSorted((left, right) => left.start - right.start)
  }

  push(chunk: Uint8Array): void {
    const end = this.#offset + chunk.length
    for (let next = this.#waiting[0]; next !== undefined && next.start < end; next = this.#waiting[0]) {
      this.#waiting.shift()
      this.#open.push({ span: next, hash: createHash('sha256') })
    }
    this.#open = this.#open.filter(({ span, hash }) => {
      hash.update(chunk.subarray(Math.max(0, span.start - this.#offset), span.end - this.#offset))
      if (span.end > end) return true
      if (hash.digest('hex') !== span.segment.sha256) this.#damaged.push({ ...span, cause: 'hash' })
      return false
    })
    this.#offset = end
  }

  /** After the last byte: what has not come is cut off. By time. */
  finish(): readonly DamagedSegment[] {
    const cut = [...this.#open.map(({ span }) => span), ...this.#waiting]
    const damaged = [...this.#damaged, ...cut.map((span): DamagedSegment => ({ ...span, cause: 'cut' }))]
    return damaged.toSorted((left, right) => left.segment.msn - right.segment.msn)
  }
}

function spanOf(segment: IndexedSegment): Span {
  const { placement, sizeBytes } = segment
  const start = placement?.kind === 'pack' ? placement.offset : 0
  return { segment, start, end: start + sizeBytes }
}
