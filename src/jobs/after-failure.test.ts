import { expect, test } from 'vitest'
import { MirrorError } from '../core/errors.ts'
import { toStoreError } from '../storage/folder-errors.ts'
import { failureOf, isFinal, retryAtMs } from './after-failure.ts'

const MIN_MS = 60_000
const random = () => 0.5
const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' })

test('what fails is tried again within seconds, and has failed after its attempts', () => {
  const error = new MirrorError('store_unavailable', '')
  const delays = [1, 2, 3, 4, 5].map((attempt) =>
    retryAtMs({ attempt, maxAttempts: 5, createdAtMs: 0 }, error, { nowMs: 0, random }),
  )
  expect(delays).toEqual([2000, 4000, 8000, 16_000, null])
})

test('what finds no room is looked at again after one to fifteen minutes, the older the later, and never fails of that', () => {
  const error = new MirrorError('scratch_full', '')
  const job = { attempt: 5, maxAttempts: 5, createdAtMs: 0 }
  expect(isFinal(job, error)).toBe(false)
  const delays = [0, 4, 20, 60, 10_000].map((ageMin) => {
    const nowMs = ageMin * MIN_MS
    return ((retryAtMs(job, error, { nowMs, random }) ?? 0) - nowMs) / MIN_MS
  })
  expect(delays).toEqual([1, 2, 10, 15, 15])
})

test('a full disk is told as such, wherever it was met, and nothing else is', () => {
  const inStore = new MirrorError('internal', 'it could not be kept', { cause: toStoreError('/data/store', full) })
  for (const thrown of [full, toStoreError('/data/store', full), inStore]) {
    expect(failureOf(thrown)).toMatchObject({
      code: 'scratch_full',
      message: expect.stringMatching(/^The disk is full \(.+\); it goes on by itself when there is room$/),
    })
  }
  const broken = toStoreError('/data/store', Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'write' }))
  expect(failureOf(broken)).toBe(broken)
  expect(failureOf(new Error('ENOSPC'))).toMatchObject({ code: 'internal' })
})
