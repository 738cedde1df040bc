// Every shape that crosses the API, once. Validation, OpenAPI, CLI and console types all derive from here.
import { z } from 'zod'
import { formatDuration, parseDuration } from '../core/duration.ts'
import { STREAM_ID_PATTERN } from '../core/stream-id.ts'
import type { EventType } from '../live/events.ts'

export const streamIdSchema = z
  .string()
  .regex(STREAM_ID_PATTERN, 'must be 1–64 letters, digits or hyphens')
  .meta({ description: 'Stream id: 1–64 characters A–Z a–z 0–9 and hyphen', example: 'studio-1' })

/** A duration as people write it: `200ms`, `2s`, `5m`, `4h`. */
export function durationSchema(minMs: number, maxMs: number) {
  return z.string().refine(
    (text) => {
      const ms = parseDuration(text)
      return ms !== null && ms >= minMs && ms <= maxMs
    },
    { error: `must be a duration such as "2s", from ${formatDuration(minMs)} to ${formatDuration(maxMs)}` },
  )
}

export const streamSettingsSchema = z.strictObject({
  segment: durationSchema(300, 10_000).meta({ description: 'Aimed-at segment length', example: '2s' }),
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
  onBusy: z.enum(['refuse', 'takeover']).meta({ description: 'What happens to a second publisher' }),
})

export const createStreamSchema = z.strictObject({
  id: streamIdSchema,
  name: z.string().max(200).optional(),
  settings: streamSettingsSchema.partial().optional(),
})

export const updateStreamSchema = z.strictObject({
  name: z.string().max(200).optional(),
  settings: streamSettingsSchema.partial().optional(),
})

export const streamStatusSchema = z.enum(['offline', 'starting', 'live', 'interrupted', 'ended'])

const percentilesSchema = z.object({ p50: z.number(), p95: z.number() })

export const trackSchema = z.object({
  id: z.string(),
  kind: z.enum(['video', 'audio']),
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

export const liveStatusSchema = z.object({
  startedAt: z.iso.datetime().nullable(),
  input: z
    .object({
      protocol: z.enum(['rtmp', 'srt', 'cmaf', 'test']),
      connectedAt: z.iso.datetime(),
      receivedBytes: z.number(),
      rttMs: z.number().nullable(),
      packetsLost: z.number().nullable(),
      packetsRetransmitted: z.number().nullable(),
    })
    .nullable(),
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
})

export const streamSchema = z.object({
  id: streamIdSchema,
  tenant: z.string(),
  name: z.string(),
  status: streamStatusSchema,
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  settings: streamSettingsSchema,
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
  live: liveStatusSchema,
})

export const publishKeySchema = z.object({ id: z.string(), key: z.string(), createdAt: z.iso.datetime() })

export const eventSchema = z.object({
  seq: z.number(),
  type: z.string(),
  severity: z.enum(['info', 'warning', 'error']),
  streamId: z.string().nullable(),
  at: z.iso.datetime(),
  code: z.string().nullable(),
  message: z.string(),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
})

export const roleSchema = z.enum(['viewer', 'operator', 'admin'])
export const apiKeySchema = z.object({
  id: z.string(),
  name: z.string(),
  role: roleSchema,
  createdAt: z.iso.datetime(),
  lastUsedAt: z.iso.datetime().nullable(),
})
export const createApiKeySchema = z.strictObject({ name: z.string().min(1).max(100), role: roleSchema })
export const createdApiKeySchema = apiKeySchema.extend({ key: z.string().meta({ description: 'Shown once' }) })

export const loginSchema = z.strictObject({ name: z.string().min(1).max(100), password: z.string().min(1).max(1024) })
export const loginLinkSchema = z.strictObject({ token: z.string().min(1).max(200) })
export const setPasswordSchema = z.strictObject({
  name: z.string().min(1).max(100),
  password: z.string().min(10).max(1024),
})
/** Who asks: a user with a session cookie, or an API key. */
export const meSchema = z.object({
  kind: z.enum(['user', 'key']),
  id: z.string(),
  name: z.string(),
  role: roleSchema,
  /** True after a first-login link, until a password is set. */
  passwordMissing: z.boolean(),
})

export const systemSchema = z.object({
  version: z.string(),
  startedAt: z.iso.datetime(),
  addresses: z.object({
    console: z.string(),
    media: z.string(),
    rtmp: z.string().nullable(),
    srt: z.string().nullable(),
  }),
  database: z.enum(['sqlite', 'postgres']),
  problems: z.array(z.object({ code: z.string(), message: z.string() })),
})

export const metricsStreamsSchema = z.object({
  streams: z.array(
    z.object({
      id: z.string(),
      status: streamStatusSchema,
      viewers: z.number(),
      bitrate_bps: z.number(),
      fps: z.number(),
      /** Milliseconds from the media's own time to its part being fetchable. */
      latency_p50: z.number().nullable(),
      latency_p95: z.number().nullable(),
      drops: z.number(),
    }),
  ),
})

/** RFC 9457. `code` is the catalogue's; `advice` says what to do next. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number(),
  detail: z.string(),
  code: z.string(),
  advice: z.string(),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
})

/** Client to server on /api/v1/ws. Topics: `stream.<id>`, and with a role also `streams` (all streams) and `system`. */
export const wsClientMessageSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('subscribe'),
    data: z.strictObject({ topics: z.array(z.string().max(80)).max(200) }),
  }),
  z.strictObject({
    type: z.literal('unsubscribe'),
    data: z.strictObject({ topics: z.array(z.string().max(80)).max(200) }),
  }),
  z.strictObject({ type: z.literal('ping') }),
])

export type StreamView = z.infer<typeof streamSchema>
export type LiveView = z.infer<typeof liveStatusSchema>
export type EventView = z.infer<typeof eventSchema>
export type PublishKeyView = z.infer<typeof publishKeySchema>
export type ApiKeyView = z.infer<typeof apiKeySchema>
export type CreatedApiKeyView = z.infer<typeof createdApiKeySchema>
export type MeView = z.infer<typeof meSchema>
export type SystemView = z.infer<typeof systemSchema>
export type Problem = z.infer<typeof problemSchema>
export type StreamSettingsView = z.infer<typeof streamSettingsSchema>
export type CreateStreamBody = z.infer<typeof createStreamSchema>
export type WsClientMessage = z.infer<typeof wsClientMessageSchema>

/** Server to client on /api/v1/ws. `stream.status` comes about once a second per subscribed live stream. */
export type WsServerMessage =
  | { readonly type: 'hello'; readonly data: { readonly role: 'viewer' | 'operator' | 'admin' | null } }
  | {
      readonly type: 'subscribed'
      readonly data: { readonly topics: readonly string[]; readonly refused: readonly string[] }
    }
  | {
      readonly type: 'stream.status'
      readonly data: { readonly id: string; readonly status: StreamView['status']; readonly live: LiveView }
    }
  | { readonly type: EventType; readonly data: EventView }
  | { readonly type: 'pong' }
  | { readonly type: 'error'; readonly data: Problem }
