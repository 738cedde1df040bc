// Jobs as the API shows and starts them.
import { z } from 'zod'
import { JOB_STATES } from '../jobs/types.ts'
import { durationSchema, streamIdSchema } from './shared-fields.ts'

export const jobStateSchema = z.enum(JOB_STATES)

/** Work that outlives a request and a process. */
export const jobSummarySchema = z
  .object({
    id: z.string(),
    kind: z.string(),
    state: jobStateSchema,
    tenant: z.string(),
    input: z.record(z.string(), z.unknown()).meta({ description: 'What it was asked to do' }),
    attempt: z.number().meta({ description: 'Attempts begun, the running one included' }),
    maxAttempts: z.number(),
    runAt: z.iso.datetime().meta({ description: 'Not before this; after a failed attempt, when it is tried again' }),
    owner: z.string().nullable().meta({ description: 'The Mirror that runs it' }),
    cancelRequested: z.boolean(),
    progress: z
      .object({ done: z.number(), total: z.number().nullable(), note: z.string() })
      .nullable()
      .meta({ description: '`total` is null while nobody can know' }),
    failure: z
      .object({ code: z.string(), message: z.string() })
      .nullable()
      .meta({ description: 'Of the last attempt, also while it waits for another' }),
    createdAt: z.iso.datetime(),
    startedAt: z.iso.datetime().nullable(),
    finishedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'JobSummary' })

export const jobSchema = jobSummarySchema
  .extend({ result: z.record(z.string(), z.unknown()).nullable().meta({ description: 'Of a job that is done' }) })
  .meta({ id: 'Job' })

export const jobPageSchema = z.object({
  jobs: z.array(jobSummarySchema).meta({ description: 'Newest first' }),
  /** Pass as `before` for the next, older page; null: there is none. */
  nextBefore: z.string().nullable(),
})

/** Jobs that people may start. */
export const startJobSchema = z
  .discriminatedUnion('kind', [
    z
      .strictObject({
        kind: z.literal('fsck'),
        stream: streamIdSchema.optional().meta({ description: 'Recordings of one stream only' }),
        repair: z.boolean().optional().meta({ description: 'Mend what can be mended; default: only tell' }),
        grace: durationSchema(0, 30 * 86_400_000)
          .optional()
          .meta({ description: 'What is younger may be under way, and is left alone', example: '1h' }),
      })
      .meta({ description: 'Check recordings: do indexes and stored objects fit each other' }),
    z
      .strictObject({
        kind: z.literal('scrub'),
        stream: streamIdSchema.optional().meta({ description: 'Recordings of one stream only' }),
        maxBytes: z.number().int().positive().optional().meta({ description: 'End when so many have been read' }),
        bytesPerSec: z.number().int().min(65_536).optional().meta({ description: 'Default: 33554432' }),
        after: z.string().max(1024).optional().meta({ description: '`next` of an earlier result: go on there' }),
      })
      .meta({ description: 'Read every recorded byte and compare its SHA-256' }),
  ])
  .meta({ id: 'StartJob' })

export const jobQuerySchema = z.strictObject({
  kind: z.string().min(1).max(64).optional(),
  state: jobStateSchema.optional(),
  before: z.string().min(1).max(64).optional().meta({ description: 'Only jobs older than this one' }),
  limit: z.coerce.number().int().min(1).max(500).default(50).meta({ description: 'Jobs per page' }),
})

export type JobView = z.infer<typeof jobSchema>
export type StartJobBody = z.infer<typeof startJobSchema>
export type JobSummaryView = z.infer<typeof jobSummarySchema>
export type JobPageView = z.infer<typeof jobPageSchema>
