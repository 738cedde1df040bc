// Every shape of recordings of calls that crosses the API.
import { z } from 'zod'
import { RECORDING_STATES } from '../library/recordings/recording-state.ts'
import { TIERS } from '../storage/tiers.ts'

export const DEFAULT_LINK_SEC = 3600
export const MAX_LINK_SEC = 7 * 86_400
const MAX_PAGE = 100_000
export const MAX_METADATA_BYTES = 16 * 1024

const callIdSchema = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}]*$/u, 'must have no control characters')
const formatSchema = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9.+/-]+$/, 'must be a short name such as wav')

/** What may be said of a recording, in a form or in JSON. */
export const recordingFieldsSchema = z.strictObject({
  callId: callIdSchema.meta({ description: 'Of the PBX', example: '7f1c2d3e-call' }),
  legId: callIdSchema.optional().meta({ description: 'One side of the call, where each has a recording of its own' }),
  format: formatSchema.optional().meta({ description: 'Default: as the bytes show, then wav', example: 'wav' }),
  duration: z
    .number()
    .min(0)
    .max(31_536_000)
    .optional()
    .meta({ description: 'Seconds that the call lasted: a recording that is shorter is reported as truncated' }),
  channels: z.int().min(1).max(64).optional().meta({ description: 'How many there should be' }),
  metadata: z
    .record(z.string(), z.unknown())
    .refine((metadata) => Buffer.byteLength(JSON.stringify(metadata)) <= MAX_METADATA_BYTES, {
      error: `must be at most ${MAX_METADATA_BYTES} bytes of JSON`,
    })
    .optional()
    .meta({ description: 'Anything to be kept with it; in a form, as JSON text' }),
})

export const pullRecordingSchema = recordingFieldsSchema.extend({
  url: z
    .string()
    .max(2048)
    .refine(isHttpUrl, { error: 'must be an http:// or https:// address' })
    .meta({ description: 'Where the PBX hands it out', example: 'https://pbx.example/recordings/7.wav' }),
})

function isHttpUrl(text: string): boolean {
  const protocol = URL.parse(text)?.protocol
  return (protocol === 'http:' || protocol === 'https:') && !/\p{Cc}|\s/u.test(text)
}

/** For the description of the route alone: which of the two it is, its Content-Type says. */
export const uploadRecordingSchema = recordingFieldsSchema
  .extend({
    url: z.string().optional().meta({ description: 'JSON only: Mirror pulls it from there' }),
    file: z
      .string()
      .optional()
      .meta({ description: 'Form only: the recording; fields may stand before and behind it' }),
  })
  .meta({ id: 'RecordingUpload' })

export const recordingStatusSchema = z.enum(RECORDING_STATES)

export const recordingIssueSchema = z.object({
  kind: z.enum(['truncated', 'longer', 'channels', 'format', 'checksum']),
  message: z.string(),
})

