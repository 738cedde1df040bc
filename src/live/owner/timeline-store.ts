// Reads and makes timeline entries in a store, so that origins agree. Live never waits for it longer than a second.
import { MirrorError } from '../../core/errors.ts'
import {
  canAdopt,
  type FirstSight,
  isSameMap,
  type TimelineEntry,
  timelineEntrySchema,
} from '../../media/timeline/entry.ts'
import { parseTimelineDsn, timelineEntryKey, timelinePrefix } from '../../storage/keys.ts'
import type { ObjectKey, ObjectStore } from '../../storage/object-store.ts'

const STORE_TIMEOUT_MS = 1000
const MAX_ENTRY_BYTES = 64 * 1024
/** Losing this many races in a row means something other than a race. */
const MAX_RACES = 8

export interface ResolvedEntry {
  readonly entry: TimelineEntry
  readonly isAdopted: boolean
  /** False: the store did not answer in time and the entry is known to this process alone. */
  readonly isConfirmed: boolean
}

type StreamName = { readonly tenantId: string; readonly id: string }

export type CreateEntry = (newest: TimelineEntry | null, dsn: number) => TimelineEntry

export interface TimelineStore {
  /**
   * The entry for an input as it first shows itself: the newest stored one when it fits, else a new one made by `create`
   * under `dsn` from the newest (null: there is none, or it cannot be read). Of several origins that create at once one
   * wins and the others adopt.
   */
  resolve(stream: StreamName, sight: FirstSight, create: CreateEntry, signal: AbortSignal): Promise<ResolvedEntry>
}

/** `timeoutAfter`: an abort signal after so many milliseconds. */
export function openTimelineStore(
  store: ObjectStore,
  timeoutAfter: (ms: number) => AbortSignal = AbortSignal.timeout,
): TimelineStore {
  /** The newest entry per stream that this process has used; the store may not know it, if it was away then. */
  const lastSeen = new Map<string, TimelineEntry>()

  return {
    async resolve(stream, sight, create, signal) {
      const deadline = AbortSignal.any([signal, timeoutAfter(STORE_TIMEOUT_MS)])
      const newest = lastSeen.get(stream.id) ?? null
      try {
        // The store may hang in a way that ignores the signal (a dead network file system), so the wait itself is raced.
        const resolved = await raceSignal(resolveInStore(store, stream, newest, sight, create, deadline), deadline)
        lastSeen.set(stream.id, resolved.entry)
        return { ...resolved, isConfirmed: true }
      } catch (error) {
        signal.throwIfAborted()
        if (!deadline.aborted && !(error instanceof MirrorError)) throw error
        if (newest !== null && canAdopt(newest, sight)) return { entry: newest, isAdopted: true, isConfirmed: false }
        const entry = create(newest, newest === null ? 0 : newest.dsn + 1)
        lastSeen.set(stream.id, entry)
        return { entry, isAdopted: false, isConfirmed: false }
      }
    },
  }
}

async function resolveInStore(
  store: ObjectStore,
  stream: StreamName,
  local: TimelineEntry | null,
  sight: FirstSight,
  create: CreateEntry,
  signal: AbortSignal,
): Promise<{ readonly entry: TimelineEntry; readonly isAdopted: boolean }> {
  for (let race = 0; race < MAX_RACES; race++) {
    const stored = await readNewest(store, stream, local?.dsn ?? null, signal)
    // Ours is newer when the store was away as it was made, and it is the better base when the stored one is damaged.
    const isLocalNewest = local !== null && (local.dsn > stored.dsn || stored.entry === null)
    const newest = isLocalNewest ? local : stored.entry
    const newestDsn = Math.max(stored.dsn, newest?.dsn ?? -1)
    // Our playlists already use the number for another map: only a new number can tell players of the change.
    const isTaken = newest !== null && local?.dsn === newest.dsn && !isSameMap(local, newest)
    const isAdopted = newest !== null && newest.dsn === newestDsn && !isTaken && canAdopt(newest, sight)
    if (isAdopted && newest.dsn === stored.dsn) return { entry: newest, isAdopted }
    const entry = isAdopted ? newest : create(newest, newestDsn + 1)
    const body = new TextEncoder().encode(JSON.stringify(entry))
    const key = timelineEntryKey(stream.tenantId, stream.id, entry.dsn)
    const won = await store.put(key, body, { signal, contentType: 'application/json', ifAbsent: true })
    if (won !== null) return { entry, isAdopted }
  }
  throw new MirrorError('store_unavailable', `timeline of ${stream.id}: lost ${MAX_RACES} races in a row`)
}

/** `knownDsn`: a number that is probably stored. Walking on from it spares listing years of entries. */
async function readNewest(
  store: ObjectStore,
  stream: StreamName,
  knownDsn: number | null,
  signal: AbortSignal,
): Promise<{ readonly dsn: number; readonly entry: TimelineEntry | null }> {
  const keyOf = (dsn: number) => timelineEntryKey(stream.tenantId, stream.id, dsn)
  let newestDsn = -1
  if (knownDsn !== null && (await store.head(keyOf(knownDsn), { signal })) !== null) {
    newestDsn = knownDsn
    while ((await store.head(keyOf(newestDsn + 1), { signal })) !== null) newestDsn++
  } else {
    for await (const info of store.list(timelinePrefix(stream.tenantId, stream.id), { signal })) {
      newestDsn = Math.max(newestDsn, parseTimelineDsn(info.key) ?? -1)
    }
  }
  if (newestDsn < 0) return { dsn: -1, entry: null }
  return { dsn: newestDsn, entry: await readEntry(store, keyOf(newestDsn), signal) }
}

/** Null when it has gone, is damaged or far too large: then it maps nothing, but its number stays used. */
async function readEntry(store: ObjectStore, key: ObjectKey, signal: AbortSignal): Promise<TimelineEntry | null> {
  const body = await store.get(key, { signal })
  if (body === null) return null
  await using open = body
  if (open.info.sizeBytes > MAX_ENTRY_BYTES) return null
  const chunks: Uint8Array[] = []
  for await (const chunk of open.chunks) chunks.push(chunk)
  return parseEntry(Buffer.concat(chunks).toString('utf8'))
}

function parseEntry(text: string): TimelineEntry | null {
  try {
    return timelineEntrySchema.parse(JSON.parse(text))
  } catch {
    return null
  }
}

async function raceSignal<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => {}) // Reported through the race; a late failure has nobody left to tell.
  let onAbort: () => void = () => {}
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
