// Takes what others put below a watched prefix of the store: found by listings, told by notifications, each once.
import type { Catalog } from '../../catalog/types.ts'
import { ERRORS, isCallersFault, toMirrorError } from '../../core/errors.ts'
import type { JobKind } from '../../jobs/job-runner.ts'
import type { JobService } from '../../jobs/job-service.ts'
import type { JobRow } from '../../jobs/types.ts'
import { compareKeys, parseObjectKey } from '../../storage/keys.ts'
import type { ObjectInfo, ObjectKey, ObjectStore } from '../../storage/object-store.ts'
import { adoptWork, watchedBy } from './adopt-object-job.ts'
import { cleanFolder } from './asset-name.ts'
import { type IncomingRow, isNews, placeOf } from './incoming-object.ts'

export const SCAN_INCOMING_JOB = 'incoming-scan'

/** In one scan; the others come with the next. */
const MAX_TAKEN = 1000
const ROWS_PER_PAGE = 500
/** Until there are tenants. */
const TENANT = 'default'
/** By its name nothing that is taken. */
const MARKER = 'put-files-here.tmp'

export interface IncomingHost {
  readonly incoming: Catalog['incoming']
  readonly store: Pick<ObjectStore, 'list' | 'head' | 'put'>
  /** Known only once there are kinds of jobs. */
  readonly jobs: () => Pick<JobService, 'add'>
  /** Ends with a slash. */
  readonly prefix: string
  /** What was changed later may still be being written. */
  readonly settleMs: number
  /** What was taken stays where it is. */
  readonly isKept: boolean
  readonly now: () => number
}

export class IncomingDesk {
  readonly #host: IncomingHost

  constructor(host: IncomingHost) {
    this.#host = host
  }

  get prefix(): string {
    return this.#host.prefix
  }

  /** Looks at everything below the prefix; how much was taken. What is there no more is forgotten. */
  async scan(signal: AbortSignal): Promise<{ readonly taken: number; readonly waiting: number }> {
    const { incoming, store, prefix, settleMs, now } = this.#host
    await this.#keepPlace(signal)
    const known = this.#known()
    let row = await known.next()
    let taken = 0
    let waiting = 0
    let gone: ObjectKey[] = []
    const passUntil = async (key: string | null) => {
      while (row.done !== true && (key === null || compareKeys(row.value.key, key) < 0)) {
        gone.push(row.value.key)
        row = await known.next()
      }
      if (gone.length >= ROWS_PER_PAGE || key === null) await incoming.remove(gone.splice(0))
    }
    for await (const info of store.list(prefix, { signal })) {
      await passUntil(info.key)
      const before = row.done !== true && row.value.key === info.key ? row.value : null
      if (before !== null) row = await known.next()
      if (placeOf(info.key, prefix) === null || !isNews({ etag: info.etag, sequencer: null }, before)) continue
      if (taken >= MAX_TAKEN || info.modifiedAtMs > now() - settleMs) waiting += 1
      else if (await this.#take(info, before?.sequencer ?? null)) taken += 1
    }
    await passUntil(null)
    gone = []
    return { taken, waiting }
  }

  /** Of a notification; false when it is no news, or there is no such object. */
  async notice(keys: readonly string[], sequencer: string | null, signal: AbortSignal): Promise<boolean> {
    const { incoming, store, prefix } = this.#host
    for (const text of new Set(keys)) {
      const key = parseObjectKey(text)
      if (key === null || placeOf(key, prefix) === null) continue
      const info = await store.head(key, { signal })
      if (info === null) continue
      const row = await incoming.get(key)
      return (
        isNews({ etag: info.etag, sequencer }, row) && (await this.#take(info, sequencer ?? row?.sequencer ?? null))
      )
    }
    return false
  }

  /**
   * What Mirror or the store could not take, though nothing is wrong with it, is news again for the next scan. For
   * `JobService.onChange`.
   */
  async forgetWithJob(job: JobRow): Promise<void> {
    const { incoming } = this.#host
    const taken = job.state === 'failed' ? watchedBy(job) : null
    if (taken === null || isCallersFault(job.failure?.code ?? '')) return
    if ((await incoming.get(taken.key))?.etag === taken.etag) await incoming.remove([taken.key])
  }

  /** The job first: what is noted without one would never be taken, and two jobs of one object are one. */
  async #take({ key, etag }: ObjectInfo, sequencer: string | null): Promise<boolean> {
    const { incoming, jobs, prefix, isKept, now } = this.#host
    const place = placeOf(key, prefix)
    if (place === null || place.tenantId !== TENANT || !isFolder(place.folder)) return false
    const { tenantId, name, folder } = place
    const work = adoptWork({
      ...{ tenantId, key, name, folder, tags: [], metadata: {}, sizeBytes: null, sha256: null, parts: null },
      etag,
      keep: isKept ? 'always' : 'refused',
    })
    // One is under way, which may have read what was there before: it is found again when that has ended.
    if (!(await jobs().add(work)).isNew) return false
    await incoming.put({ key, tenantId, etag, sequencer, takenAtMs: now() })
    return true
  }

  /** A folder whose last file was taken would go, and whoever writes there would find no place. */
  async #keepPlace(signal: AbortSignal): Promise<void> {
    const { store, prefix } = this.#host
    const key = parseObjectKey(`${prefix}${TENANT}/${MARKER}`)
    if (key === null || (await store.head(key, { signal })) !== null) return
    await store.put(key, Buffer.from('Files that are put here become content of Mirror.\n'), {
      ...{ signal, contentType: 'text/plain' },
    })
  }

  async *#known(): AsyncGenerator<IncomingRow, void, void> {
    const { incoming, prefix } = this.#host
    let after = ''
    for (;;) {
      const page = await incoming.list({ prefix, after, limit: ROWS_PER_PAGE })
      yield* page
      if (page.length < ROWS_PER_PAGE) return
      after = page.at(-1)?.key ?? after
    }
  }
}

export function scanIncomingJob(desk: IncomingDesk): JobKind {
  return { limit: 1, run: async ({ signal }) => ({ ...(await desk.scan(signal)) }) }
}

function isFolder(folder: string): boolean {
  try {
    cleanFolder(folder)
    return true
  } catch (error) {
    if (ERRORS[toMirrorError(error).code].fault !== 'caller') throw error
    return false
  }
}
