// Objects that others put below a watched prefix. Types and pure decisions.
import type { ObjectKey } from '../../storage/object-store.ts'

/** What was taken of an object, so that it is taken once. */
export interface IncomingRow {
  readonly key: ObjectKey
  readonly tenantId: string
  readonly etag: string
  /** Of the newest notification about it; null: it was found in a listing. */
  readonly sequencer: string | null
  readonly takenAtMs: number
}

export interface IncomingPlace {
  readonly tenantId: string
  readonly folder: string
  readonly name: string
}

/** Null: nothing that is taken. `<prefix><tenant>/<folder>/<name>`; what is being written, by its name, waits for its last one. */
export function placeOf(key: string, prefix: string): IncomingPlace | null {
  if (!key.startsWith(prefix)) return null
  const [tenantId = '', ...rest] = key.slice(prefix.length).split('/')
  const name = rest.pop() ?? ''
  if (tenantId === '' || name === '' || /^\.|~$|\.(?:part|partial|filepart|crdownload|tmp|temp)$/i.test(name))
    return null
  return { tenantId, folder: rest.join('/'), name }
}

/**
 * Of one key the later event has the larger sequencer: the shorter is filled up with zeros, then they are compared as texts
 * (docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html, 2026-11).
 */
export function isLater(sequencer: string, than: string): boolean {
  const length = Math.max(sequencer.length, than.length)
  return sequencer.padEnd(length, '0') > than.padEnd(length, '0')
}

/** Whether a notification, or a listing without a sequencer, tells of something that was not taken yet. */
export function isNews(
  seen: { readonly etag: string; readonly sequencer: string | null },
  row: IncomingRow | null,
): boolean {
  if (row === null) return true
  if (seen.sequencer !== null && row.sequencer !== null && !isLater(seen.sequencer, row.sequencer)) return false
  return seen.etag !== row.etag
}
