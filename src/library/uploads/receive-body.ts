// Takes the body of one request into an upload, as far as it comes.
import { createHash } from 'node:crypto'
import { MirrorError } from '../../core/errors.ts'
import { orAborted } from '../../storage/abortable.ts'
import type { Checksum } from './tus-headers.ts'
import type { UploadWriter } from './upload-spool.ts'

/** What a crash can make a client send again, at most. */
export const COMMIT_BYTES = 16 * 2 ** 20

export interface ReceiveCall {
  readonly writer: UploadWriter
  readonly lengthBytes: number
  /** Null: what came is kept however the request ends. Else all of it is kept or nothing. */
  readonly checksum: Checksum | null
  /** Longest wait for more. */
  readonly idleMs: number
  readonly signal: AbortSignal
  /** Makes durable that the upload reaches to here; the bytes before are. */
  readonly commit: (offsetBytes: number) => Promise<void>
}

/**
 * Rejects with `upload_length_wrong` (more than was ordered; the excess is not kept), `upload_checksum_wrong`,
 * `upload_paused`, `upload_cut_off`, what the disk throws, or the signal's reason. Before it settles, what is kept has
 * been committed.
 */
export async function receiveBody(body: AsyncIterable<Uint8Array>, call: ReceiveCall): Promise<void> {
  const { writer, checksum, commit } = call
  const startBytes = writer.offsetBytes
  let committedBytes = startBytes
  const commitNow = async (): Promise<void> => {
    if (writer.offsetBytes === committedBytes) return
    await writer.sync()
    await commit(writer.offsetBytes)
    committedBytes = writer.offsetBytes
  }
  const hash = checksum === null ? null : createHash(checksum.algorithm)
  try {
    for await (const chunk of arriving(body, call)) {
      hash?.update(chunk)
      await writer.write(chunk)
      if (hash === null && writer.offsetBytes - committedBytes >= COMMIT_BYTES) await commitNow()
    }
    if (checksum !== null && hash?.digest().equals(checksum.digest) !== true) {
      throw new MirrorError('upload_checksum_wrong', 'The bytes do not have the checksum that came with them')
    }
  } catch (error) {
    if (hash === null) await commitNow()
    else await writer.goBack(startBytes)
    throw error
  }
  await commitNow()
}

/** The chunks as they come, with a name for every way in which they can stop coming. */
async function* arriving(
  body: AsyncIterable<Uint8Array>,
  { writer, lengthBytes, idleMs, signal }: ReceiveCall,
): AsyncGenerator<Uint8Array, void, void> {
  const source = body[Symbol.asyncIterator]()
  const idle = new AbortController()
  const waiting = AbortSignal.any([signal, idle.signal])
  for (;;) {
    const timer = setTimeout(() => {
      idle.abort(new MirrorError('upload_paused', `Nothing came for ${idleMs / 1000} s`))
    }, idleMs)
    let chunk: Uint8Array
    try {
      const { value, done } = await orAborted(source.next(), waiting)
      if (done === true) return
      chunk = value
    } catch (error) {
      waiting.throwIfAborted()
      throw new MirrorError('upload_cut_off', 'The connection broke off', { cause: error })
    } finally {
      clearTimeout(timer)
    }
    if (writer.offsetBytes + chunk.length > lengthBytes) {
      throw new MirrorError('upload_length_wrong', `The upload was announced with ${lengthBytes} bytes; more came`)
    }
    yield chunk
  }
}
