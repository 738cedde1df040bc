// The check of recordings as a job: what it is asked, and what people are told of it.
import { z } from 'zod'
import type { JobContext, JobKind } from '../../jobs/job-runner.ts'
import type { JobPayload } from '../../jobs/types.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import type { Finding, FindingCounts } from './finding.ts'
import { checkRecordings } from './fsck.ts'
import type { StreamPath } from './walk-recordings.ts'

export const DEFAULT_GRACE_MS = 3_600_000

export const streamPathSchema = z.object({ tenantId: z.string().min(1), streamId: z.string().min(1) })

const payloadSchema = z.object({
  /** Null: everything. */
  stream: streamPathSchema.nullable(),
  repair: z.boolean(),
  graceMs: z.number().nonnegative(),
})
export type FsckPayload = z.infer<typeof payloadSchema>

export interface CareHost {
  readonly store: ObjectStore
  /** Every stream of the catalog. */
  readonly streams: () => Promise<readonly StreamPath[]>
  readonly now: () => number
}

export function fsckJob({ store, streams, now }: CareHost): JobKind {
  return {
    limit: 1,
    async run({ job, signal, progress }: JobContext): Promise<JobPayload> {
      const payload = payloadSchema.parse(job.payload)
      const known = new Set((await streams()).map(nameOf))
      const isKnown = (stream: StreamPath) => known.has(nameOf(stream))
      const onProgress = (done: number, note: string) => progress({ done, total: null, note })
      const report = await checkRecordings({ ...payload, store, isKnown, now, onProgress }, { signal })
      return { ...report, ...problemOf(report, payload.repair ? 'repaired as far as possible' : 'not repaired') }
    },
  }
}

/** One sentence in a result makes the end of a job an event that asks for attention. */
export function problemOf(
  { counts, findings }: { readonly counts: FindingCounts; readonly findings: readonly Finding[] },
  then: string,
): { readonly problem?: string } {
  if (counts.error + counts.warning === 0) return {}
  const first = findings.find(({ severity }) => severity !== 'info')
  const example = first === undefined ? '' : `; first: ${first.key}: ${first.message}`
  return { problem: `${counts.error} errors and ${counts.warning} warnings in recordings, ${then}${example}` }
}

function nameOf({ tenantId, streamId }: StreamPath): string {
  return `${tenantId}/${streamId}`
}
