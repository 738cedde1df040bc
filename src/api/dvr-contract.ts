// What is recorded of streams, as the API shows it.
import { z } from 'zod'
import { MAX_RETENTION_MS } from '../live/settings.ts'
import { durationSchema, streamIdSchema } from './shared-fields.ts'

/** 129,600 segments of two seconds; older times are played by `?start=`. */
const MAX_REWIND_MS = 72 * 3_600_000

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
