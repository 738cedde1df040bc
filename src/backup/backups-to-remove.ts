import { hourOf } from '../storage/keys.ts'

/** What is kept of backups: the newest of as many hours and days as have one, and so many of the newest in any case. */
export interface BackupRetention {
  readonly hours: number
  readonly days: number
  readonly atLeast: number
}

export const BACKUP_RETENTION: BackupRetention = { hours: 48, days: 30, atLeast: 3 }

/**
 * Backups that nobody needs any more. Hours and days are counted where there are backups, not back from now: neither a
 * clock that jumps nor a month without Mirror takes any away. Pure.
 */
export function backupsToRemove<Backup extends { readonly name: string; readonly atMs: number }>(
  backups: readonly Backup[],
  { hours, days, atLeast }: BackupRetention = BACKUP_RETENTION,
): readonly Backup[] {
  const newestFirst = backups.toSorted((a, b) => b.atMs - a.atMs || (a.name < b.name ? 1 : -1))
  const kept = new Set([
    ...newestFirst.slice(0, atLeast),
    ...newestOfEach(newestFirst, ({ atMs }) => hourOf(atMs)).slice(0, hours),
    ...newestOfEach(newestFirst, ({ atMs }) => hourOf(atMs).slice(0, 10)).slice(0, days),
  ])
  return newestFirst.filter((backup) => !kept.has(backup))
}

function newestOfEach<Backup>(newestFirst: readonly Backup[], periodOf: (backup: Backup) => string): readonly Backup[] {
  const seen = new Set<string>()
  return newestFirst.filter((backup) => {
    const period = periodOf(backup)
    if (seen.has(period)) return false
    seen.add(period)
    return true
  })
}
