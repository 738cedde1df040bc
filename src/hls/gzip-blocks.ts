// One gzip stream (RFC 1952) made of raw deflate blocks that were compressed once and of a tail that is compressed now: a
// playlist of 72 hours costs as much as its newest minutes. Several gzip members would do the same in theory; Chromium
// reads only the first (tried).
import { constants, crc32, deflateRawSync } from 'node:zlib'

/** A text compressed so that others can stand before and behind it. */
export interface DeflatedBlock {
  /** Raw deflate, ends at a byte border, is not the last block, and refers to nothing before it. */
  readonly deflated: Uint8Array
  readonly sizeBytes: number
  readonly crc: number
  /** What the CRC of everything before is multiplied with when this block is put behind it. */
  readonly shift: number
}

const LEVEL = 6
/** No name, no time, unknown system: the same text gives the same bytes. */
const HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff)
const TRAILER_BYTES = 8
/** The polynomial of CRC-32, lowest power at the left. */
const POLYNOMIAL = 0xedb8_8320
const ONE = 0x8000_0000

export function deflateBlock(text: Uint8Array): DeflatedBlock {
  const deflated = deflateRawSync(text, { level: LEVEL, finishFlush: constants.Z_FULL_FLUSH })
  return { deflated, sizeBytes: text.length, crc: crc32(text), shift: powerOfBytes(text.length) }
}

/** `blocks` one after the other, then `tail`, as one gzip stream. */
export function assembleGzip(blocks: readonly DeflatedBlock[], tail: Uint8Array): Buffer {
  const last = deflateRawSync(tail, { level: LEVEL })
  let crc = 0
  let sizeBytes = 0
  for (const block of blocks) {
    crc = multiply(block.shift, crc) ^ block.crc
    sizeBytes += block.sizeBytes
  }
  crc = multiply(powerOfBytes(tail.length), crc) ^ crc32(tail)
  const trailer = Buffer.alloc(TRAILER_BYTES)
  trailer.writeUInt32LE(crc >>> 0, 0)
  trailer.writeUInt32LE((sizeBytes + tail.length) % 2 ** 32, 4)
  return Buffer.concat([HEADER, ...blocks.map(({ deflated }) => deflated), last, trailer])
}

/** Product of two polynomials over GF(2) modulo that of CRC-32. */
function multiply(a: number, b: number): number {
  let product = 0
  let shifted = b
  for (let bit = 31; bit >= 0; bit--) {
    if ((a >>> bit) & 1) product ^= shifted
    shifted = shifted & 1 ? (shifted >>> 1) ^ POLYNOMIAL : shifted >>> 1
  }
  return product >>> 0
}

/** x to the power of eight times `bytes`: appending so many bytes multiplies a CRC with it. */
function powerOfBytes(bytes: number): number {
  let power = ONE
  let square = ONE >>> 8 // x^8
  for (let rest = bytes; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) power = multiply(square, power)
    square = multiply(square, square)
  }
  return power
}
