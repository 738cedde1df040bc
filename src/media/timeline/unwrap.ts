// Wrapping clocks (33-bit MPEG-TS, 32-bit RTMP) made continuous.

/** The value congruent to `raw` modulo 2^wrapBits that lies nearest to `expected`. */
export function unwrapNear(raw: number, expected: number, wrapBits: 32 | 33 | null): number {
  if (wrapBits === null) return raw
  const modulus = 2 ** wrapBits
  return raw + Math.round((expected - raw) / modulus) * modulus
}
