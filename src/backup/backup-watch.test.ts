import { expect, test, vi } from 'vitest'
import { MirrorError } from '../core/errors.ts'
import { silentLog } from '../core/log.ts'
import { catalogBackupKey, newBackupId } from '../storage/keys.ts'
import { createMemoryStore } from '../storage/memory-store.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { BackupWatch, overdueBackup } from './backup-watch.ts'

const HOUR = 3_600_000
const NOW_MS = Date.parse('2026-11-21T10:00:00Z')
const signal = new AbortController().signal

/** Checks without a pause, on a clock that the test moves. */
function watching(store: ObjectStore) {
  const clock = { nowMs: NOW_MS }
  const told: (string | null)[] = []
  const watch = new BackupWatch({ store, now: () => clock.nowMs, log: silentLog }, 1)
  watch.onTrouble((trouble) => told.push(trouble))
  return { watch, clock, told }
}

async function storeBackup(store: ObjectStore, atMs: number): Promise<void> {
  await store.put(catalogBackupKey(newBackupId(atMs, 'x')), Buffer.from('backup'), { signal, contentType: 'x/y' })
}

test('a backup is overdue after two hours; without one, two hours after the start', () => {
  expect(overdueBackup(NOW_MS, 0, NOW_MS + 2 * HOUR)).toBeNull()
  expect(overdueBackup(NOW_MS, 0, NOW_MS + 2 * HOUR + 1)).toContain('2026-11-21T10:00:00.000Z')
  expect(overdueBackup(null, NOW_MS, NOW_MS + 2 * HOUR)).toBeNull()
  expect(overdueBackup(null, NOW_MS, NOW_MS + 2 * HOUR + 1)).toContain('no backup')
})

test('what another Mirror backs up counts, and trouble is told when it begins and when it is over', async () => {
  const store = createMemoryStore({ nowMs: Date.now })
  await storeBackup(store, NOW_MS - HOUR)
  const { watch, clock, told } = watching(store)
  await using _watch = watch
  await vi.waitFor(() => expect(watch.newest).toMatchObject({ atMs: NOW_MS - HOUR, sizeBytes: 6 }))
  expect(watch.trouble).toBeNull()
  clock.nowMs += 2 * HOUR
  await vi.waitFor(() => expect(watch.trouble).toContain('2026-11-21T09:00:00.000Z'))
  await storeBackup(store, clock.nowMs)
  await vi.waitFor(() => expect(watch.trouble).toBeNull())
  expect(told).toEqual([expect.stringContaining('2026-11-21T09:00:00.000Z'), null])
})

test('a store that is away makes what is known grow older, and a backup that was just made needs no store to be known', async () => {
  const store = createMemoryStore({ nowMs: Date.now })
  const { watch, clock } = watching({
    ...store,
    list: () => {
      throw new MirrorError('store_unavailable', 'away')
    },
  })
  await using _watch = watch
  clock.nowMs += 3 * HOUR
  await vi.waitFor(() => expect(watch.trouble).toContain('no backup'))
  watch.learn({ ...newBackupId(clock.nowMs, 'x'), sizeBytes: 1 })
  expect([watch.trouble, watch.newest?.atMs]).toEqual([null, clock.nowMs])
})
