// An API that takes content in and processes it with the real ffmpeg, over a store in memory.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { silentLog } from '../../src/core/log.ts'
import { assetJobs } from '../../src/library/assets/asset-job.ts'
import { NO_LIMITS, startTestApi, type TestApi } from './api-server.ts'
import { createMemoryTiers } from './memory-tiers.ts'

export async function startAssetApi(): Promise<TestApi> {
  const store = createMemoryTiers()
  return await startTestApi({ store, limits: NO_LIMITS }, ({ catalog, news, now, dataDir }) =>
    assetJobs({
      converter: null,
      ...{ assets: catalog.assets, store, news, now, spawn, log: silentLog },
      ...{ scratchDir: join(dataDir, 'scratch'), ffmpegPath: 'ffmpeg' },
      disk: { freeBytes: async () => 2 ** 40, keepFreeBytes: 0, copies: 1 },
      media: { maxDurationSec: 60, stepMs: 600_000, threads: 1 },
    }),
  )
}
