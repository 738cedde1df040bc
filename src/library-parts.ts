// The composition of the library: recordings of calls, content and uploads. Part of the composition root.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { rm, statfs } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { ApiSecrets } from './api/api-secrets.ts'
import type { ApiServerOptions } from './api/server.ts'
import type { writtenEvents } from './api/written-events.ts'
import type { Catalog } from './catalog/types.ts'
import type { Config } from './config/types.ts'
import { toMirrorError } from './core/errors.ts'
import type { Log } from './core/log.ts'
import type { JobKindsHost } from './job-kinds.ts'
import type { JobService } from './jobs/job-service.ts'
import { dropAdopted } from './library/assets/adopt-object-job.ts'
import { cancelConversionWithJob, failWithJob as failAssetWithJob } from './library/assets/asset-job.ts'
import { AssetNews } from './library/assets/asset-news.ts'
import { AssetShelf } from './library/assets/asset-shelf.ts'
import { IncomingDesk } from './library/assets/incoming-desk.ts'
import { SizeMaker } from './library/assets/size-maker.ts'
import { SubtitleDesk } from './library/assets/subtitle-desk.ts'
import { followTrash } from './library/assets/withhold-playback.ts'
import { pullerFor } from './library/intake/pull.ts'
import { openConverter } from './library/processing/mediaconvert/video-converter.ts'
import { ffprobePathOf } from './library/processing/probe-media.ts'
import { Scratch } from './library/processing/scratch.ts'
import type { ScratchDisk } from './library/processing/scratch-disk.ts'
import { RecordingBook } from './library/recordings/recording-book.ts'
import { failWithJob } from './library/recordings/recording-jobs.ts'
import { RecordingPolicies } from './library/recordings/recording-policies.ts'
import { createSoundReader } from './library/recordings/sound-reader.ts'
import { startSweeper } from './library/recordings/sweep-recordings.ts'
import { keepAsAsset } from './library/uploads/keep-as-asset.ts'
import { UploadDesk, type UploadDeskHost } from './library/uploads/upload-desk.ts'
import { openDirectUploads } from './storage/direct-uploads.ts'
import { storeLocation } from './storage/store-location.ts'
import type { TieredStore } from './storage/tiers.ts'

/** How late a recording of a call may go whose time is over. */
const RECORDING_SWEEP_MS = 60_000
/** A client that sends nothing for so long has lost its connection. */
const UPLOAD_IDLE_MS = 30_000

export interface LibraryHost {
  readonly config: Config
  readonly catalog: Catalog
  readonly store: TieredStore
  readonly secrets: Pick<ApiSecrets, 'open'>
  readonly written: ReturnType<typeof writtenEvents>
  /** Known only once there are kinds of jobs. */
  readonly jobs: () => JobService
  readonly clock: () => number
  readonly log: Log
}

export interface LibraryParts {
  /** What its jobs work with. */
  readonly jobHosts: Pick<JobKindsHost, 'recordings' | 'incoming' | 'assets'>
  /** Once there are jobs, which it follows: what the API serves. */
  startServices(): Promise<Pick<ApiServerOptions, 'assets' | 'uploads' | 'incoming' | 'direct' | 'recordings'>>
  /** Once the API serves: what a killed Mirror left is gone on with, and what is over goes. */
  startSweeper(startedAtMs: number): Promise<void>
}

