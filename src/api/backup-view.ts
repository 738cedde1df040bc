// From backups of the catalog to what the API and its events show. Pure.
import type { StoredBackup } from '../backup/stored-backups.ts'
import type { MirrorEvent } from '../live/events.ts'
import { isoTime } from './stream-view.ts'
import type { SystemView } from './system-contract.ts'

const ADVICE = 'See why with "mirror job list --kind catalog-backup"'

export function renderBackup(newest: StoredBackup | null): SystemView['catalogBackup'] {
  return newest === null ? null : { name: newest.name, at: isoTime(newest.atMs), sizeBytes: newest.sizeBytes }
}

export function problemsOfBackups(trouble: string | null): SystemView['problems'] {
  return trouble === null ? [] : [{ code: 'catalog_backup_overdue', message: `${trouble}. ${ADVICE}.` }]
}

/** `trouble` null: it is over. */
export function eventOfBackups(trouble: string | null, atMs: number): MirrorEvent {
  const common = { type: 'system.warning', streamId: null, atMs, details: {} } as const
  return trouble === null
    ? { ...common, severity: 'info', code: 'catalog_backup_resumed', message: 'The catalog is backed up again' }
    : { ...common, severity: 'warning', code: 'catalog_backup_overdue', message: `${trouble}. ${ADVICE}` }
}
