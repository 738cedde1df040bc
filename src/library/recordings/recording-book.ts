// Recordings of calls as the rest of Mirror changes them: every step goes through here, once, and is told.
import type { Catalog, EventToStore } from '../../catalog/types.ts'
import type { MirrorError } from '../../core/errors.ts'
import type { JobClaim } from '../../jobs/types.ts'
import type { RecordingChange, RecordingRow } from './recording.ts'
import { type RecordingState, statesBefore } from './recording-state.ts'

export const RECORDING_NEWS = ['received', 'stored', 'verified', 'completed', 'failed', 'mismatch', 'deleted'] as const
export type RecordingNewsKind = (typeof RECORDING_NEWS)[number]

export interface RecordingNews {
  readonly kind: RecordingNewsKind
  readonly row: RecordingRow
}

export type PlacedBytes = Pick<
  RecordingChange,
  | 'tier'
  | 'movedToWarmAtMs'
  | 'objectKey'
  | 'format'
  | 'codec'
  | 'contentType'
  | 'sizeBytes'
  | 'sha256'
  | 'original'
  | 'replacedKey'
>

export interface RecordingPath {
  readonly tenantId: string
  readonly id: string
}

const NEWS: Readonly<Record<RecordingState, RecordingNewsKind>> = {
  RECEIVED: 'received',
  STORED: 'stored',
  VERIFIED: 'verified',
  COMPLETED: 'completed',
  FAILED: 'failed',
}

export class RecordingBook {
  readonly #recordings: Catalog['recordings']
  readonly #now: () => number
  readonly #eventOf: ((news: RecordingNews) => EventToStore) | null
  readonly #listeners = new Set<(news: RecordingNews) => void>()

  /** `eventOf`: what is written down of a change, in one transaction with it; omitted: nothing is. */
  constructor(host: {
    readonly recordings: Catalog['recordings']
    readonly eventOf?: (news: RecordingNews) => EventToStore
    readonly now: () => number
  }) {
    this.#recordings = host.recordings
    this.#eventOf = host.eventOf ?? null
    this.#now = host.now
  }

  /** Listeners hear of a change once it is in the catalog. They must not throw. */
  onNews(listener: (news: RecordingNews) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  async get({ tenantId, id }: RecordingPath): Promise<RecordingRow | null> {
    return await this.#recordings.get(tenantId, id)
  }

  async add(row: RecordingRow): Promise<void> {
    await this.#recordings.add(row, this.#written('received'))
    this.#tell('received', row)
  }

  /** Null, and nothing happens, when it cannot become `to`: it was deleted, or somebody else was faster. */
  async move(
    { tenantId, id }: RecordingPath,
    to: RecordingState,
    facts: Omit<RecordingChange, 'status'>,
    claim?: JobClaim,
  ): Promise<RecordingRow | null> {
    const failure = to === 'FAILED' ? {} : { failureCode: null, failure: null }
    const row = await this.#recordings.change(
      tenantId,
      id,
      { ...failure, ...facts, status: to, updatedAtMs: this.#now() },
      {
        from: statesBefore(to),
        ...(claim === undefined ? {} : { claim }),
        tell: (changed) => newsOf(to, changed).flatMap((kind) => this.#written(kind)(changed)),
      },
    )
    if (row === null) return null
    for (const kind of newsOf(to, row)) this.#tell(kind, row)
    return row
  }

  async fail(
    path: RecordingPath,
    error: Pick<MirrorError, 'code' | 'message'>,
    claim?: JobClaim,
  ): Promise<RecordingRow | null> {
    return await this.move(path, 'FAILED', { failureCode: error.code, failure: error.message }, claim)
  }

  /** Its bytes are in another tier now, or others. Null when it was deleted, or another worker has the job. */
  async place({ tenantId, id }: RecordingPath, placed: PlacedBytes, claim: JobClaim): Promise<RecordingRow | null> {
    return await this.#recordings.change(tenantId, id, { ...placed, updatedAtMs: this.#now() }, { claim })
  }

  /** Says that somebody is still at it: what nobody touches any more is given up in time. */
  async touch({ tenantId, id }: RecordingPath): Promise<void> {
    await this.#recordings.change(tenantId, id, { updatedAtMs: this.#now() }, { from: ['RECEIVED'] })
  }

  /** From now on nobody sees it. Null when that was so already. */
  async remove({ tenantId, id }: RecordingPath): Promise<RecordingRow | null> {
    const row = await this.#recordings.remove(tenantId, id, this.#now(), this.#written('deleted'))
    if (row !== null) this.#tell('deleted', row)
    return row
  }

  /** As if it had never been. */
  async forget({ tenantId, id }: RecordingPath): Promise<void> {
    await this.#recordings.forget(tenantId, id)
  }

  #written(kind: RecordingNewsKind): (row: RecordingRow) => readonly EventToStore[] {
    return (row) => (this.#eventOf === null ? [] : [this.#eventOf({ kind, row })])
  }

  #tell(kind: RecordingNewsKind, row: RecordingRow): void {
    for (const listener of this.#listeners) listener({ kind, row })
  }
}

function newsOf(to: RecordingState, { issues }: RecordingRow): readonly RecordingNewsKind[] {
  return to === 'VERIFIED' && issues.length > 0 ? ['verified', 'mismatch'] : [NEWS[to]]
}
