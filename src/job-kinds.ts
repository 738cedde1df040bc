// Which kinds of job this Mirror can do, and which come by themselves. Part of the composition root.
import type { BackupHost } from './backup/back-up-catalog.ts'
import { BACKUP_JOB, BACKUP_SCHEDULE, backupJob } from './backup/backup-job.ts'
import type { BackupWatch } from './backup/backup-watch.ts'
import type { Catalog } from './catalog/types.ts'
import { type CareHost, DEFAULT_GRACE_MS, type FsckPayload, fsckJob } from './dvr/care/fsck-job.ts'
import { scrubJob } from './dvr/care/scrub-job.ts'
import type { JobServiceOptions } from './jobs/job-service.ts'
import { ASSET_JOB, type AssetJobHost, assetJob } from './library/assets/asset-job.ts'
import { TIDY_ASSETS_JOB, TIDY_ASSETS_SCHEDULE, type TidyHost, tidyAssetsJob } from './library/assets/tidy-assets.ts'
import { type RecordingJobsHost, recordingJobs } from './library/recordings/recording-jobs.ts'
import { MOVE_JOB, moveJob } from './lifecycle/move-job.ts'
import { RESTORE_JOB, restoreJob } from './lifecycle/restore-job.ts'
import type { TieredStore } from './storage/tiers.ts'

/** At night in Europe, in the evening in America; of several Mirrors one does it. */
const DAILY_FSCK = '17 3 * * *'

export interface JobKindsHost {
  readonly catalog: Pick<Catalog, 'streams' | 'ledger'>
  readonly backup: BackupHost
  readonly backups: BackupWatch
  readonly store: TieredStore
  readonly recordings: RecordingJobsHost
  readonly assets: AssetJobHost & TidyHost
}

export function jobKinds({
  catalog,
  backup,
  backups,
  store,
  recordings,
  assets,
}: JobKindsHost): Pick<JobServiceOptions, 'kinds' | 'schedules'> {
  const streams = async () => (await catalog.streams.list()).map(({ id, tenantId }) => ({ tenantId, streamId: id }))
  const care: CareHost = { store: backup.store, streams, now: backup.now }
  const objects = { store, ledger: catalog.ledger, now: backup.now }
  const reportOnly: FsckPayload = { stream: null, repair: false, graceMs: DEFAULT_GRACE_MS }
  return {
    kinds: {
      [BACKUP_JOB]: backupJob(backup, backups),
      fsck: fsckJob(care),
      scrub: scrubJob(care),
      [MOVE_JOB]: moveJob(objects),
      [RESTORE_JOB]: restoreJob(objects),
      ...recordingJobs(recordings),
      [ASSET_JOB]: assetJob(assets),
      [TIDY_ASSETS_JOB]: tidyAssetsJob(assets),
    },
    schedules: [
      BACKUP_SCHEDULE,
      TIDY_ASSETS_SCHEDULE,
      { name: 'daily-fsck', kind: 'fsck', payload: { ...reportOnly }, rule: DAILY_FSCK },
    ],
  }
}
