// Every shape that crosses the API, once. Validation, OpenAPI, CLI and console types all derive from here.
import { z } from 'zod'
import { formatDuration, parseDuration } from '../core/duration.ts'
import { STREAM_ID_PATTERN } from '../core/stream-id.ts'
import { JOB_STATES } from '../jobs/types.ts'
import type { EventType } from '../live/events.ts'
import { MAX_RETENTION_MS } from '../live/settings.ts'
import { TRACK_ROLES } from '../media/track-role.ts'

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

/** 129,600 segments of two seconds; older times are played by `?start=`. */
const MAX_REWIND_MS = 72 * 3_600_000

export const MAX_TRACK_DESCRIPTIONS = 64

/** A BCP 47 tag in any case. */
const languageSchema = z
  .string()
  .max(35)
  .refine(isLanguageTag, { error: 'must be a BCP 47 language tag such as "de" or "pt-BR"' })

function isLanguageTag(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1
  } catch {
    return false
  }
}

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

export const dvrSettingsSchema = z
  .strictObject({
    enabled: z.boolean().meta({ description: 'Record what is live from now on' }),
    rewind: durationSchema(60_000, MAX_REWIND_MS).meta({
      description: 'What the live playlist reaches back',
      example: '4h',
    }),
    retention: durationSchema(60_000, MAX_RETENTION_MS).meta({
      description: 'How long recordings are kept; not below rewind',
      example: '24h',
    }),
  })
  .meta({ id: 'DvrSettings' })

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

/** A connection from an encoder. Network figures only where the protocol has them (SRT). */
export const inputSchema = z
  .object({
    protocol: z.enum(['rtmp', 'srt', 'cmaf', 'test', 'udp', 'rtp', 'pull']),
    connectedAt: z.iso.datetime(),
    receivedBytes: z.number(),
    rttMs: z.number().nullable(),
    packetsLost: z.number().nullable(),
    packetsRetransmitted: z.number().nullable(),
    packetsDropped: z.number().nullable(),
  })
  .meta({ id: 'Input' })

/** An input that a stream has at the moment: the one on air, or one that stands by. */
export const connectedInputSchema = inputSchema
  .extend({
    id: z.string().meta({ description: 'push-1, … for encoders, test-1, or the id of the configured input' }),
    configured: z.boolean(),
    role: z.enum(['active', 'standby']),
    health: z.enum(['healthy', 'silent', 'starting']),
    healthySince: z.iso.datetime().nullable(),
    bitrateBps: z.number(),
    sameFeed: z
      .boolean()
      .nullable()
      .meta({ description: 'Same frames and timestamps as the active input: a switch is seamless' }),
    pinned: z.boolean().meta({ description: 'Put on air by request: it stays there while it works' }),
  })
  .meta({ id: 'ConnectedInput' })

/** An input that Mirror runs by itself. Secrets of an address are masked. */
export const configuredInputSchema = z
  .object({
    id: z.string(),
    kind: z.enum(['udp', 'rtp', 'pull']),
    port: z.number().nullable(),
    address: z.string().nullable(),
    url: z.string().nullable(),
    enabled: z.boolean(),
    state: z.enum(['configured', 'receiving', 'failing']),
    error: z.string().nullable().meta({ description: 'What went wrong last' }),
  })
  .meta({ id: 'ConfiguredInput' })

const datagramInputFields = {
  port: z
    .number()
    .int()
    .min(1024)
    .max(65_535)
    .meta({ description: 'UDP port, unique over all streams', example: 5004 }),
  address: z
    .string()
    .max(64)
    .nullable()
    .optional()
    .meta({ description: 'IP address to listen on, or multicast group to join; default: the address of Mirror' }),
}
export const addInputSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('udp'), ...datagramInputFields }),
  z.strictObject({ kind: z.literal('rtp'), ...datagramInputFields }),
  z.strictObject({
    kind: z.literal('pull'),
    url: z.string().min(1).max(2048).meta({ description: 'rtsp, rtsps, http, https, srt, rtmp; file for admins' }),
    enabled: z.boolean().optional().meta({ description: 'Default: true' }),
  }),
])

