import type { S3Settings } from '../../../storage/s3-settings.ts'
import { POLL_MS } from './follow-job.ts'
import type { ConversionApi, MediaConvertSettings } from './mediaconvert-api.ts'

/** MediaConvert as it was set up: its calls, and where it reads and writes. */
export interface VideoConverter {
  readonly api: ConversionApi
  readonly bucket: string
  /** Stands before every key of the store; empty, or ends with a slash. */
  readonly prefix: string
  readonly roleArn: string
  readonly queue: string | null
  readonly pollMs: number
}

export interface ConverterOrder extends Omit<MediaConvertSettings, 'credentials'> {
  readonly roleArn: string
  readonly queue: string | null
}

/** Nothing is asked yet. The store's own credentials are used, or what the AWS SDK finds. */
export async function openConverter(
  { roleArn, queue, ...where }: ConverterOrder,
  { bucket, prefix, credentials }: Pick<S3Settings, 'bucket' | 'prefix' | 'credentials'>,
): Promise<VideoConverter & AsyncDisposable> {
  const { openMediaConvert } = await import('./mediaconvert-api.ts')
  const api = openMediaConvert({ ...where, credentials })
  const close = () => api[Symbol.asyncDispose]()
  return { api, bucket, prefix, roleArn, queue, pollMs: POLL_MS, [Symbol.asyncDispose]: close }
}
