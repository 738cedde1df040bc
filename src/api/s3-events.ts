// Notifications of S3 stores in the forms that they come in: of AWS and Ceph, through SNS, through EventBridge. Pure.
import { z } from 'zod'

export interface S3Event {
  readonly bucket: string
  /** As it may have been meant: AWS escapes it as a form does, not every store follows. */
  readonly keys: readonly string[]
  readonly sequencer: string | null
}

const objectSchema = z.object({ key: z.string().max(4096), sequencer: z.string().max(100).optional() })
const recordsSchema = z.object({
  Records: z
    .array(
      z.object({
        eventName: z.string(),
        s3: z.object({ bucket: z.object({ name: z.string() }), object: objectSchema }),
      }),
    )
    .max(1000),
})
const bridgeSchema = z.object({
  'detail-type': z.string(),
  detail: z.object({ bucket: z.object({ name: z.string() }), object: objectSchema }),
})
const topicSchema = z.object({ Type: z.literal('Notification'), Message: z.string() })
const testSchema = z.object({ Event: z.literal('s3:TestEvent') })

/** Those that tell of a new object; null: it is no notification. */
export function readS3Events(body: unknown): readonly S3Event[] | null {
  // SNS sends its JSON as text/plain.
  if (typeof body === 'string') return readS3Events(parseJson(body))
  const topic = topicSchema.safeParse(body)
  if (topic.success) return readS3Events(parseJson(topic.data.Message))
  if (testSchema.safeParse(body).success) return []
  const bridge = bridgeSchema.safeParse(body)
  if (bridge.success) {
    const { bucket, object } = bridge.data.detail
    return bridge.data['detail-type'] === 'Object Created' ? [eventOf(bucket.name, object)] : []
  }
  const records = recordsSchema.safeParse(body)
  if (!records.success) return null
  return records.data.Records.filter(({ eventName }) => /^(?:s3:)?ObjectCreated:/.test(eventName)).map(({ s3 }) =>
    eventOf(s3.bucket.name, s3.object),
  )
}

function eventOf(bucket: string, { key, sequencer }: z.infer<typeof objectSchema>): S3Event {
  return {
    bucket,
    keys: [decodeForm(key), key],
    sequencer: sequencer === undefined || sequencer === '' ? null : sequencer,
  }
}

function decodeForm(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
