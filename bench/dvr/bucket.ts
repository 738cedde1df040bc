// A bucket on a Ceph RGW of one node, started for the run.
import { randomUUID } from 'node:crypto'
import { CreateBucketCommand } from '@aws-sdk/client-s3'
import { createS3Client } from '../../src/storage/s3-client.ts'
import type { S3Settings } from '../../src/storage/s3-settings.ts'
import { rgwMissing, startRgw } from '../../test/support/rgw.ts'

/** As Mirror sets it by default: 10 MB parts, 20 at once. */
const PART_BYTES = 10_000_000
const UPLOAD_CONCURRENCY = 20

export interface BenchBucket extends AsyncDisposable {
  readonly settings: S3Settings
  /** For a Mirror that is to use it. */
  readonly env: Readonly<Record<string, string>>
}

export async function startBucket(): Promise<BenchBucket> {
  const missing = rgwMissing()
  if (missing !== null) throw new Error(missing)
  const server = await startRgw()
  const { endpoint, region, accessKey, secretKey } = server
  const settings: S3Settings = {
    endpoint,
    region,
    bucket: `bench-${randomUUID()}`,
    prefix: '',
    credentials: { accessKey, secretKey },
    pathStyle: true,
    storageClass: null,
    partBytes: PART_BYTES,
    uploadConcurrency: UPLOAD_CONCURRENCY,
  }
  const client = createS3Client(settings)
  await client.send(new CreateBucketCommand({ Bucket: settings.bucket }))
  client.destroy()
  const env = {
    S3_ENDPOINT: endpoint,
    S3_REGION: region,
    S3_BUCKET: settings.bucket,
    S3_ACCESS_KEY: accessKey,
    S3_SECRET_KEY: secretKey,
    S3_FORCE_PATH_STYLE: 'true',
  }
  return { settings, env, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}
