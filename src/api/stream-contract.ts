// Streams as the API shows and takes them: settings, state, keys, slate.
import { z } from 'zod'
import { TRACK_ROLES } from '../media/track-role.ts'
import { dvrSettingsSchema } from './dvr-contract.ts'
import { configuredInputSchema, connectedInputSchema, inputSchema } from './input-contract.ts'
import { durationSchema, languageSchema, streamIdSchema } from './shared-fields.ts'

export const MAX_TRACK_DESCRIPTIONS = 64

/** Null or left out: what the input says. */
export const trackDescriptionSchema = z
  .strictObject({
    id: z
      .string()
      .regex(
        /^(?:[as][0-9]{1,2}|CC[1-4]|SERVICE(?:[1-9]|[1-5][0-9]|6[0-3]))$/,
        'must be a track (a0, s0, …) or a caption channel (CC1, SERVICE1, …)',
      )
      .meta({ example: 'a1' }),
    language: languageSchema.nullish().meta({ description: 'BCP 47', example: 'de' }),
    name: z
      .string()
      .trim()
      .min(1)
      .max(80)
      .regex(/^[^"\p{Cc}]*$/u, 'must have no quotes and no control characters')
      .nullish()
      .meta({ description: 'As players show it', example: 'Kommentar' }),
    role: z.enum(TRACK_ROLES).nullish().meta({ description: 'What the track is for' }),
    default: z.boolean().optional().meta({ description: 'Chosen for viewers without a preference' }),
  })
  .meta({ id: 'TrackDescription' })

export const streamSettingsSchema = z
  .strictObject({
    segment: durationSchema(300, 10_000).meta({
      description: 'Aimed-at segment length; fixed by the first publish of the stream',
      example: '2s',
    }),
    part: durationSchema(80, 1_000).meta({ description: 'Aimed-at part length', example: '200ms' }),
    window: durationSchema(10_000, 300_000).meta({
      description: 'Newest media held in memory and listed',
      example: '30s',
    }),
    grace: durationSchema(0, 86_400_000).meta({
      description: 'How long a silent stream stays up with gaps',
      example: '5m',
    }),
    gop: z.enum(['auto', 'fixed']).meta({ description: 'fixed: keyframes divide the segment length' }),
    tracks: z
      .array(trackDescriptionSchema)
      .max(MAX_TRACK_DESCRIPTIONS)
      .refine((tracks) => new Set(tracks.map(({ id }) => id)).size === tracks.length, {
        error: 'must name each track once',
      })
      .meta({ description: 'Languages, names and roles of tracks; new viewers see them at once' }),
    onBusy: z.enum(['refuse', 'takeover', 'standby']).meta({
      description: 'What happens to a second encoder; standby: it takes over when the one on air falls silent',
    }),
    switchAfter: durationSchema(300, 60_000).meta({
      description: 'Silence of the input on air after which one that stands by takes its place',
      example: '1s',
    }),
    returnAfter: z.union([durationSchema(1_000, 86_400_000), z.literal('never')]).meta({
      description:
        'How long an input that comes earlier in the order must be healthy to be put on air again, or "never"',
      example: '10s',
    }),
  })
  .meta({ id: 'StreamSettings' })

export const createStreamSchema = z.strictObject({
  id: streamIdSchema,
  name: z.string().max(200).optional(),
  settings: streamSettingsSchema.partial().optional(),
  dvr: dvrSettingsSchema.partial().optional(),
})

export const updateStreamSchema = z.strictObject({
  name: z.string().max(200).optional(),
  settings: streamSettingsSchema.partial().optional(),
  dvr: dvrSettingsSchema.partial().optional(),
})

export const streamStatusSchema = z.enum(['offline', 'starting', 'live', 'interrupted', 'ended'])

const percentilesSchema = z.object({ p50: z.number(), p95: z.number() })

export const trackSchema = z
  .object({
    id: z.string(),
    kind: z.enum(['video', 'audio', 'subtitles']),
    codec: z.string(),
    codecString: z.string(),
    widthPx: z.number().nullable(),
    heightPx: z.number().nullable(),
    frameRate: z.number().nullable(),
    sampleRateHz: z.number().nullable(),
    channels: z.number().nullable(),
    language: z.string().nullable(),
    bitrateBps: z.number(),
  })
  .meta({ id: 'Track' })

export const liveStatusSchema = z
  .object({
    startedAt: z.iso.datetime().nullable(),
    input: inputSchema.nullable().meta({ description: 'The input on air' }),
    inputs: z.array(connectedInputSchema).meta({ description: 'The input on air and those that stand by' }),
    tracks: z.array(trackSchema),
    bitrateBps: z.number(),
    fps: z.number(),
    viewers: z.number(),
    packagingMs: percentilesSchema.nullable(),
    latencyMs: percentilesSchema.nullable(),
    discontinuitySequence: z.number(),
    newestMsn: z.number().nullable(),
    keyframeIntervalSec: z.number().nullable(),
    advice: z.array(z.string()),
    drops: z.record(z.string(), z.number()),
    repairs: z.record(z.string(), z.number()),
    slate: z
      .object({
        state: z.enum(['waiting', 'preparing', 'ready', 'failed', 'on_air']),
        error: z.string().nullable(),
      })
      .nullable()
      .meta({ description: 'What is shown while no input brings media; null: gaps' }),
    switches: z.record(z.string(), z.number()).meta({ description: 'Changes of the input on air, by reason' }),
  })
  .meta({ id: 'LiveStatus' })

/** A picture or clip that is shown while no input brings media. */
export const slateSchema = z
  .object({ kind: z.enum(['png', 'jpeg', 'mp4']), sizeBytes: z.number() })
  .meta({ id: 'Slate' })

export const streamSchema = z
  .object({
    id: streamIdSchema,
    tenant: z.string(),
    name: z.string(),
    status: streamStatusSchema,
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    settings: streamSettingsSchema,
    dvr: dvrSettingsSchema,
    /** Newest publish key; null for roles below operator, as is `ingest`. */
    publishKey: z.string().nullable(),
    ingest: z
      .object({
        /** Complete RTMP URL (server and key in one). */
        rtmp: z.string().nullable(),
        rtmpServer: z.string().nullable(),
        rtmpKey: z.string().nullable(),
        srt: z.string().nullable(),
        cmaf: z.string(),
      })
      .nullable(),
    playback: z.object({ hls: z.string(), watch: z.string() }),
    slate: slateSchema.nullable().meta({ description: 'The uploaded picture or clip' }),
    inputs: z.array(configuredInputSchema).meta({ description: 'Configured inputs; empty for roles below operator' }),
    live: liveStatusSchema,
  })
  .meta({ id: 'Stream' })

export const publishKeySchema = z
  .object({ id: z.string(), key: z.string(), createdAt: z.iso.datetime() })
  .meta({ id: 'PublishKey' })

// Lists come in an envelope, so that a page can grow fields without breaking its readers.
export const streamListSchema = z.object({ streams: z.array(streamSchema) })

export const publishKeyListSchema = z.object({ keys: z.array(publishKeySchema).meta({ description: 'Newest first' }) })

export const addPublishKeySchema = z.strictObject({
  rotate: z.boolean().optional().meta({ description: 'true: every other key of the stream stops working' }),
})

export type UpdateStreamBody = z.infer<typeof updateStreamSchema>
export type StreamView = z.infer<typeof streamSchema>
export type LiveView = z.infer<typeof liveStatusSchema>
export type PublishKeyView = z.infer<typeof publishKeySchema>
export type TrackDescriptionView = z.infer<typeof trackDescriptionSchema>
export type StreamSettingsView = z.infer<typeof streamSettingsSchema>
export type CreateStreamBody = z.infer<typeof createStreamSchema>
