// Moving a part of a recording to another tier, as a job.
import { z } from 'zod'
import { streamPathSchema } from '../dvr/care/fsck-job.ts'
import { IndexStore } from '../dvr/index-store.ts'
import type { JobContext, JobKind } from '../jobs/job-runner.ts'
import type { JobPayload } from '../jobs/types.ts'
import { parseObjectKey } from '../storage/keys.ts'
import { TIERS, type TieredStore } from '../storage/tiers.ts'
import { type MoveReport, type MoverHost, moveObjects } from './object-mover.ts'
import { type RecordedObject, recordedObjects } from './recorded-objects.ts'

export const MOVE_JOB = 'object-move'

const payloadSchema = z.object({
  stream: streamPathSchema,
  tier: z.enum(TIERS),
  fromMs: z.number().nullable(),
  toMs: z.number(),
})
export type MovePayload = z.infer<typeof payloadSchema>

export interface MoveJobHost extends MoverHost {
  readonly store: TieredStore
}

export function moveJob(host: MoveJobHost): JobKind {
  return {
    limit: 1,
    async run({ job, claim, signal, progress }: JobContext): Promise<JobPayload> {
      const { stream, tier: to, fromMs, toMs } = payloadSchema.parse(job.payload)
      const call = { signal }
      const done = new Set(await host.ledger.keysOf(job.id, 'done'))
      const open = (await host.ledger.keysOf(job.id, 'open')).flatMap((text) => {
        const key = parseObjectKey(text)
        return key === null ? [] : [{ key, sha256: null }]
      })
      const indexes = new IndexStore(host.store, host.now)
      const order = { to, streamId: stream.streamId, claim, attempt: job.attempt }
      // What an earlier attempt has begun comes first: it may lie in two tiers.
      const onProgress = (count: number, note: string) => progress({ done: done.size + count, total: null, note })
      const resumed = await moveObjects(host, open, { ...order, onProgress }, call)
      for (const { key } of open) done.add(key)
      const rest = without(recordedObjects(indexes, stream, { fromMs, toMs }, call), done)
      const report = await moveObjects(host, rest, { ...order, onProgress }, call)
      const earlier = done.size - open.length
      const sum = added(resumed, report, earlier)
      return { ...sum, tier: to, ...problemOf(sum) }
    },
  }
}

async function* without(objects: AsyncIterable<RecordedObject>, done: ReadonlySet<string>) {
  for await (const object of objects) if (!done.has(object.key)) yield object
}

/** `earlier`: moved by attempts before this one. */
function added(a: MoveReport, b: MoveReport, earlier: number): MoveReport {
  return {
    moved: earlier + a.moved + b.moved,
    bytes: a.bytes + b.bytes,
    alreadyThere: a.alreadyThere + b.alreadyThere,
    gone: a.gone + b.gone,
    failed: a.failed + b.failed,
    failures: [...a.failures, ...b.failures],
  }
}

/** One sentence in a result makes the end of a job an event that asks for attention. */
function problemOf({ failed, failures }: MoveReport): { readonly problem?: string } {
  const [first] = failures
  if (first === undefined) return {}
  return { problem: `${failed} objects were not moved; first: ${first.message}` }
}
