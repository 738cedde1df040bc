/** The media worker that owns a stream: FNV-1a over its id, so that every thread knows without asking. */
export function ownerOf(streamId: string, workers: number): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < streamId.length; index++) {
    hash ^= streamId.charCodeAt(index)
    hash = Math.imul(hash, 0x01000193)
  }
  return (hash >>> 0) % workers
}
