// Bits of a codec header, most significant first, with the Exp-Golomb codes of ISO 14496-10 9.1.
import { MirrorError } from '../../core/errors.ts'

/** Reads an RBSP or any other bit string. Reading past the end throws `ingest_malformed`, so every parse loop ends. */
export class BitReader {
  readonly #bytes: Uint8Array
  #bitPosition = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get bitsLeft(): number {
    return this.#bytes.length * 8 - this.#bitPosition
  }

  get bitPosition(): number {
    return this.#bitPosition
  }

  /** `count` is at most 32. */
  bits(count: number): number {
    if (count > this.bitsLeft) throw new MirrorError('ingest_malformed', 'a codec header ends early')
    let value = 0
    let left = count
    while (left > 0) {
      const offset = this.#bitPosition & 7
      const take = Math.min(8 - offset, left)
      const byte = this.#bytes[this.#bitPosition >>> 3] ?? 0
      value = value * 2 ** take + ((byte >>> (8 - offset - take)) & ((1 << take) - 1))
      this.#bitPosition += take
      left -= take
    }
    return value
  }

  flag(): boolean {
    return this.bits(1) === 1
  }

  skip(count: number): void {
    if (count > this.bitsLeft) throw new MirrorError('ingest_malformed', 'a codec header ends early')
    this.#bitPosition += count
  }

  alignToByte(): void {
    this.#bitPosition = (this.#bitPosition + 7) & ~7
  }

  /** ue(v) */
  unsignedGolomb(): number {
    let zeros = 0
    while (!this.flag()) {
      zeros += 1
      if (zeros > 32) throw new MirrorError('ingest_malformed', 'a codec header holds an impossible number')
    }
    return zeros === 0 ? 0 : 2 ** zeros - 1 + this.bits(zeros)
  }

  /** se(v) */
  signedGolomb(): number {
    const code = this.unsignedGolomb()
    return code % 2 === 0 ? -code / 2 : (code + 1) / 2
  }
}

/** The payload of a NAL unit without its emulation prevention bytes (00 00 03 → 00 00), header included. */
export function removeEmulationPrevention(nal: Uint8Array): Uint8Array {
  const out = new Uint8Array(nal.length)
  let length = 0
  let zeros = 0
  for (const byte of nal) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0
      continue
    }
    zeros = byte === 0 ? zeros + 1 : 0
    out[length] = byte
    length += 1
  }
  return out.subarray(0, length)
}
