// Reads and makes timeline entries and their drift points in a store, so that origins agree. Live never waits for it longer
// than a second, not counting time in which Mirror itself stood still.
import { createHash } from 'node:crypto'
import type { z } from 'zod'
import { MirrorError } from '../../core/errors.ts'
import { runningTimeout } from '../../core/running-time.ts'
import { type DriftPoint, driftPointSchema } from '../../media/timeline/drift.ts'
import {
  canAdopt,
  type FirstSight,
  isSameInput,
  isSameMap,
  type TimelineEntry,
  timelineEntrySchema,
} from '../../media/timeline/entry.ts'
import {
  driftPointKey,
  driftPointPrefix,
  parseTimelineDsn,
  timelineEntryKey,
  timelinePrefix,
} from '../../storage/keys.ts'
import type { ObjectKey, ObjectStore } from '../../storage/object-store.ts'

const STORE_TIMEOUT_MS = 1000
const MAX_ENTRY_BYTES = 64 * 1024
/** Losing this many races in a row means something other than a race. */
const MAX_RACES = 8

/** What is appended for drift is not urgent. */
const POINT_TIMEOUT_MS = 10_000

export interface ResolvedEntry {
  readonly entry: TimelineEntry
  /** The newest point that tells how the entry's clock has drifted. */
  readonly point: DriftPoint | null
  readonly isAdopted: boolean
  /** False: the store did not answer in time and the entry is known to this process alone. */
  readonly isConfirmed: boolean
  /** Why it is not confirmed, where the store said it; omitted: it did not answer in time. */
  readonly refusal?: string
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
  /** The newest point of an entry; null when there is none. Rejects with `store_unavailable`. */
  newestPoint(stream: StreamName, entry: TimelineEntry, signal: AbortSignal): Promise<DriftPoint | null>
  /** Appends a point. Of several origins that append one of the same number one wins, and the others get the winner's. */
  appendPoint(
    stream: StreamName,
    entry: TimelineEntry,
    point: DriftPoint,
    signal: AbortSignal,
  ): Promise<DriftPoint | null>
}

/** `timeoutAfter`: an abort signal after so many milliseconds. */
export function openTimelineStore(
  store: ObjectStore,
  timeoutAfter: (ms: number) => AbortSignal = runningTimeout,
): TimelineStore {
  /** The newest entry per stream that this process has used; the store may not know it, if it was away then. */
  const lastSeen = new Map<string, SeenEntry>()

  const notePoint = (stream: StreamName, entry: TimelineEntry, point: DriftPoint | null): DriftPoint | null => {
    const seen = lastSeen.get(stream.id)
    if (seen !== undefined && isSameMap(seen.entry, entry)) lastSeen.set(stream.id, { entry: seen.entry, point })
    return point
  }
  const patiently = <T>(signal: AbortSignal, work: (deadline: AbortSignal) => Promise<T>): Promise<T> => {
    const deadline = AbortSignal.any([signal, timeoutAfter(POINT_TIMEOUT_MS)])
    return raceSignal(work(deadline), deadline)
  }

  return {
    async resolve(stream, sight, create, signal) {
      const deadline = AbortSignal.any([signal, timeoutAfter(STORE_TIMEOUT_MS)])
      const newest = lastSeen.get(stream.id) ?? null
      try {
        // The store may hang in a way that ignores the signal (a dead network file system), so the wait itself is raced.
        const resolved = await raceSignal(resolveInStore(store, stream, newest, sight, create, deadline), deadline)
        lastSeen.set(stream.id, resolved)
        return { ...resolved, isConfirmed: true }
      } catch (error) {
        signal.throwIfAborted()
        if (!deadline.aborted && !(error instanceof MirrorError)) throw error
        const refused = error instanceof MirrorError ? { refusal: error.message } : {}
        if (newest !== null && canAdopt(newest.entry, sight, newest.point)) {
          return { ...newest, isAdopted: true, isConfirmed: false, ...refused }
        }
        const entry = create(newest?.entry ?? null, newest === null ? 0 : newest.entry.dsn + 1)
        lastSeen.set(stream.id, { entry, point: null })
        return { entry, point: null, isAdopted: false, isConfirmed: false, ...refused }
      }
    },
    async newestPoint(stream, entry, signal) {
      const point = await patiently(signal, (deadline) => readNewestPoint(store, stream, entry, deadline))
      return notePoint(stream, entry, point)
    },
    async appendPoint(stream, entry, point, signal) {
      const body = new TextEncoder().encode(JSON.stringify(point))
      const key = driftPointKey(stream.tenantId, stream.id, { dsn: entry.dsn, mapId: mapId(entry) }, point.n)
      const inForce = await patiently(signal, async (deadline) => {
        const won = await store.put(key, body, { signal: deadline, contentType: 'application/json', ifAbsent: true })
        return won === null ? await readNewestPoint(store, stream, entry, deadline) : point
      })
      return notePoint(stream, entry, inForce)
    },
  }
}