const rangeTextSchema = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[^"\p{Cc}]*$/u, 'must have no quotes and no control characters')
const rangeDateSchema = z
  .union([z.iso.datetime({ offset: true }), z.literal('now')], {
    error: 'must be an ISO 8601 date and time with a zone, or "now"',
  })
  .meta({ example: '2026-11-21T12:00:00.000Z' })
const spliceSchema = z
  .string()
  .max(8192)
  .regex(/^0[xX]([0-9A-Fa-f]{2})+$/, 'must be hexadecimal, 0x…')
  .meta({ description: 'splice_info_section of SCTE 35', example: '0xFC002F' })
const rangeSecondsSchema = z.number().min(0).max(31_536_000)

const rangeChangeFields = {
  class: rangeTextSchema.optional().meta({ description: 'Ranges of one class mean the same kind of thing' }),
  endDate: rangeDateSchema.optional(),
  duration: rangeSecondsSchema.optional().meta({ description: 'Seconds' }),
  plannedDuration: rangeSecondsSchema.optional().meta({ description: 'Seconds that it is expected to last' }),
  scte35Cmd: spliceSchema.optional(),
  scte35Out: spliceSchema.optional(),
  scte35In: spliceSchema.optional(),
  attributes: z
    .record(
      z.string().regex(/^X-[A-Z0-9-]{1,98}$/, 'must begin with X- and be of A–Z, 0–9 and -'),
      z.union([
        z.number(),
        z
          .string()
          .max(2048)
          .regex(/^[^"\r\n]*$/, 'must have no quotes and no line breaks'),
      ]),
    )
    .refine((attributes) => Object.keys(attributes).length <= 32, { error: 'must be at most 32' })
    .optional()
    .meta({ description: 'Attributes of your own; text, numbers, or hexadecimal as 0x…' }),
}
export const addDateRangeSchema = z.strictObject({
  id: rangeTextSchema.meta({ description: 'Unique in the stream', example: 'ad-17' }),
  startDate: rangeDateSchema.optional().meta({ description: 'Default: now' }),
  endOnNext: z.boolean().optional().meta({ description: 'It lasts until the next range of its class starts' }),
  ...rangeChangeFields,
})
export const changeDateRangeSchema = z.strictObject(rangeChangeFields)
export const dateRangeSchema = z
  .object({
    id: z.string(),
    class: z.string().nullable(),
    startDate: z.iso.datetime(),
    endDate: z.iso.datetime().nullable(),
    duration: z.number().nullable(),
    plannedDuration: z.number().nullable(),
    endOnNext: z.boolean(),
    scte35Cmd: z.string().nullable(),
    scte35Out: z.string().nullable(),
    scte35In: z.string().nullable(),
    attributes: z.record(z.string(), z.union([z.string(), z.number()])),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'DateRange' })

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

export const eventSchema = z
  .object({
    /** Cursor for paging; 0 in a message on /api/v1/ws, which may come before the event is stored. */
    seq: z.number(),
    type: z.string(),
    severity: z.enum(['info', 'warning', 'error']),
    streamId: z.string().nullable(),
    at: z.iso.datetime(),
    code: z.string().nullable(),
    message: z.string(),
    details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  })
  .meta({ id: 'Event' })

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

export const roleSchema = z.enum(['viewer', 'operator', 'admin'])
export const apiKeySchema = z
  .object({
    id: z.string(),
    name: z.string(),
    role: roleSchema,
    createdAt: z.iso.datetime(),
    lastUsedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'ApiKey' })
export const createApiKeySchema = z.strictObject({ name: z.string().min(1).max(100), role: roleSchema })
export const createdApiKeySchema = apiKeySchema
  .extend({ key: z.string().meta({ description: 'Shown once' }) })
  .meta({ id: 'CreatedApiKey' })

export const loginSchema = z.strictObject({ name: z.string().min(1).max(100), password: z.string().min(1).max(1024) })
export const loginLinkSchema = z.strictObject({ token: z.string().min(1).max(200) })
export const setPasswordSchema = z.strictObject({
  name: z.string().min(1).max(100),
  password: z.string().min(10).max(1024),
})
/** Who asks: a user with a session cookie, or an API key. */
export const meSchema = z
  .object({
    kind: z.enum(['user', 'key']),
    id: z.string(),
    name: z.string(),
    role: roleSchema,
    /** True after a first-login link, until a password is set. */
    passwordMissing: z.boolean(),
  })
  .meta({ id: 'Me' })

export const systemSchema = z
  .object({
    version: z.string(),
    startedAt: z.iso.datetime(),
    addresses: z.object({
      console: z.string(),
      media: z.string(),
      rtmp: z.string().nullable(),
      srt: z.string().nullable(),
    }),
    database: z.enum(['sqlite', 'postgres']),
    catalogBackup: z
      .object({ name: z.string(), at: z.iso.datetime(), sizeBytes: z.number() })
      .nullable()
      .meta({ description: 'The newest backup in the store; null: none is known' }),
    problems: z.array(z.object({ code: z.string(), message: z.string() })),
  })
  .meta({ id: 'System' })

export const metricsStreamsSchema = z
  .object({
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
  .meta({ id: 'StreamMetrics' })

/** RFC 9457. `code` is the catalogue's; `advice` says what to do next. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number(),
    detail: z.string(),
    code: z.string(),
    advice: z.string(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem' })

/** Client to server on /api/v1/ws. Topics: `stream.<id>`, and with a role also `streams` (all streams),
 *  `recordings` (of all calls), `recording.<id>`, `assets`, `asset.<id>` and `system`. */
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

// Lists come in an envelope, so that a page can grow fields without breaking its readers.
export const streamListSchema = z.object({ streams: z.array(streamSchema) })
export const publishKeyListSchema = z.object({ keys: z.array(publishKeySchema).meta({ description: 'Newest first' }) })
export const dateRangeListSchema = z.object({ dateRanges: z.array(dateRangeSchema) })
export const inputListSchema = z.object({
  inputs: z.array(connectedInputSchema),
  configured: z.array(configuredInputSchema).meta({ description: 'The most wanted first' }),
})
export const apiKeyListSchema = z.object({ keys: z.array(apiKeySchema) })
export const eventPageSchema = z.object({
  events: z.array(eventSchema).meta({ description: 'Newest first' }),
  /** Pass as `before` for the next, older page; null: there is none. */
  nextBefore: z.number().nullable(),
})
export const eventQuerySchema = z.strictObject({
  before: z.coerce.number().int().positive().optional().meta({ description: 'Only events older than this `seq`' }),
  limit: z.coerce.number().int().min(1).max(500).default(50).meta({ description: 'Events per page' }),
})
export const addPublishKeySchema = z.strictObject({
  rotate: z.boolean().optional().meta({ description: 'true: every other key of the stream stops working' }),
})
export const createLoginLinkSchema = z.strictObject({
  name: z.string().min(1).max(100).optional().meta({ description: 'User; by default the caller or the first admin' }),
})
export const createdLoginLinkSchema = z
  .object({
    /** Path in the console, with the one-time token. */
    path: z.string(),
    url: z.string(),
    user: z.string(),
    expiresAt: z.iso.datetime(),
  })
  .meta({ id: 'LoginLink' })
export const healthSchema = z.object({ status: z.literal('ok') })
export const readinessSchema = z.object({
  ready: z.boolean(),
  problems: z.array(z.object({ code: z.string(), message: z.string() })),
})

export const orderInputsSchema = z.strictObject({
  order: z
    .array(z.string().min(1).max(64))
    .max(64)
    .meta({ description: 'Every configured input, the most wanted first' }),
})
export const activatedInputSchema = z.object({ active: z.string() }).meta({ id: 'ActivatedInput' })

export type ConnectedInputView = z.infer<typeof connectedInputSchema>
export type ActivatedInputView = z.infer<typeof activatedInputSchema>
export type EventPageView = z.infer<typeof eventPageSchema>
export type ConfiguredInputView = z.infer<typeof configuredInputSchema>
export type AddInputBody = z.infer<typeof addInputSchema>
export type DateRangeView = z.infer<typeof dateRangeSchema>
export type DateRangeListView = z.infer<typeof dateRangeListSchema>
export type AddDateRangeBody = z.infer<typeof addDateRangeSchema>
export type ChangeDateRangeBody = z.infer<typeof changeDateRangeSchema>
export type JobView = z.infer<typeof jobSchema>
export type StartJobBody = z.infer<typeof startJobSchema>
export type JobSummaryView = z.infer<typeof jobSummarySchema>
export type JobPageView = z.infer<typeof jobPageSchema>
export type InputListView = z.infer<typeof inputListSchema>
export type InputView = z.infer<typeof inputSchema>
export type LoginLinkView = z.infer<typeof createdLoginLinkSchema>
export type MetricsStreamsView = z.infer<typeof metricsStreamsSchema>
export type UpdateStreamBody = z.infer<typeof updateStreamSchema>
export type StreamView = z.infer<typeof streamSchema>
export type LiveView = z.infer<typeof liveStatusSchema>
export type EventView = z.infer<typeof eventSchema>
export type PublishKeyView = z.infer<typeof publishKeySchema>
export type ApiKeyView = z.infer<typeof apiKeySchema>
export type CreatedApiKeyView = z.infer<typeof createdApiKeySchema>
export type MeView = z.infer<typeof meSchema>
export type SystemView = z.infer<typeof systemSchema>
export type Problem = z.infer<typeof problemSchema>
export type TrackDescriptionView = z.infer<typeof trackDescriptionSchema>
const timeRangeSchema = z.object({ from: z.iso.datetime(), to: z.iso.datetime() })

const growthShape = {
  storedBytes: z.number().nullable().meta({ description: 'All that is kept; null: not counted yet' }),
  bytesPerHour: z
    .number()
    .nullable()
    .meta({ description: 'Growth over the last three hours; null: too short a time to tell' }),
  bytesPerDayForecast: z
    .number()
    .nullable()
    .meta({ description: 'What a day adds, if it goes on as in the last one; null: too short a time to tell' }),
}

const recordingStoreShape = {
  write: z
    .enum(['segment', 'pack'])
    .nullable()
    .meta({ description: 'An object for each segment (folders), or packs of many (S3); null: not known yet' }),
  rpoSec: z
    .number()
    .nullable()
    .meta({ description: 'What a lost machine takes with it at most while the store takes what it is given' }),
  spool: z
    .object({
      bytes: z.number(),
      maxBytes: z.number(),
      /** Start of the oldest segment that only the spool has. */
      oldestUnsavedAt: z.iso.datetime().nullable(),
      oldestUnsavedSec: z.number().meta({ description: 'Its age; 0: there is none' }),
    })
    .meta({ description: 'Of all streams together: what is not in the store yet' }),
}

export const dvrViewSchema = dvrSettingsSchema
  .extend({
    from: z.iso.datetime(),
    to: z.iso.datetime(),
    ranges: z.array(timeRangeSchema).meta({ description: 'Times with media' }),
    gaps: z.array(timeRangeSchema).meta({ description: 'Times without: nothing came, or it could not be recorded' }),
    durationSec: z.number(),
    bytes: z.number(),
    segments: z.number(),
    tracks: z.array(z.object({ id: z.string(), segments: z.number(), bytes: z.number() })),
    /** Null when nothing was recorded. */
    playlist: z.string().nullable(),
    recordedSegments: z.number().meta({ description: 'Since Mirror started; safe on the disk' }),
    lostSegments: z.number().meta({ description: 'Since Mirror started; the disk was full or did not keep up' }),
    ...growthShape,
    ...recordingStoreShape,
  })
  .meta({ id: 'Dvr' })

export const dvrOverviewSchema = z
  .object({
    recordedStreams: z.number().meta({ description: 'Streams whose recording is switched on' }),
    ...growthShape,
    ...recordingStoreShape,
    streams: z
      .array(z.object({ id: z.string(), ...growthShape, lostSegments: z.number() }))
      .meta({ description: 'Those that are recorded or have recordings; what grows most comes first' }),
  })
  .meta({ id: 'DvrOverview' })

export type DvrOverviewView = z.infer<typeof dvrOverviewSchema>
export const startDvrRecordingSchema = z.strictObject({ title: z.string().max(200).optional() })

export const dvrRecordingSchema = z
  .object({
    id: z.string(),
    streamId: z.string(),
    title: z.string(),
    state: z.enum(['active', 'interrupted', 'complete', 'failed']).meta({
      description: 'interrupted: it runs, but the stream is not live; it goes on by itself when the stream does',
    }),
    cause: z.string().nullable().meta({ description: 'Why it failed' }),
    startedAt: z.iso.datetime(),
    endedAt: z.iso.datetime().nullable(),
    playlist: z.string().nullable().meta({ description: 'Plays it; while it runs it grows' }),
  })
  .meta({ id: 'DvrRecording' })

export const dvrRecordingDetailSchema = dvrRecordingSchema
  .extend({
    durationSec: z.number().meta({ description: 'With media' }),
    bytes: z.number(),
    segments: z.number(),
    gaps: z.array(timeRangeSchema),
  })
  .meta({ id: 'DvrRecordingDetail' })

export const dvrRecordingPageSchema = z.object({
  recordings: z.array(dvrRecordingSchema),
  /** Pass as `before` for the next, older page; null: there is none. */
  nextBefore: z.string().nullable(),
})

export const dvrRecordingQuerySchema = z.strictObject({
  stream: streamIdSchema.optional(),
  before: z.string().min(1).max(64).optional().meta({ description: 'Only recordings that began before this one' }),
  limit: z.coerce.number().int().min(1).max(200).default(50),
})

export type DvrRecordingView = z.infer<typeof dvrRecordingSchema>
export type DvrRecordingDetailView = z.infer<typeof dvrRecordingDetailSchema>
export type DvrRecordingPage = z.infer<typeof dvrRecordingPageSchema>
export type DvrView = z.infer<typeof dvrViewSchema>
export type DvrSettingsView = z.infer<typeof dvrSettingsSchema>
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
