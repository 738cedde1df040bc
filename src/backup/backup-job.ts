import type { JobKind } from '../jobs/job-runner.ts'
import type { Schedule } from '../jobs/types.ts'
import { type BackupHost, backUpCatalog } from './back-up-catalog.ts'
import type { BackupWatch } from './backup-watch.ts'

export const BACKUP_JOB = 'catalog-backup'

/** Not at the full hour, when everybody's jobs begin; of several Mirrors on one database one makes the backup. */
export const BACKUP_SCHEDULE: Omit<Schedule, 'nextAtMs'> = {
  name: 'hourly-catalog-backup',
  kind: BACKUP_JOB,
  payload: {},
  rule: '23 * * * *',
}

/** Tried several times, so a store that is away for a moment costs no backup. */
export function backupJob(host: BackupHost, watch: Pick<BackupWatch, 'learn'>): JobKind {
  return {
    limit: 1,
    async run({ signal }) {
      const done = await backUpCatalog(host, { signal })
      watch.learn(done)
      const { name, sizeBytes, rows, removed } = done
      return { backup: name, sizeBytes, rows, removed }
    },
  }
}
