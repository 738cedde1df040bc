// Bringing back a part of a recording that was archived, as a job: it asks, and waits until the store has done it.
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import type { LedgerState } from '../catalog/ledger-entry.ts'
import type { Catalog } from '../catalog/types.ts'
import { streamPathSchema } from '../dvr/care/fsck-job.ts'
import { IndexStore } from '../dvr/index-store.ts'
import type { JobContext, JobKind } from '../jobs/job-runner.ts'
import type { JobPayload } from '../jobs/types.ts'
import type { ObjectKey } from '../storage/object-store.ts'
import type { RestoreState, TieredStore } from '../storage/tiers.ts'
import { recordedObjects } from './recorded-objects.ts'

export const RESTORE_JOB = 'object-restore'

const payloadSchema = z.object({
  stream: streamPathSchema,
  fromMs: z.number().nullable(),
  toMs: z.number(),
  keepMs: z.number().positive(),
})
export type RestorePayload = z.infer<typeof payloadSchema>

/** How often an archive is asked how far it is: a tenth of what it said it takes, within these. */
const POLL_MS = { min: 500, max: 5 * 60_000 }
const LEDGER_BATCH = 64

export interface RestoreJobHost {
  readonly store: TieredStore
  readonly ledger: Catalog['ledger']
  readonly now: () => number
}

export function restoreJob(host: RestoreJobHost): JobKind {
  const { store, now } = host
  return {
    limit: 4,
    async run({ job, signal, progress }: JobContext): Promise<JobPayload> {
      const { stream, fromMs, toMs, keepMs } = payloadSchema.parse(job.payload)
      const call = { signal, keepMs }
      const book = new RestoreBook(host, { streamId: stream.streamId, jobId: job.id, attempt: job.attempt })
      const pending = new Set<ObjectKey>()
      let objects = 0
      let restored = 0
      let untilMs: number | null = null
      let readyAtMs: number | null = null
      const onState = async (key: ObjectKey, state: RestoreState | null): Promise<void> => {
        if (state === null) pending.delete(key) // Deleted meanwhile.
        if (state?.kind === 'restoring') {
          if (!pending.has(key)) await book.write('intent', key)
          pending.add(key)
          readyAtMs = state.readyAtMs === null ? readyAtMs : Math.max(readyAtMs ?? 0, state.readyAtMs)
        }
        if (state?.kind !== 'restored') return
        // What needs no restore is no step.
        if (state.untilMs !== null || pending.has(key)) {
          restored += 1
          untilMs = state.untilMs === null ? untilMs : Math.min(untilMs ?? state.untilMs, state.untilMs)
          await book.write('done', key)
        }
        pending.delete(key)
      }
      const indexes = new IndexStore(store, now)
      for await (const { key } of recordedObjects(indexes, stream, { fromMs, toMs }, call)) {
        objects += 1
        await onState(key, await store.restore(key, call))
        progress({ done: restored, total: null, note: `${objects} objects asked for` })
      }
      const total = restored + pending.size
      while (pending.size > 0) {
        const note = readyAtMs === null ? 'objects restored' : `objects restored, ready at ${isoOf(readyAtMs)}`
        progress({ done: restored, total, note })
        await book.flush()
        const waitMs = ((readyAtMs ?? now() + POLL_MS.max) - now()) / 10
        await delay(Math.min(POLL_MS.max, Math.max(POLL_MS.min, waitMs)), undefined, { signal })
        for (const key of [...pending]) await onState(key, await store.restore(key, call))
      }
      await book.flush()
      return { objects, restored, until: untilMs === null ? null : isoOf(untilMs) }
    },
  }
}

/** Steps of a restore, written together: asking twice costs nothing, so none is lost that matters. */
class RestoreBook {
  readonly #host: RestoreJobHost
  readonly #facts: { readonly streamId: string; readonly jobId: string; readonly attempt: number }
  #entries: Parameters<Catalog['ledger']['append']>[0][number][] = []

  constructor(
    host: RestoreJobHost,
    facts: { readonly streamId: string; readonly jobId: string; readonly attempt: number },
  ) {
    this.#host = host
    this.#facts = facts
  }

  async write(state: LedgerState, key: ObjectKey): Promise<void> {
    this.#entries.push({
      ...{
        action: 'restore',
        state,
        key,
        from: 'archive',
        to: null,
        objects: 1,
        bytes: null,
        sha256: null,
        note: null,
      },
      ...this.#facts,
      atMs: this.#host.now(),
    })
    if (this.#entries.length >= LEDGER_BATCH) await this.flush()
  }

  async flush(): Promise<void> {
    const entries = this.#entries
    this.#entries = []
    await this.#host.ledger.append(entries)
  }
}

function isoOf(atMs: number): string {
  return new Date(atMs).toISOString()
}
