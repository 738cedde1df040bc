// What the probe says of real servers, and of addresses where there is none.
import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { judgeStore, renderMatrix } from '../../src/storage/capabilities.ts'
import { probeS3 } from '../../src/storage/s3-probe.ts'
import type { S3Settings } from '../../src/storage/s3-settings.ts'
import { openS3Store } from '../../src/storage/s3-store.ts'
import { runCommand } from '../support/command-line.ts'
import { onS3 } from '../support/origin-pair.ts'
import { RGW_COLD_CLASS, rgwMissing } from '../support/rgw.ts'
import { createTestBucket } from '../support/s3-bucket.ts'
import { versitygwMissing } from '../support/versitygw.ts'

const TIMEOUT_MS = 120_000
const host = { signal: new AbortController().signal, nowMs: Date.now, randomId: randomUUID }

async function keysIn(settings: S3Settings): Promise<number> {
  await using store = openS3Store(settings, host)
  let count = 0
  for await (const _ of store.list('', { signal: host.signal })) count += 1
  return count
}

async function probe(settings: S3Settings, ...flags: string[]): Promise<{ code: number; out: string; err: string }> {
  const run = await runCommand(['store', 'probe', ...flags], { env: onS3(settings).env, signal: host.signal })
  return { code: run.code, out: run.stdout, err: run.stderr }
}

describe.skipIf(rgwMissing() !== null)('Ceph RADOS Gateway, probed', () => {
  test(
    'is usable, arbitrates, and keeps no condition at the end of an upload in parts',
    async () => {
      const settings = { ...(await createTestBucket('rgw')), storageClass: RGW_COLD_CLASS }
      const matrix = await probeS3(settings, host)
      const verdict = judgeStore(matrix)
      expect(verdict, renderMatrix(matrix)).toMatchObject({ isUsable: true, isArbiter: true })
      // Measured on 16.2.15; a newer Ceph may do better.
      const { conditionalReplace, conditionalComplete, storageClasses, versioning, lifecycle } = matrix.answers
      expect(conditionalReplace.outcome).toBe('yes')
      expect(conditionalComplete.outcome).not.toBe('unknown')
      expect(storageClasses).toEqual({ outcome: 'yes', note: RGW_COLD_CLASS })
      expect(versioning).toEqual({ outcome: 'no', note: 'it is off' })
      expect(lifecycle).toEqual({ outcome: 'yes', note: 'none yet' })
      expect(await keysIn(settings)).toBe(0)
    },
    TIMEOUT_MS,
  )

  test(
    '`mirror store probe` prints and keeps it, and its exit code tells whether the store can be used',
    async () => {
      const settings = await createTestBucket('rgw')
      const first = await probe(settings)
      expect(first).toMatchObject({ code: 0, err: '' })
      expect(first.out).toContain('Origins can agree through it.')
      const second = await probe(settings, '--json')
      expect(JSON.parse(second.out)).toMatchObject({ verdict: { isUsable: true }, drift: [] })
      expect(await keysIn(settings)).toBe(1)
      const nowhere = await probe({ ...settings, bucket: 'mirror-nowhere' })
      expect(nowhere.code).toBe(1)
      expect(nowhere.out).toContain('there is no bucket "mirror-nowhere"')
      expect(first.out + second.out + nowhere.out).not.toContain(settings.credentials?.secretKey)
    },
    TIMEOUT_MS,
  )

  test(
    'what cannot be reached or is not permitted is told once, in plain words, and nothing else is tried',
    async () => {
      const settings = await createTestBucket('rgw')
      const cases: [Partial<S3Settings>, string][] = [
        [{ bucket: 'mirror-nowhere' }, 'there is no bucket "mirror-nowhere"'],
        [{ endpoint: 'http://127.0.0.1:9' }, 'nothing listens at http://127.0.0.1:9'],
        [{ credentials: { accessKey: 'mirror-test', secretKey: 'wrong' } }, 'may not s3:ListBucket'],
      ]
      for (const [wrong, says] of cases) {
        const matrix = await probeS3({ ...settings, ...wrong }, host)
        expect(matrix.answers.reach).toEqual({ outcome: 'no', note: expect.stringContaining(says) })
        expect(judgeStore(matrix)).toMatchObject({ isUsable: false, isArbiter: false })
        expect(matrix.answers.conditionalCreate).toEqual({ outcome: 'unknown', note: 'not tried' })
      }
    },
    TIMEOUT_MS,
  )
})

describe.skipIf(versitygwMissing() !== null)('versitygw, probed', () => {
  test(
    'is usable and arbitrates',
    async () => {
      const settings = await createTestBucket('versitygw')
      const matrix = await probeS3(settings, host)
      expect(judgeStore(matrix), renderMatrix(matrix)).toMatchObject({ isUsable: true, isArbiter: true })
      expect(await keysIn(settings)).toBe(0)
    },
    TIMEOUT_MS,
  )
})
