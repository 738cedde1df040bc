// An upload while Mirror runs: what is durable of it, and who works on it now.
import { MirrorError } from '../../core/errors.ts'
import type { Upload } from './upload.ts'

interface Work {
  readonly stop: AbortController
  /** Never rejects. */
  readonly done: Promise<void>
}

export interface UploadEntry {
  upload: Upload
  /** The request that writes it. */
  writing: Work | null
  /** Its way into the store. */
  keeping: Work | null
  /** Why it is not in the store although it is whole; it is tried again. */
  failure: { readonly code: string; readonly message: string } | null
  failures: number
  retryAtMs: number
}

export function entryOf(upload: Upload): UploadEntry {
  return { upload, writing: null, keeping: null, failure: null, failures: 0, retryAtMs: 0 }
}

/** Resolves when nobody writes it any more: whoever comes later goes on with it. */
export async function interruptWriting(entry: UploadEntry): Promise<void> {
  while (entry.writing !== null) {
    entry.writing.stop.abort(new MirrorError('upload_superseded', 'Another request goes on with this upload'))
    await entry.writing.done
  }
}
