import type { Tier } from './tiers.ts'

/** How one bucket is reached. Plain data, so that it can be handed to a thread. */
export interface S3Settings {
  /** `https://host[:port]`; null: AWS, in `region`. */
  readonly endpoint: string | null
  readonly region: string
  readonly bucket: string
  /** Stands before every key; empty, or ends with a slash. */
  readonly prefix: string
  /** Null: whatever the AWS SDK finds (instance role, shared profile, AWS_… variables). */
  readonly credentials: { readonly accessKey: string; readonly secretKey: string } | null
  /** The bucket in the path instead of the host name. */
  readonly pathStyle: boolean
  /** Sent with every object; null: the store's own default. */
  readonly storageClass: string | null
  /** Storage classes of the tiers; omitted: AWS's (STANDARD or `storageClass`, STANDARD_IA, GLACIER_IR, GLACIER). */
  readonly tierClasses?: Readonly<Partial<Record<Tier, string>>>
  /** A longer body goes up in parts of this size, all equal but the last (R2 insists). */
  readonly partBytes: number
  /** Requests that carry a body at once; others wait. With `partBytes` it bounds memory. */
  readonly uploadConcurrency: number
}

/** S3's own bounds: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html (2026-11). */
export const MIN_PART_BYTES = 5 * 2 ** 20
export const MAX_PARTS = 10_000

/** For a person: where the objects lie, without secrets. */
export function describePlace({
  endpoint,
  bucket,
  prefix,
}: Pick<S3Settings, 'endpoint' | 'bucket' | 'prefix'>): string {
  return `${endpoint ?? 'AWS'}/${bucket}${prefix === '' ? '' : `/${prefix.replace(/\/$/, '')}`}`
}