/** Whatever has to be closed goes to `opened`. */
export async function openLibrary(host: LibraryHost, opened: AsyncDisposableStack): Promise<LibraryParts> {
  const { config, catalog, store, secrets, written, jobs, clock, log } = host
  const recordings = new RecordingBook({ recordings: catalog.recordings, eventOf: written.ofRecording, now: clock })
  const policies = new RecordingPolicies({
    ...{ catalog, now: clock, newId: randomUUID, eventOf: written.ofPolicy },
    ...{ standard: config.recordings.standard, isLifecycleOn: config.recordings.isLifecycleOn },
  })
  const assetScratchDir = join(config.dataDir, 'scratch', 'assets')
  await rm(assetScratchDir, { recursive: true, force: true }) // Left by a Mirror that was killed.
  const { mediaConvert } = config.processing
  const isConverted = mediaConvert !== null && config.store.kind === 's3'
  const converter = isConverted ? opened.use(await openConverter(mediaConvert, config.store.s3)) : null
  const assetHost = {
    converter,
    ...{ assets: catalog.assets, store, news: new AssetNews(written.ofAsset), jobs, now: clock },
    ...{ scratchDir: assetScratchDir, trashMs: config.assets.trashMs, spawn, log: log.child('assets') },
    ...{ ffmpegPath: config.ffmpeg.path, media: { ...config.processing, threads: backgroundThreads() } },
    disk: { keepFreeBytes: config.uploads.keepFreeBytes, ...dataDisk(config) },
  }
  const shelf = new AssetShelf(assetHost)
  const direct = opened.use(await openDirectUploads(storeLocation(config), { nowMs: clock }))
  const desk =
    config.incoming === null
      ? null
      : new IncomingDesk({ ...config.incoming, incoming: catalog.incoming, store, jobs, now: clock })
  const pull = pullerFor(config.pull.allow)
  const openSealed = (sealed: string) => secrets.open(sealed)
  const { path: ffmpegPath } = config.ffmpeg
  const tools = { ffmpegPath, ffprobePath: ffprobePathOf(ffmpegPath), spawn, log: log.child('recordings') }

  return {
    jobHosts: {
      incoming: desk === null || config.incoming === null ? null : { desk, everyMs: config.incoming.everyMs },
      recordings: {
        ...{ book: recordings, recordings: catalog.recordings, store, ledger: catalog.ledger, now: clock },
        ...{
          policies,
          maxBytes: config.recordings.maxBytes,
          coldFormat: config.recordings.coldFormat,
          jobs,
          pull,
          openSealed,
        },
        scratch: await Scratch.open(join(config.dataDir, 'scratch', 'recordings')),
        ffmpeg: { ...tools, threads: 1 },
        sound: createSoundReader(tools),
      },
      assets: { ...assetHost, shelf, direct, maxBytes: config.assets.maxBytes, pull, openSealed },
    },

    async startServices() {
      opened.defer(jobs().onChange((job) => void failWithJob(recordings, job).catch(() => {})))
      opened.defer(jobs().onChange((job) => void failAssetWithJob(assetHost, job).catch(() => {})))
      opened.defer(jobs().onChange((job) => void dropAdopted(store, job).catch(() => {})))
      const uncancelled = (error: unknown) =>
        log.warn('a MediaConvert job was not cancelled', { error: toMirrorError(error).message })
      opened.defer(jobs().onChange((job) => void cancelConversionWithJob(assetHost, job).catch(uncancelled)))
      if (desk !== null) opened.defer(jobs().onChange((job) => void desk.forgetWithJob(job).catch(() => {})))
      opened.defer(followTrash(assetHost.news, assetHost))
      const keep = keepAsAsset({ store, shelf, find: (tenantId, id) => catalog.assets.get(tenantId, id) })
      const uploads = opened.use(
        await UploadDesk.open({ ...uploadOptions(config), keep, now: clock, log: log.child('uploads') }),
      )
      return {
        assets: {
          ...{ shelf, sizes: new SizeMaker(assetHost), news: assetHost.news, ...config.assets },
          subtitles: new SubtitleDesk({
            ...{ ...assetHost, shelf },
            scratch: await Scratch.open(join(config.dataDir, 'scratch', 'subtitles')),
          }),
        },
        ...{ uploads, direct, incoming: watchedBucket(config, desk) },
        recordings: { book: recordings, policies, maxBytes: config.recordings.maxBytes },
      }
    },

    async startSweeper(startedAtMs) {
      opened.use(
        await startSweeper(
          {
            ...{ book: recordings, recordings: catalog.recordings, now: clock },
            deletesDue: config.recordings.isLifecycleOn,
            start: (job) => jobs().add(job),
          },
          {
            aloneSinceMs: config.database.kind === 'sqlite' ? startedAtMs : null,
            everyMs: RECORDING_SWEEP_MS,
            log: log.child('recordings'),
          },
        ),
      )
    },
  }
}

function dataDisk({ store, dataDir }: Config): Pick<ScratchDisk, 'freeBytes' | 'copies'> {
  return {
    // Folders are mostly on the same disk, and what is wanted too much there is only asked for in time.
    copies: store.kind === 's3' ? 1 : 2,
    freeBytes: async () => {
      const { bavail, bsize } = await statfs(dataDir)
      return bavail * bsize
    },
  }
}

function uploadOptions(config: Config): Pick<UploadDeskHost, 'folder' | 'limits' | 'freeBytes' | 'newId'> {
  const { assets, uploads, dataDir } = config
  const { copies, freeBytes } = dataDisk(config)
  return {
    folder: join(dataDir, 'uploads'),
    limits: {
      ...{ maxBytes: assets.maxBytes, maxUnfinished: uploads.maxUnfinished, keepMs: uploads.expireMs },
      ...{ keepFreeBytes: uploads.keepFreeBytes, idleMs: UPLOAD_IDLE_MS, copies },
    },
    freeBytes,
    newId: randomUUID,
  }
}

function watchedBucket(config: Config, desk: IncomingDesk | null): ApiServerOptions['incoming'] {
  const location = storeLocation(config)
  if (desk === null || location.kind !== 's3') return null
  return { desk, bucket: location.settings.bucket, keyPrefix: location.settings.prefix }
}

/** Half of the machine at most for what is not live. */
function backgroundThreads(): number {
  return Math.min(8, Math.max(1, Math.floor(availableParallelism() / 2)))
}
