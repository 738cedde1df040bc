// Puts RTP packets back into order within a small window; what does not come is given up and counted.
import type { RtpPacket } from './rtp-packet.ts'

/** Packets held back at most while one is missing: about 50 ms of a 10 Mbit/s stream. */
const MAX_HELD = 48
/** A step beyond this is a restarted sender, not loss. */
const MAX_STEP = 3000

export interface RtpReorderEvents {
  onPayload(payload: Uint8Array): void
  onLost(packets: number): void
}

export class RtpReorder {
  readonly #events: RtpReorderEvents
  #ssrc: number | null = null
  #next = 0
  readonly #held = new Map<number, Uint8Array>()

  constructor(events: RtpReorderEvents) {
    this.#events = events
  }

  push({ sequence, ssrc, payload }: RtpPacket): void {
    const step = (sequence - this.#next + 0x10000) & 0xffff
    const isBehind = step >= 0x8000
    const distance = isBehind ? 0x10000 - step : step
    if (this.#ssrc !== ssrc || distance > MAX_STEP) {
      this.flush()
      this.#ssrc = ssrc
      this.#next = sequence
    } else if (isBehind) {
      return // A duplicate, or too late: its place was given up.
    }
    this.#held.set(sequence, payload)
    this.#release()
    while (this.#held.size > MAX_HELD) this.#giveUp()
  }

  /** Hands out everything that is held, gaps or not. */
  flush(): void {
    while (this.#held.size > 0) this.#giveUp()
  }

  #release(): void {
    for (let payload = this.#held.get(this.#next); payload !== undefined; payload = this.#held.get(this.#next)) {
      this.#held.delete(this.#next)
      this.#next = (this.#next + 1) & 0xffff
      this.#events.onPayload(payload)
    }
  }

  #giveUp(): void {
    let lost = 0
    while (!this.#held.has(this.#next)) {
      this.#next = (this.#next + 1) & 0xffff
      lost++
    }
    if (lost > 0) this.#events.onLost(lost)
    this.#release()
  }
}
