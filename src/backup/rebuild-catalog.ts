// Without any backup: the streams that have recordings come back from the store, so that all of them play again.
import type { Catalog, PublishKeyRow, StreamRow } from '../catalog/types.ts'
import { isMirrorError } from '../core/errors.ts'
import { isStreamId } from '../core/stream-id.ts'
import { IndexStore } from '../dvr/index-store.ts'
import { recordedStreams } from '../dvr/recorded-streams.ts'
import type { StreamIndex } from '../dvr/stream-index.ts'
import { DEFAULT_STREAM_SETTINGS, MAX_RETENTION_MS, type StreamSettings } from '../live/settings.ts'
import { HOUR_MS, hourStartMs } from '../storage/keys.ts'
import type { ObjectStore, StoreCall } from '../storage/object-store.ts'

export interface RebuildHost {
  readonly store: ObjectStore
  readonly streams: Catalog['streams']
  /** A key that nobody knows yet. */
  readonly newKey: (streamId: string) => PublishKeyRow
  readonly now: () => number
}

export interface RebuiltStream {
  readonly streamId: string
  readonly tenantId: string
  readonly tracks: readonly string[]
  /** Hours with media; null: the index cannot be read. */
  readonly recorded: { readonly fromMs: number; readonly toMs: number } | null
}

export interface RebuiltCatalog {
  readonly added: readonly RebuiltStream[]
  /** Streams that the catalog has; they were left as they are. */
  readonly present: number
  /** What could not be brought back, or not as a whole. */
  readonly problems: readonly string[]
}

/**
 * Adds the recorded streams that the catalog has not; changes nothing that is there, so it can be repeated. Rejects with
 * `store_unavailable` or `database_unavailable`; what was added until then stays.
 */
export async function rebuildCatalog(
  { store, streams, newKey, now }: RebuildHost,
  call: StoreCall,
): Promise<RebuiltCatalog> {
  const indexes = new IndexStore(store, now)
  const added: RebuiltStream[] = []
  const problems: string[] = []
  let present = 0
  for await (const { tenantId, streamId } of recordedStreams(store, call)) {
    const where = `dvr/${tenantId}/${streamId}`
    const known = await streams.get(streamId)
    if (known !== null) {
      if (known.tenantId === tenantId) present += 1
      else problems.push(`${where}: a stream of this id belongs to the tenant ${known.tenantId}`)
      continue
    }
    const { index, problem } = await readIndex(indexes, { tenantId, streamId }, call)
    if (problem !== null) problems.push(`${where}: ${problem}`)
    if (index === 'missing') continue
    await streams.create(rebuiltStream({ tenantId, streamId }, index, now()), newKey(streamId))
    added.push({ streamId, tenantId, tracks: Object.keys(index?.tracks ?? {}), recorded: index && hoursOf(index) })
  }
  return { added, present, problems }
}

/** `index` null: it is damaged. The stream is worth having again nevertheless: with its index restored it plays. */
async function readIndex(
  indexes: IndexStore,
  stream: { readonly tenantId: string; readonly streamId: string },
  call: StoreCall,
): Promise<{ readonly index: StreamIndex | 'missing' | null; readonly problem: string | null }> {
  if (!isStreamId(stream.streamId)) return { index: 'missing', problem: 'this is no id of a stream' }
  try {
    const index = await indexes.stream(stream, call)
    return index === null ? { index: 'missing', problem: 'it has no index.json' } : { index, problem: null }
  } catch (error) {
    if (!isMirrorError(error, 'index_damaged')) throw error
    return { index: null, problem: error.message }
  }
}

/** What the index tells, else defaults. Nothing expires: how long recordings were to be kept, only the catalog knew. */
function rebuiltStream(
  { tenantId, streamId }: { readonly tenantId: string; readonly streamId: string },
  index: StreamIndex | null,
  nowMs: number,
): StreamRow {
  const { segmentMs, dvr } = DEFAULT_STREAM_SETTINGS
  const settings: StreamSettings = {
    ...DEFAULT_STREAM_SETTINGS,
    segmentMs: (index && segmentMsOf(index)) ?? segmentMs,
    dvr: { ...dvr, isEnabled: true, retentionMs: MAX_RETENTION_MS },
  }
  const createdAtMs = (index && hoursOf(index))?.fromMs ?? nowMs
  return { id: streamId, tenantId, name: '', settings, createdAtMs, updatedAtMs: nowMs }
}

function hoursOf({ tracks }: StreamIndex): RebuiltStream['recorded'] {
  const hours = Object.values(tracks)
    .flatMap((track) => track.hours)
    .sort()
  const [first] = hours
  const last = hours.at(-1)
  if (first === undefined || last === undefined) return null
  return { fromMs: hourStartMs(first), toMs: hourStartMs(last) + HOUR_MS }
}

/** The cell is the length that was asked for, rounded to whole frames: asked for, it gives the same cell. */
function segmentMsOf({ tracks }: StreamIndex): number | null {
  const all = Object.values(tracks).map(({ facts }) => facts)
  const facts = all.find(({ kind }) => kind === 'video') ?? all[0]
  if (facts === undefined) return null
  return Math.min(10_000, Math.max(300, Math.round((1000 * facts.cell.num) / facts.cell.den)))
}
