// Date ranges of a stream as the API shows and takes them.
import { z } from 'zod'

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

export const dateRangeListSchema = z.object({ dateRanges: z.array(dateRangeSchema) })

export type DateRangeView = z.infer<typeof dateRangeSchema>
export type DateRangeListView = z.infer<typeof dateRangeListSchema>
export type AddDateRangeBody = z.infer<typeof addDateRangeSchema>
export type ChangeDateRangeBody = z.infer<typeof changeDateRangeSchema>
