// What the API says about stored objects: moving, restoring, explaining.
import { z } from 'zod'
import { LEDGER_STATES } from '../catalog/ledger-entry.ts'
import { TIERS } from '../storage/tiers.ts'
import { durationSchema, streamIdSchema } from './shared-fields.ts'

export const momentSchema = z
  .string()
  .min(1)
  .max(64)
  .meta({ description: 'ISO 8601, seconds or milliseconds since 1970, or negative: before now', example: '-2h' })
const tierSchema = z.enum(TIERS)

export const moveObjectsSchema = z
  .strictObject({
    stream: streamIdSchema,
    tier: tierSchema.meta({
      description: 'Where the media is to be; what is in the archive must be restored to be played',
    }),
    from: momentSchema.optional().meta({ description: 'Default: the begin of the recording' }),
    to: momentSchema.optional().meta({ description: 'Default: as far as hours are over' }),
  })
  .meta({ id: 'MoveObjects' })

export const restoreObjectsSchema = z
  .strictObject({
    stream: streamIdSchema,
    from: momentSchema.optional().meta({ description: 'Default: the begin of the recording' }),
    to: momentSchema.optional().meta({ description: 'Default: now' }),
    keep: durationSchema(3_600_000, 365 * 86_400_000)
      .optional()
      .meta({ description: 'How long it stays readable; default: archive.keepRestored', example: '3d' }),
  })
  .meta({ id: 'RestoreObjects' })

export const explainQuerySchema = z
  .strictObject({
    key: z.string().min(1).max(1024).optional().meta({ description: 'Key of an object in the store' }),
    stream: streamIdSchema.optional(),
    at: momentSchema.optional().meta({ description: 'With stream: a moment of its recording' }),
    track: z.string().min(1).max(64).optional().meta({ description: 'With stream: one track only' }),
  })
  .refine(({ key, stream, at }) => (key === undefined) === (stream !== undefined && at !== undefined), {
    error: 'give either "key", or "stream" and "at"',
  })

const restoreSchema = z.object({
  state: z.enum(['archived', 'restoring', 'restored']),
  readyAt: z.iso.datetime().nullable(),
  until: z.iso.datetime().nullable(),
})

export const explanationSchema = z
  .object({
    key: z.string().nullable().meta({ description: 'Null: it lies in no object' }),
    what: z.string().meta({ description: 'In a sentence: what it is' }),
    stream: z.string().nullable(),
    track: z.string().nullable(),
    from: z.iso.datetime().nullable(),
    to: z.iso.datetime().nullable(),
    segments: z.number().meta({ description: 'That lie in it, by the index' }),
    where: z.enum(['store', 'spool', 'nowhere']),
    object: z
      .object({
        tier: tierSchema,
        storageClass: z.string().nullable(),
        bytes: z.number(),
        modifiedAt: z.iso.datetime(),
        restore: restoreSchema.nullable().meta({ description: 'Null: it can be read as it is' }),
      })
      .nullable(),
    span: z
      .object({ offset: z.number(), length: z.number() })
      .nullable()
      .meta({ description: 'Of one segment within the object or the pack' }),
    dueAt: z.iso
      .datetime()
      .nullable()
      .meta({ description: 'When retention takes it; null: never, or nothing says so' }),
    due: z.string().meta({ description: 'In a sentence: why then' }),
    blocks: z.array(z.string()).meta({ description: 'What keeps it from going, or from being played' }),
    ledger: z.array(
      z.object({
        at: z.iso.datetime(),
        action: z.enum(['move', 'restore', 'delete', 'compress']),
        state: z.enum(LEDGER_STATES),
        key: z.string(),
        from: tierSchema.nullable(),
        to: tierSchema.nullable(),
        bytes: z.number().nullable(),
        job: z.string().nullable(),
        attempt: z.number(),
        note: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'ObjectExplanation' })
export const explanationListSchema = z.object({ objects: z.array(explanationSchema) })

export type MoveObjectsBody = z.infer<typeof moveObjectsSchema>
export type RestoreObjectsBody = z.infer<typeof restoreObjectsSchema>
export type ExplainQuery = z.infer<typeof explainQuerySchema>
export type ExplanationView = z.infer<typeof explanationSchema>
export type ExplanationListView = z.infer<typeof explanationListSchema>
