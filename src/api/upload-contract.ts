// What the API says about resumable uploads, beside the header fields of tus.
import { z } from 'zod'

export const uploadSchema = z
  .object({
    id: z.string(),
    state: z.enum(['receiving', 'storing', 'done']).meta({
      description: 'receiving: bytes are to come; storing: whole, on its way into the store; done: it is an asset',
    }),
    offsetBytes: z.int().meta({ description: 'How much of it is safe' }),
    lengthBytes: z.int(),
    metadata: z
      .record(z.string(), z.string())
      .meta({ description: 'As the client sent it', example: { filename: 'a.wav' } }),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime().nullable().meta({ description: 'When it goes if nobody continues it; null: it stays' }),
    assetId: z.string().nullable().meta({ description: 'The asset that it has become' }),
    failure: z
      .object({ code: z.string(), message: z.string() })
      .nullable()
      .meta({ description: 'Why it is not stored yet; it is tried again' }),
  })
  .meta({ id: 'Upload' })
export type UploadView = z.infer<typeof uploadSchema>

export const uploadListSchema = z.object({ uploads: z.array(uploadSchema) }).meta({ id: 'UploadList' })