interface SeenEntry {
  readonly entry: TimelineEntry
  readonly point: DriftPoint | null
}

async function resolveInStore(
  store: ObjectStore,
  stream: StreamName,
  seen: SeenEntry | null,
  sight: FirstSight,
  create: CreateEntry,
  signal: AbortSignal,
): Promise<SeenEntry & { readonly isAdopted: boolean }> {
  const local = seen?.entry ?? null
  for (let race = 0; race < MAX_RACES; race++) {
    const stored = await readNewest(store, stream, local?.dsn ?? null, signal)
    // Ours is newer when the store was away as it was made, and it is the better base when the stored one is damaged.
    const isLocalNewest = local !== null && (local.dsn > stored.dsn || stored.entry === null)
    const newest = isLocalNewest ? local : stored.entry
    const newestDsn = Math.max(stored.dsn, newest?.dsn ?? -1)
    // Our playlists already use the number for another map: only a new number can tell players of the change.
    const isTaken = newest !== null && local?.dsn === newest.dsn && !isSameMap(local, newest)
    const isCandidate = newest !== null && newest.dsn === newestDsn && !isTaken && isSameInput(newest, sight)
    const point = isCandidate && newest.clock !== 'epoch' ? await readNewestPoint(store, stream, newest, signal) : null
    const isAdopted = isCandidate && canAdopt(newest, sight, point)
    if (isAdopted && newest.dsn === stored.dsn) return { entry: newest, point, isAdopted }
    const entry = isAdopted ? newest : create(newest, newestDsn + 1)
    const body = new TextEncoder().encode(JSON.stringify(entry))
    const key = timelineEntryKey(stream.tenantId, stream.id, entry.dsn)
    const won = await store.put(key, body, { signal, contentType: 'application/json', ifAbsent: true })
    if (won !== null) return { entry, point: isAdopted ? point : null, isAdopted }
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
  return { dsn: newestDsn, entry: await readJson(store, keyOf(newestDsn), timelineEntrySchema, signal) }
}

/** A damaged point is passed over: the one before it holds on. */
async function readNewestPoint(
  store: ObjectStore,
  stream: StreamName,
  entry: TimelineEntry,
  signal: AbortSignal,
): Promise<DriftPoint | null> {
  const prefix = driftPointPrefix(stream.tenantId, stream.id, { dsn: entry.dsn, mapId: mapId(entry) })
  for await (const { key } of store.list(prefix, { signal })) {
    const point = await readJson(store, key, driftPointSchema, signal)
    if (point !== null) return point
  }
  return null
}

/** Tells entries of one number apart, of which two exist when the store was away as one was made. */
function mapId(entry: TimelineEntry): string {
  return createHash('sha256')
    .update(JSON.stringify({ ...entry, createdAtMs: 0 }))
    .digest('hex')
    .slice(0, 12)
}

/** Null when it has gone, is damaged or far too large: then it tells nothing, but its number stays used. */
async function readJson<T>(
  store: ObjectStore,
  key: ObjectKey,
  schema: z.ZodType<T>,
  signal: AbortSignal,
): Promise<T | null> {
  const body = await store.get(key, { signal })
  if (body === null) return null
  await using open = body
  if (open.info.sizeBytes > MAX_ENTRY_BYTES) return null
  const chunks: Uint8Array[] = []
  for await (const chunk of open.chunks) chunks.push(chunk)
  try {
    return schema.parse(JSON.parse(Buffer.concat(chunks).toString('utf8')))
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
