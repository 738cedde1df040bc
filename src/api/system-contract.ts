// Mirror itself: health, problems, addresses, figures.
import { z } from 'zod'
import { streamStatusSchema } from './stream-contract.ts'

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

export const healthSchema = z.object({ status: z.literal('ok') })

export const readinessSchema = z.object({
  ready: z.boolean(),
  problems: z.array(z.object({ code: z.string(), message: z.string() })),
})

export type MetricsStreamsView = z.infer<typeof metricsStreamsSchema>
export type SystemView = z.infer<typeof systemSchema>
export type Problem = z.infer<typeof problemSchema>
