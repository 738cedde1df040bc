// The shapes of uploads that go past Mirror into the store.
import { z } from 'zod'
import { assetFieldsSchema } from './asset-contract.ts'

/** Of one request; more is asked for. */
export const MAX_PART_URLS = 100
export const MAX_DIRECT_SEC = 12 * 3600

export const beginDirectSchema = assetFieldsSchema.extend({
  name: assetFieldsSchema.shape.name.unwrap(),
  sizeBytes: z.int().min(1).meta({ description: 'Exactly: the store refuses any other length' }),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits')
    .optional()
    .meta({ description: 'Compared with what has come' }),
  parts: z.boolean().default(false).meta({ description: 'In parts, several at once; beyond 5 GiB it always is' }),
  expiresIn: z.int().min(60).max(MAX_DIRECT_SEC).default(3600).meta({ description: 'Seconds that the addresses work' }),
})

const ticketSchema = z.string().min(1).max(100_000).meta({ description: 'As it was given out' })
export const ticketBodySchema = z.strictObject({ ticket: ticketSchema })
export const morePartsSchema = z.strictObject({
  ticket: ticketSchema,
  from: z.int().min(1).max(10_000).meta({ description: 'Number of the first part' }),
})

const partSchema = z.object({
  number: z.number(),
  url: z.string(),
  sizeBytes: z.number().meta({ description: 'Exactly' }),
})

export const directPartsSchema = z.object({ parts: z.array(partSchema), expiresAt: z.iso.datetime() })

export const directUploadSchema = z
  .object({
    ticket: z.string().meta({ description: 'With it the upload is completed' }),
    url: z
      .string()
      .nullable()
      .meta({ description: 'Where the file is put (PUT, nothing but its bytes); null: in parts' }),
    parts: z
      .object({
        count: z.number(),
        partBytes: z.number(),
        first: z.array(partSchema).meta({ description: 'The first hundred; for others ask with the ticket' }),
      })
      .nullable(),
    expiresAt: z.iso.datetime().meta({ description: 'Of the addresses' }),
    completeBy: z.iso.datetime().meta({ description: 'Until then it can be completed; later what was sent goes' }),
  })
  .meta({ id: 'DirectUpload' })

export type BeginDirectOrder = z.output<typeof beginDirectSchema>
export type DirectUploadView = z.infer<typeof directUploadSchema>
export type DirectPartsView = z.infer<typeof directPartsSchema>
