// Which kinds of job this Mirror can do, and which come by themselves. Part of the composition root.
import type { BackupHost } from './backup/back-up-catalog.ts'
import { BACKUP_JOB, BACKUP_SCHEDULE, backupJob } from './backup/backup-job.ts'
import type { BackupWatch } from './backup/backup-watch.ts'
import type { Catalog } from './catalog/types.ts'
import { type CareHost, DEFAULT_GRACE_MS, type FsckPayload, fsckJob } from './dvr/care/fsck-job.ts'
import { scrubJob } from './dvr/care/scrub-job.ts'
import type { JobKind } from './jobs/job-runner.ts'
import type { JobServiceOptions } from './jobs/job-service.ts'
import { ADOPT_OBJECT_JOB, type AdoptHost, adoptObjectJob } from './library/assets/adopt-object-job.ts'
import { type AssetJobHost, assetJobs } from './library/assets/asset-job.ts'
import { type IncomingDesk, SCAN_INCOMING_JOB, scanIncomingJob } from './library/assets/incoming-desk.ts'
import { PULL_ASSET_JOB, type PullAssetHost, pullAssetJob } from './library/assets/pull-asset-job.ts'
import { TIDY_ASSETS_JOB, TIDY_ASSETS_SCHEDULE, type TidyHost, tidyAssetsJob } from './library/assets/tidy-assets.ts'
import {
  TIDY_DIRECT_JOB,
  TIDY_DIRECT_SCHEDULE,
  type TidyDirectHost,
  tidyDirectJob,
} from './library/assets/tidy-direct-job.ts'
import { ASSET_PLAYBACK_JOB, assetPlaybackJob } from './library/assets/withhold-playback.ts'
import { APPLY_POLICY_JOB, applyPolicyJob, type PolicyApplierHost } from './library/recordings/apply-policy.ts'
import {
  MOVE_RECORDINGS_JOB,
  MOVE_RECORDINGS_SCHEDULE,
  moveRecordingsJob,
  type RecordingMoverHost,
} from './library/recordings/move-recordings.ts'
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
  /** At once of one tenant, of each kind that its users can cause any number of. */
  readonly perTenant: number
  readonly recordings: RecordingJobsHost & RecordingMoverHost & PolicyApplierHost
  /** Null: nothing is watched. */
  readonly incoming: { readonly desk: IncomingDesk; readonly everyMs: number } | null
  readonly assets: AssetJobHost & TidyHost & PullAssetHost & AdoptHost & TidyDirectHost
}

export function jobKinds({
  catalog,
  backup,
  backups,
  store,
  perTenant,
  recordings,
  incoming,
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
      ...limited(perTenant, recordingJobs(recordings)),
      [MOVE_RECORDINGS_JOB]: moveRecordingsJob(recordings),
      [APPLY_POLICY_JOB]: applyPolicyJob(recordings),
      ...limited(perTenant, {
        ...assetJobs(assets),
        [PULL_ASSET_JOB]: pullAssetJob(assets),
        [ADOPT_OBJECT_JOB]: adoptObjectJob(assets),
      }),
      [TIDY_ASSETS_JOB]: tidyAssetsJob(assets),
      [ASSET_PLAYBACK_JOB]: assetPlaybackJob({ ...assets, store }),
      ...(incoming === null ? {} : { [SCAN_INCOMING_JOB]: scanIncomingJob(incoming.desk) }),
      [TIDY_DIRECT_JOB]: tidyDirectJob(assets),
    },
    schedules: [
      BACKUP_SCHEDULE,
      TIDY_ASSETS_SCHEDULE,
      TIDY_DIRECT_SCHEDULE,
      ...(incoming === null ? [] : [scanSchedule(incoming.everyMs)]),
      MOVE_RECORDINGS_SCHEDULE,
      { name: 'daily-fsck', kind: 'fsck', payload: { ...reportOnly }, rule: DAILY_FSCK },
    ],
  }
}

function limited(perTenant: number, kinds: Readonly<Record<string, JobKind>>): Readonly<Record<string, JobKind>> {
  return Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, { ...kind, tenantLimit: perTenant }]))
}

function scanSchedule(everyMs: number) {
  return { name: 'scan-incoming', kind: SCAN_INCOMING_JOB, payload: {}, rule: `every ${Math.round(everyMs / 1000)}s` }
}
