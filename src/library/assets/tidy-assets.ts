// The housekeeping of assets as a job: empties the trash when its time is over, and takes up what nobody works on.
import type { Catalog } from '../../catalog/types.ts'
import type { JobKind } from '../../jobs/job-runner.ts'
import type { JobService } from '../../jobs/job-service.ts'
import { assetPrefix } from '../../storage/keys.ts'
import type { ObjectKey, ObjectStore } from '../../storage/object-store.ts'
import type { AssetRow } from './asset.ts'
import { assetWork } from './asset-job.ts'
import type { AssetNews } from './asset-news.ts'

export const TIDY_ASSETS_JOB = 'asset-tidy'
export const TIDY_ASSETS_SCHEDULE = {
  ...{ name: 'tidy-assets', kind: TIDY_ASSETS_JOB, payload: {}, rule: 'every 600s' },
} as const

const BATCH = 100
const TAKEN_UP_AT_ONCE = 1000
/** Whoever has just added an asset adds its job in the next moment. */
const SETTLED_MS = 60_000

export interface TidyHost {
  readonly assets: Catalog['assets']
  readonly store: Pick<ObjectStore, 'list' | 'delete'>
  readonly jobs: () => Pick<JobService, 'add'>
  readonly news: AssetNews
  /** How long something stays in the trash. */
  readonly trashMs: number
  readonly now: () => number
}

export function tidyAssetsJob(host: TidyHost): JobKind {
  return {
    limit: 1,
    async run({ signal }) {
      return { purged: await purgeTrash(host, signal), taken: await takeUp(host) }
    },
  }
}

/** Objects first: a row that is left is found again, an object that is left is not. */
async function purgeTrash({ assets, store, news, trashMs, now }: TidyHost, signal: AbortSignal): Promise<number> {
  let count = 0
  for (;;) {
    const due = await assets.takePurged(now() - trashMs, BATCH)
    for (const asset of due) {
      signal.throwIfAborted()
      await deleteObjects(store, asset, signal)
      if (await assets.remove(asset.tenantId, asset.id, news.written('purged'))) news.tell('purged', asset)
      count += 1
    }
    if (due.length < BATCH) return count
  }
}

/** Everything below its prefix: renditions of earlier times, too. */
async function deleteObjects(
  store: TidyHost['store'],
  { tenantId, id }: Pick<AssetRow, 'tenantId' | 'id'>,
  signal: AbortSignal,
): Promise<void> {
  const keys: ObjectKey[] = []
  for await (const { key } of store.list(assetPrefix(tenantId, id), { signal })) keys.push(key)
  await store.delete(keys, { signal })
}

/** An asset has a job unless Mirror died between the two; of one that has, a second is none. */
async function takeUp({ assets, jobs, now }: TidyHost): Promise<number> {
  let taken = 0
  for (const asset of await assets.unfinished(TAKEN_UP_AT_ONCE)) {
    if (asset.updatedAtMs > now() - SETTLED_MS) continue
    if ((await jobs().add(assetWork(asset))).isNew) taken += 1
  }
  return taken
}
