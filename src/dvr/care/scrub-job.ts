// The scrub of recordings as a job.
import { z } from 'zod'
import type { JobContext, JobKind } from '../../jobs/job-runner.ts'
import type { JobPayload } from '../../jobs/types.ts'
import { type CareHost, problemOf, streamPathSchema } from './fsck-job.ts'
import { Pace } from './pace.ts'
import { scrubRecordings } from './scrub.ts'

/** What a scrub reads a second if nobody says otherwise: a fraction of what any disk or store gives. */
export const DEFAULT_SCRUB_BYTES_PER_SEC = 32 * 2 ** 20

const payloadSchema = z.object({
  /** Null: everything. */
  stream: streamPathSchema.nullable(),
  maxBytes: z.number().positive().nullable(),
  bytesPerSec: z.number().positive(),
  after: z.string().nullable(),
})
export type ScrubPayload = z.infer<typeof payloadSchema>

export function scrubJob({ store, now }: CareHost): JobKind {
  return {
    limit: 1,
    async run({ job, signal, progress }: JobContext): Promise<JobPayload> {
      const { bytesPerSec, ...payload } = payloadSchema.parse(job.payload)
      const pace = new Pace(bytesPerSec, () => performance.now())
      const onProgress = (done: number, note: string) => progress({ done, total: null, note })
      const report = await scrubRecordings({ ...payload, store, pace, now, onProgress }, { signal })
      return { ...report, ...problemOf(report, 'nothing was changed') }
    },
  }
}
