export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** The part of a range that an object of `sizeBytes` has; empty when it starts behind the end. */
export function clipRange(range: ByteRange | undefined, sizeBytes: number): ByteRange {
  if (range === undefined) return { start: 0, end: sizeBytes }
  const { start, end } = range
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start) {
    throw new RangeError(`not a byte range: ${start}–${end}`)
  }
  return { start: Math.min(start, sizeBytes), end: Math.min(end, sizeBytes) }
}
