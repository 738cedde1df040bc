// The contract on real S3 servers, and on one of them through a network that fails.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { S3Settings } from '../../src/storage/s3-settings.ts'
import { openS3Store } from '../../src/storage/s3-store.ts'
import { notRun } from '../not-run.ts'
import { FaultProxy, seededRandom } from '../support/fault-proxy.ts'
import { rgwMissing } from '../support/rgw.ts'
import { createTestBucket } from '../support/s3-bucket.ts'
import type { S3ServerKind } from '../support/s3-servers.ts'
import { versitygwMissing } from '../support/versitygw.ts'
import { objectStoreContract } from './object-store.ts'

const START_TIMEOUT_MS = 90_000
const options = { randomId: randomUUID, nowMs: Date.now }

const SERVERS: readonly { kind: S3ServerKind; name: string; missing: string | null }[] = [
  { kind: 'rgw', name: 'Ceph RADOS Gateway', missing: rgwMissing() },
  { kind: 'versitygw', name: 'versitygw', missing: versitygwMissing() },
]

for (const { kind, name, missing } of SERVERS) {
  if (missing !== null) notRun(`the stores on ${name}`, missing)
  describe.skipIf(missing !== null)(name, () => {
    let bucket: S3Settings

    beforeAll(async () => {
      bucket = await createTestBucket(kind)
    }, START_TIMEOUT_MS)

    objectStoreContract(
      `S3 (${name})`,
      async () => openS3Store({ ...bucket, prefix: `${randomUUID().slice(0, 13)}/` }, options),
      // versitygw 1.8.0: of ten that read and replace at once, 163 reads in 40 rounds had another version's ETag.
      { mixesVersions: kind === 'versitygw' },
    )
  })
}

// Five attempts: at one failure in ten, one request in a hundred thousand fails for good.
describe.skipIf(rgwMissing() !== null)('a network that fails', () => {
  let bucket: S3Settings
  let proxy: FaultProxy

  beforeAll(async () => {
    bucket = await createTestBucket('rgw')
    proxy = await FaultProxy.start(bucket.endpoint ?? '', seededRandom(7))
    await proxy.turn({ errorPercent: 4, lostAnswerPercent: 3, cutPercent: 3, cutAfterBytes: 1200 })
  }, START_TIMEOUT_MS)

  afterAll(() => proxy?.[Symbol.asyncDispose]())

  objectStoreContract(
    'S3 through 503s, lost answers and cut uploads',
    async () =>
      openS3Store(
        { ...bucket, endpoint: `http://127.0.0.1:${proxy.port}`, prefix: `${randomUUID().slice(0, 13)}/` },
        options,
      ),
    { losesAnswers: true },
  )

  test('the network did fail in every way', () => {
    expect(Math.min(...Object.values(proxy.done))).toBeGreaterThan(5)
  })
})
