// Gives the recordings that a tenant has already the retention of another policy, as a job: batch by batch, and nothing
// goes within a day that was not to.
import { z } from 'zod'
import type { Catalog } from '../../catalog/types.ts'
import type { JobContext, JobKind } from '../../jobs/job-runner.ts'
import type { JobPayload, NewJob } from '../../jobs/types.ts'
import type { RecordingRow } from './recording.ts'
import type { AppliedPolicy, RecordingPolicies } from './recording-policies.ts'
import { rescheduledAtMs } from './recording-policy.ts'

export const APPLY_POLICY_JOB = 'recording-policy'
const BATCH = 200

const payloadSchema = z.object({
  tenantId: z.string().min(1),
  policyId: z.string().nullable(),
  retentionDays: z.int().min(0),
})

export interface PolicyApplierHost {
  readonly recordings: Pick<Catalog['recordings'], 'list' | 'count' | 'reschedule'>
  readonly policies: Pick<RecordingPolicies, 'tellApplied'>
  readonly now: () => number
}

/** Each order is a job of its own; one that was overtaken by the next stops where it is. */
export function applyPolicyJobOf({ tenantId, own, terms: { retentionDays } }: AppliedPolicy): Omit<NewJob, 'id'> {
  return { kind: APPLY_POLICY_JOB, tenantId, payload: { tenantId, policyId: own?.id ?? null, retentionDays } }
}

export function applyPolicyJob(host: PolicyApplierHost): JobKind {
  return { limit: 1, run: async (context) => await apply(host, context) }
}

async function apply(host: PolicyApplierHost, { job, claim, signal, progress }: JobContext): Promise<JobPayload> {
  const { tenantId, policyId, retentionDays } = payloadSchema.parse(job.payload)
  // What comes in later has come in under the policy.
  const filter = { tenantId, toMs: job.createdAtMs + 1 }
  const total = await host.recordings.count(filter)
  const counts = { recordings: 0, sooner: 0, later: 0 }
  let before: RecordingRow | undefined
  for (;;) {
    signal.throwIfAborted()
    progress({ done: counts.recordings, total, note: 'recordings' })
    const rows = await host.recordings.list({ ...filter, limit: BATCH, ...(before === undefined ? {} : { before }) })
    before = rows.at(-1)
    if (before === undefined) break
    const nowMs = host.now()
    const changes = rows
      .map((row) => ({ row, atMs: rescheduledAtMs(row, { retentionDays }, nowMs) }))
      .filter(({ row, atMs }) => atMs !== row.scheduledDeletionAtMs || policyId !== row.policyId)
    const dates = changes.map(({ row, atMs }) => ({ id: row.id, scheduledDeletionAtMs: atMs }))
    const changed = await host.recordings.reschedule(tenantId, dates, { policyId, updatedAtMs: nowMs, claim })
    if (changed === null) return { ...counts, outcome: 'overtaken by another order' }
    counts.recordings += rows.length
    counts.sooner += changes.filter(({ row, atMs }) => orNever(atMs) < orNever(row.scheduledDeletionAtMs)).length
    counts.later += changes.filter(({ row, atMs }) => orNever(atMs) > orNever(row.scheduledDeletionAtMs)).length
  }
  await host.policies.tellApplied({ jobId: job.id, tenantId, policyId, retentionDays, ...counts })
  return { ...counts, outcome: 'applied' }
}

function orNever(atMs: number | null): number {
  return atMs ?? Number.POSITIVE_INFINITY
}
