// Tells whether two inputs carry the same feed: the same frames under the same timestamps. Pure.
import { crc32 } from 'node:zlib'
import type { InputSample } from '../../media/samples.ts'

/** About ten seconds of 60 fps video with two audio tracks. */
const MAX_PRINTS = 2048
/** So many frames alike are no coincidence, even of digital silence. */
const ENOUGH = 8
/** A feed that loses packets on its way is still the same feed. */
const MAX_DIFFERENT_SHARE = 0.05

export class FeedPrints {
  readonly #prints = new Map<string, number>()

  add({ trackId, dts, data }: InputSample): void {
    const key = `${trackId} ${dts}`
    this.#prints.delete(key)
    this.#prints.set(key, crc32(data))
    if (this.#prints.size <= MAX_PRINTS) return
    for (const oldest of this.#prints.keys()) {
      this.#prints.delete(oldest)
      break
    }
  }

  clear(): void {
    this.#prints.clear()
  }

  isSameFeedAs(other: FeedPrints): boolean {
    let alike = 0
    let different = 0
    for (const [key, print] of this.#prints) {
      const theirs = other.#prints.get(key)
      if (theirs === print) alike++
      else if (theirs !== undefined) different++
    }
    return alike >= ENOUGH && different <= alike * MAX_DIFFERENT_SHARE
  }
}
