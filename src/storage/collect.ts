/** All chunks as one; for small bodies. The copy is the caller's own. */
export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(Uint8Array.from(chunk))
  return Buffer.concat(parts)
}

const CHUNK_BYTES = 64 * 1024

/** Bytes in steps, each a copy, so that an abort is heard in between. */
export async function* slices(bytes: Uint8Array, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
  for (let start = 0; start < bytes.byteLength; start += CHUNK_BYTES) {
    signal.throwIfAborted()
    yield bytes.slice(start, start + CHUNK_BYTES)
  }
}
