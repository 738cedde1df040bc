// Reads and makes timeline entries in a store, so that origins agree. Live never waits for it longer than a second.
import { MirrorError } from '../../core/errors.ts'
import { canAdopt, type FirstSight, type TimelineEntry, timelineEntrySchema } from '../../media/timeline/entry.ts'
import { timelineEntryKey, timelinePrefix } from '../../storage/keys.ts'
import type { ObjectStore } from '../../storage/object-store.ts'

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

export type CreateEntry = (newest: TimelineEntry | null, dsn: number) => TimelineEntry

export interface TimelineStore {
  /**
   * The entry for an input as it first shows itself: the newest stored one when it fits, else a new one made by `create`
   * under `dsn` from the newest (null: there is none, or it cannot be read). Of several origins that create at once one
   * wins and the others adopt.
   */
  resolve(
    stream: { readonly tenantId: string; readonly id: string },
    sight: FirstSight,
    create: CreateEntry,
    signal: AbortSignal,
  ): Promise<ResolvedEntry>
}

export function openTimelineStore(store: ObjectStore): TimelineStore {
  /** The newest entry per stream that this process has seen: the base for a local one when the store is away. */
  const lastSeen = new Map<string, TimelineEntry>()

  return {
    async resolve(stream, sight, create, signal) {
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(STORE_TIMEOUT_MS)])
      try {
        // The store may hang in a way that ignores the signal (a dead network file system), so the wait itself is raced.
        const resolved = await raceSignal(resolveInStore(store, stream, sight, create, deadline), deadline)
        lastSeen.set(stream.id, resolved.entry)
        return { ...resolved, isConfirmed: true }
      } catch (error) {
        signal.throwIfAborted()
        if (!deadline.aborted && !(error instanceof MirrorError)) throw error
        const newest = lastSeen.get(stream.id) ?? null
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
  stream: { readonly tenantId: string; readonly id: string },
  sight: FirstSight,
  create: CreateEntry,
  signal: AbortSignal,
): Promise<{ readonly entry: TimelineEntry; readonly isAdopted: boolean }> {
  let newest = await readNewest(store, stream, signal)
  for (let race = 0; race < MAX_RACES; race++) {
    if (newest.entry !== null && canAdopt(newest.entry, sight)) return { entry: newest.entry, isAdopted: true }
    const entry = create(newest.entry, newest.dsn + 1)
    const body = new TextEncoder().encode(JSON.stringify(entry))
    const key = timelineEntryKey(stream.tenantId, stream.id, entry.dsn)
    const won = await store.put(key, body, { signal, contentType: 'application/json', ifAbsent: true })
    if (won !== null) return { entry, isAdopted: false }
    newest = await readNewest(store, stream, signal)
  }
  throw new MirrorError('store_unavailable', `timeline of ${stream.id}: lost ${MAX_RACES} races in a row`)
}

async function readNewest(
  store: ObjectStore,
  stream: { readonly tenantId: string; readonly id: string },
  signal: AbortSignal,
): Promise<{ readonly dsn: number; readonly entry: TimelineEntry | null }> {
  let newestDsn = -1
  for await (const info of store.list(timelinePrefix(stream.tenantId, stream.id), { signal })) {
    const dsn = Number(/(\d+)\.json$/.exec(info.key)?.[1] ?? -1)
    newestDsn = Math.max(newestDsn, dsn)
  }
  if (newestDsn < 0) return { dsn: -1, entry: null }
  const body = await store.get(timelineEntryKey(stream.tenantId, stream.id, newestDsn), { signal })
  if (body === null) return { dsn: newestDsn, entry: null }
  await using open = body
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of open.chunks) {
    sizeBytes += chunk.length
    if (sizeBytes > MAX_ENTRY_BYTES)
      throw new MirrorError('store_unavailable', `timeline entry ${newestDsn} of ${stream.id} is too large`)
    chunks.push(chunk)
  }
  return { dsn: newestDsn, entry: parseEntry(Buffer.concat(chunks).toString('utf8')) }
}

/** A damaged entry maps nothing; its number stays used. */
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
