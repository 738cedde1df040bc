import { expect, test } from 'vitest'
import type { LedgerEntry } from '../catalog/ledger-entry.ts'
import { MirrorError } from '../core/errors.ts'
import { silentLog } from '../core/log.ts'
import type { Hour } from '../storage/keys.ts'
import { DeleteBook } from './delete-book.ts'

const deleted = (trackId: string) => ({
  track: { tenantId: 'default', streamId: 'demo', trackId },
  ...{ hour: '2026-11-21T07' as Hour, objects: 1800, bytes: 5e8 },
})

test('what retention took is written together, at the end at the latest, and what is very old is forgotten', async () => {
  const batches: (readonly LedgerEntry[])[] = []
  const trims: number[] = []
  const ledger = {
    append: async (entries: readonly LedgerEntry[]) => {
      batches.push(entries)
      return true
    },
    trim: async (beforeMs: number) => trims.push(beforeMs),
  }
  const book = new DeleteBook({ ledger, now: () => 500 * 86_400_000, log: silentLog })
  book.add(deleted('v0'))
  book.add(deleted('a0'))
  await book[Symbol.asyncDispose]()
  expect(batches.map((batch) => batch.map(({ key, action, objects }) => [key, action, objects]))).toEqual([
    [
      ['dvr/default/demo/v0/2026/11/21/07/', 'delete', 1800],
      ['dvr/default/demo/a0/2026/11/21/07/', 'delete', 1800],
    ],
  ])
  expect(trims).toEqual([100 * 86_400_000])
})

test('a database that is away gets it with what comes later', async () => {
  const written: string[] = []
  let isAway = true
  const ledger = {
    append: async (entries: readonly LedgerEntry[]) => {
      if (isAway) throw new MirrorError('database_unavailable', 'away')
      written.push(...entries.map(({ key }) => key))
      return true
    },
    trim: async () => 0,
  }
  const warned: string[] = []
  const log = { ...silentLog, warn: (message: string) => void warned.push(message) }
  const book = new DeleteBook({ ledger, now: () => 0, log })
  book.add(deleted('v0'))
  await expect.poll(() => warned.length).toBe(1)
  isAway = false
  book.add(deleted('a0'))
  await book[Symbol.asyncDispose]()
  expect(written).toEqual(['dvr/default/demo/v0/2026/11/21/07/', 'dvr/default/demo/a0/2026/11/21/07/'])
})
