import { randomUUID } from 'node:crypto'
import { CreateBucketCommand } from '@aws-sdk/client-s3'
import { inject } from 'vitest'
import { createS3Client } from '../../src/storage/s3-client.ts'
import { MIN_PART_BYTES, type S3Settings } from '../../src/storage/s3-settings.ts'
import type { S3Server, S3ServerKind } from './s3-servers.ts'

/** A new bucket on a real server, which is started when it does not run yet. */
export async function createTestBucket(kind: S3ServerKind): Promise<S3Settings> {
  const response = await fetch(`${inject('s3Servers')}/${kind}`)
  if (!response.ok) throw new Error(await response.text())
  const { endpoint, region, accessKey, secretKey } = (await response.json()) as S3Server
  const settings: S3Settings = {
    endpoint,
    region,
    bucket: `mirror-${randomUUID()}`,
    prefix: '',
    credentials: { accessKey, secretKey },
    pathStyle: true,
    storageClass: null,
    partBytes: MIN_PART_BYTES,
    uploadConcurrency: 8,
  }
  const client = createS3Client(settings)
  await client.send(new CreateBucketCommand({ Bucket: settings.bucket }))
  client.destroy()
  return settings
}
