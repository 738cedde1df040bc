import { abortable } from './abortable.ts'

/**
 * `body` in pieces of exactly `partBytes`, the last one shorter; an empty body is one empty piece. Pieces are copies, so
 * memory that the source reuses or shares stays its own. Pulls no further than the piece that is asked for.
 */
export async function* equalParts(
  body: AsyncIterable<Uint8Array> | Uint8Array,
  partBytes: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  let pieces: Uint8Array[] = []
  let size = 0
  let count = 0
  for await (const chunk of abortable(body instanceof Uint8Array ? once(body) : body, signal)) {
    for (let start = 0; start < chunk.byteLength; ) {
      const piece = Uint8Array.from(chunk.subarray(start, start + partBytes - size))
      pieces.push(piece)
      size += piece.byteLength
      start += piece.byteLength
      if (size < partBytes) continue
      yield joined(pieces)
      count += 1
      pieces = []
      size = 0
    }
  }
  if (size > 0 || count === 0) yield joined(pieces)
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [only] = pieces
  return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces)
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield bytes
}
