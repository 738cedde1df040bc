import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import { openFolderStore } from '../../src/storage/folder-store.ts'
import type { S3Settings } from '../../src/storage/s3-settings.ts'
import { openS3Store } from '../../src/storage/s3-store.ts'
import { notRun } from '../not-run.ts'
import { RGW_COLD_CLASS, rgwMissing } from '../support/rgw.ts'
import { createTestBucket } from '../support/s3-bucket.ts'
import { callRecordingContract } from './call-recordings.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-calls-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

callRecordingContract('folders', ['warm', 'cold'], async () => {
  const at = await mkdtemp(join(folder, 'store-'))
  const tiers = { warm: join(at, 'warm'), cold: join(at, 'cold'), archive: join(at, 'archive'), restoreDelayMs: 0 }
  return await openFolderStore(join(at, 'hot'), { randomId: randomUUID, tiers })
})

const missing = rgwMissing()
if (missing !== null) notRun('recordings of calls on S3', missing)
describe.skipIf(missing !== null)('S3', () => {
  let bucket: S3Settings

  beforeAll(async () => {
    bucket = { ...(await createTestBucket('rgw')), tierClasses: { warm: RGW_COLD_CLASS } }
  }, 90_000)

  // Ceph keeps one more class here than the standard one.
  callRecordingContract('a bucket', ['warm'], async () =>
    openS3Store({ ...bucket, prefix: `${randomUUID().slice(0, 13)}/` }, { randomId: randomUUID, nowMs: Date.now }),
  )
})
