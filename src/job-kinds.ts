// Which kinds of job this Mirror can do, and which come by themselves. Part of the composition root.
import type { BackupHost } from './backup/back-up-catalog.ts'
import { BACKUP_JOB, BACKUP_SCHEDULE, backupJob } from './backup/backup-job.ts'
import type { BackupWatch } from './backup/backup-watch.ts'
import type { JobServiceOptions } from './jobs/job-service.ts'

export interface JobKindsHost {
  readonly backup: BackupHost
  readonly backups: BackupWatch
}

export function jobKinds({ backup, backups }: JobKindsHost): Pick<JobServiceOptions, 'kinds' | 'schedules'> {
  return {
    kinds: { [BACKUP_JOB]: backupJob(backup, backups) },
    schedules: [BACKUP_SCHEDULE],
  }
}
