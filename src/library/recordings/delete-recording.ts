// Takes a recording away for good: nobody sees it any more, then its bytes go, and the ledger says so.
import type { LedgerEntry } from '../../catalog/ledger-entry.ts'
import type { Catalog } from '../../catalog/types.ts'
import type { JobRow } from '../../jobs/types.ts'
import { callRecordingPrefix } from '../../storage/keys.ts'
import type { ObjectInfo, ObjectStore } from '../../storage/object-store.ts'
import type { RecordingBook, RecordingPath } from './recording-book.ts'

export interface DeleterHost {
  readonly book: RecordingBook
  readonly store: ObjectStore
  readonly ledger: Pick<Catalog['ledger'], 'append'>
  readonly now: () => number
}

/** May be repeated: what is gone already counts as nothing. */
export async function deleteRecording(
  { book, store, ledger, now }: DeleterHost,
  path: RecordingPath,
  { job, signal }: { readonly job: Pick<JobRow, 'id' | 'attempt'>; readonly signal: AbortSignal },
): Promise<{ readonly objects: number; readonly bytes: number }> {
  await book.remove(path)
  const found: ObjectInfo[] = []
  const prefix = callRecordingPrefix(path.tenantId, path.id)
  for await (const info of store.list(prefix, { signal })) found.push(info)
  const bytes = found.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  if (found.length === 0) return { objects: 0, bytes }
  const entry: Omit<LedgerEntry, 'state' | 'atMs'> = {
    action: 'delete',
    ...{ key: prefix, streamId: null, from: null, to: null, objects: found.length, bytes },
    ...{ sha256: null, jobId: job.id, attempt: job.attempt, note: 'a recording of a call was deleted' },
  }
  await ledger.append([{ ...entry, state: 'intent', atMs: now() }])
  await store.delete(
    found.map(({ key }) => key),
    { signal },
  )
  await ledger.append([{ ...entry, state: 'done', atMs: now() }])
  return { objects: found.length, bytes }
}
