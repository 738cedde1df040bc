import { expect, test } from 'vitest'
import { backupsToRemove } from './backups-to-remove.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const NOW_MS = Date.parse('2026-11-21T10:00:00Z')

const at = (atMs: number) => ({ name: String(atMs), atMs })
const hourly = (count: number) => Array.from({ length: count }, (_, index) => at(NOW_MS - index * HOUR))

/** Hands in one backup after the other, as they come, and removes what is to be removed after each. */
function live(count: number): readonly { readonly atMs: number }[] {
  let kept: readonly ReturnType<typeof at>[] = []
  for (const backup of hourly(count).toReversed()) {
    const all = [...kept, backup]
    const gone = backupsToRemove(all)
    kept = all.filter((each) => !gone.includes(each))
  }
  return kept
}

test('two months of hourly backups leave the newest 48 hours and the last backup of 30 days', () => {
  const kept = live(60 * 24).map(({ atMs }) => atMs)
  const days = kept.filter((atMs) => atMs <= NOW_MS - 48 * HOUR)
  expect(kept.filter((atMs) => atMs > NOW_MS - 48 * HOUR)).toHaveLength(48)
  expect(days).toHaveLength(27) // The last backups of the newest three days lie within the hours.
  expect(days.every((atMs) => new Date(atMs).getUTCHours() === 23)).toBe(true)
  expect(Math.min(...days)).toBeGreaterThan(NOW_MS - 30 * DAY)
})

test('the newest three are kept, although they are of one hour', () => {
  const minutes = Array.from({ length: 10 }, (_, index) => at(NOW_MS + index * 60_000))
  expect(backupsToRemove(minutes)).toEqual(minutes.slice(0, 7).toReversed())
})

test('a year without a backup, or a clock that was wrong for one, takes none away', () => {
  const old = hourly(20).map(({ atMs }) => at(atMs - 365 * DAY))
  expect(backupsToRemove([...old, at(NOW_MS)])).toEqual([])
  expect(backupsToRemove([...old, at(NOW_MS + 3650 * DAY)])).toEqual([])
})

test('fewer than three are never thinned', () => {
  expect(backupsToRemove([at(1), at(2), at(3)], { hours: 0, days: 0, atLeast: 3 })).toEqual([])
})
