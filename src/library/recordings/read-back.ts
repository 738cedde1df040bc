// The bytes of a recording out of the store, into a file, and judged on the way.
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { MirrorError } from '../../core/errors.ts'
import { parseObjectKey } from '../../storage/keys.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { SNIFF_BYTES } from '../intake/sniff.ts'
import type { RecordingIssue, RecordingRow } from './recording.ts'

export interface Copy {
  readonly sizeBytes: number
  readonly sha256: string
  /** Its beginning, enough to tell what it is. */
  readonly head: Uint8Array
}

/** Throws `recording_bytes_missing`, `store_unavailable`, `object_archived`. */
export async function readBack(
  store: Pick<ObjectStore, 'get'>,
  row: RecordingRow,
  file: string,
  signal: AbortSignal,
): Promise<Copy> {
  const key = parseObjectKey(row.objectKey)
  await using body = key === null ? null : await store.get(key, { signal })
  if (body === null) throw new MirrorError('recording_bytes_missing', `The store has no ${row.objectKey}`)
  const hash = createHash('sha256')
  let head: Buffer = Buffer.alloc(0)
  let sizeBytes = 0
  const handle = await open(file, 'w', 0o600)
  try {
    for await (const chunk of body.chunks) {
      hash.update(chunk)
      if (sizeBytes < SNIFF_BYTES) head = Buffer.concat([head, chunk.subarray(0, SNIFF_BYTES - sizeBytes)])
      sizeBytes += chunk.byteLength
      for (let at = 0; at < chunk.byteLength; ) at += (await handle.write(chunk, at)).bytesWritten
    }
  } finally {
    await handle.close()
  }
  return { sizeBytes, sha256: hash.digest('hex'), head }
}

/** What differs from what came in. Throws `recording_damaged`, but of a recount tells it as an issue. */
export function judgeCopy(row: RecordingRow, copy: Copy, isRecount: boolean): readonly RecordingIssue[] {
  if (row.sha256 === null || row.sha256 === copy.sha256) return []
  const message = `${row.sizeBytes} bytes with SHA-256 ${row.sha256} came in, ${copy.sizeBytes} with ${copy.sha256} are there`
  if (!isRecount) throw new MirrorError('recording_damaged', message)
  return [{ kind: 'checksum', message }]
}
