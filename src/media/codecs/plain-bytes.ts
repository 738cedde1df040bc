/** The same bytes as a plain Uint8Array: `slice` of a Buffer would give a view where a copy is meant. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return Buffer.isBuffer(bytes) ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : bytes
}
