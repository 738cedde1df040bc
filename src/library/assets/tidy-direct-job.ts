import type { JobKind } from '../../jobs/job-runner.ts'
import type { DirectUploads } from '../../storage/direct-uploads.ts'
import { DIRECT_PREFIX } from '../../storage/keys.ts'
import type { ObjectKey, ObjectStore } from '../../storage/object-store.ts'

export const TIDY_DIRECT_JOB = 'direct-tidy'
export const TIDY_DIRECT_SCHEDULE = {
  ...{ name: 'tidy-direct', kind: TIDY_DIRECT_JOB, payload: {}, rule: 'every 3600s' },
} as const

/** From the beginning of a direct upload, for as long it can be completed. */
export const KEEP_DIRECT_MS = 48 * 3_600_000
/** Until what is left of one goes: a day for the job of what was completed in the last moment. */
const SWEEP_DIRECT_MS = KEEP_DIRECT_MS + 24 * 3_600_000
const BATCH = 1000

export interface TidyDirectHost {
  readonly store: Pick<ObjectStore, 'list' | 'delete'>
  readonly direct: Pick<DirectUploads, 'sweep'> | null
  readonly now: () => number
}

/** Removes direct uploads that nobody has completed. */
export function tidyDirectJob({ store, direct, now }: TidyDirectHost): JobKind {
  return {
    limit: 1,
    async run({ signal }) {
      const beforeMs = now() - SWEEP_DIRECT_MS
      const old: ObjectKey[] = []
      for await (const { key, modifiedAtMs } of store.list(DIRECT_PREFIX, { signal })) {
        if (modifiedAtMs < beforeMs) old.push(key)
      }
      for (let at = 0; at < old.length; at += BATCH) await store.delete(old.slice(at, at + BATCH), { signal })
      return { objects: old.length, uploads: (await direct?.sweep(DIRECT_PREFIX, { beforeMs, signal })) ?? 0 }
    },
  }
}