export const recordingSchema = z
  .object({
    id: z.string(),
    tenant: z.string(),
    callId: z.string(),
    legId: z.string().nullable(),
    status: recordingStatusSchema,
    failure: z.object({ code: z.string(), message: z.string() }).nullable().meta({ description: 'Why it failed' }),
    sourceUrl: z.string().nullable().meta({ description: 'Where it was pulled from, without its secrets' }),
    storageKey: z.string(),
    fileName: z.string().nullable().meta({ description: 'As the sender named it' }),
    expected: z
      .object({
        format: z.string().nullable(),
        durationSec: z.number().nullable(),
        channels: z.number().nullable(),
      })
      .meta({ description: 'What the PBX said' }),
    format: z.string().nullable(),
    contentType: z.string().nullable(),
    codec: z.string().nullable(),
    sizeBytes: z.number().nullable(),
    sha256: z.string().nullable(),
    original: z
      .object({ format: z.string(), codec: z.string(), sizeBytes: z.number(), sha256: z.string() })
      .nullable()
      .meta({ description: 'What came in, where its sound is kept compressed by now; null: that is what is kept' }),
    durationSec: z.number().nullable().meta({ description: 'Of the sound that is there' }),
    channels: z.number().nullable(),
    sampleRateHz: z.number().nullable(),
    truncated: z.boolean().meta({ description: 'Shorter than the call was, as the PBX said' }),
    issues: z.array(recordingIssueSchema).meta({ description: 'How it differs from what the PBX said' }),
    waveform: z.string().nullable().meta({ description: 'Path of its waveform; null: not drawn yet' }),
    tier: z.enum(TIERS),
    policyId: z
      .string()
      .nullable()
      .meta({ description: 'The version of the policy by which it is deleted; null: of the configuration' }),
    metadata: z.record(z.string(), z.unknown()),
    movedToWarmAt: z.iso.datetime().nullable(),
    scheduledDeletionAt: z.iso.datetime().nullable().meta({ description: 'Null: it is kept for ever' }),
    deletedAt: z.iso.datetime().nullable(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Recording' })

export const recordingPageSchema = z.object({
  recordings: z.array(recordingSchema).meta({ description: 'Newest first' }),
  total: z.number().meta({ description: 'That the filters leave, on all pages' }),
  page: z.number().nullable().meta({ description: 'Null when a cursor was given' }),
  limit: z.number(),
  nextCursor: z.string().nullable().meta({ description: 'For the next page; null: there is none' }),
})

export const recordingQuerySchema = z.strictObject({
  page: z.coerce.number().int().min(1).max(MAX_PAGE).optional().meta({ description: 'From 1; default: 1' }),
  cursor: z
    .string()
    .max(200)
    .optional()
    .meta({ description: '`nextCursor` of the page before: pages do not shift while recordings come in' }),
  limit: z.coerce.number().int().min(1).max(500).default(20),
  callId: z.string().min(1).max(200).optional(),
  q: z.string().min(1).max(200).optional().meta({ description: 'What the id of the call or of its leg begins with' }),
  status: z
    .enum([...RECORDING_STATES, 'PROCESSING'])
    .optional()
    .meta({ description: 'PROCESSING: any state before COMPLETED' }),
  from: z.string().max(64).optional().meta({ description: 'Received then or later: ISO 8601, or -24h' }),
  to: z.string().max(64).optional().meta({ description: 'Received before: ISO 8601, or -24h' }),
})

export const recordingLinkQuerySchema = z.strictObject({
  expiresIn: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_LINK_SEC)
    .default(DEFAULT_LINK_SEC)
    .meta({ description: 'Seconds, at most seven days' }),
})
export const recordingLinkSchema = z
  .object({
    url: z.string().meta({ description: 'Whoever has it may read the recording until it expires' }),
    expiresIn: z.number().meta({ description: 'Seconds' }),
    expiresAt: z.iso.datetime(),
  })
  .meta({ id: 'RecordingLink' })

export const waveformSchema = z
  .object({
    version: z.number(),
    durationSec: z.number(),
    sampleRateHz: z.number(),
    channels: z.number(),
    samplesPerPeak: z.number().meta({ description: 'That one peak stands for; the last may stand for fewer' }),
    length: z.number().meta({ description: 'Peaks of each channel' }),
    data: z
      .array(z.number())
      .meta({ description: '−128 to 127: lowest and highest of channel 1, of channel 2, then those of the next peak' }),
  })
  .meta({ id: 'Waveform' })

export const backfillRecordingsSchema = z.strictObject({
  limit: z.int().min(1).max(1000).default(100).meta({ description: 'How many at most, the oldest first' }),
})
export const backfillStartedSchema = z
  .object({ started: z.number(), ids: z.array(z.string()) })
  .meta({ id: 'RecordingBackfill' })

export type RecordingFields = z.infer<typeof recordingFieldsSchema>
export type RecordingView = z.infer<typeof recordingSchema>
export type RecordingPageView = z.infer<typeof recordingPageSchema>
export type RecordingQuery = z.infer<typeof recordingQuerySchema>
export type RecordingLinkView = z.infer<typeof recordingLinkSchema>
export type WaveformView = z.infer<typeof waveformSchema>
export type BackfillStartedView = z.infer<typeof backfillStartedSchema>
