// Moves what was recorded from tier to tier, job after job, as a Mirror does that is killed now and then: every life goes
// on with the job that it finds.
import { randomUUID } from 'node:crypto'
import { openCatalog } from '../../src/catalog/open-catalog.ts'
import type { Catalog } from '../../src/catalog/types.ts'
import { silentLog } from '../../src/core/log.ts'
import { MOVE_JOB, type MovePayload, moveJob } from '../../src/lifecycle/move-job.ts'
import { movableBeforeMs } from '../../src/lifecycle/recorded-objects.ts'
import type { Tier, TieredStore } from '../../src/storage/tiers.ts'

export interface MovingOrder {
  readonly catalogPath: string
  readonly streamId: string
  readonly tenantId: string
  /** One after the other, again and again. */
  readonly tiers: readonly Tier[]
}

const MANY_ATTEMPTS = 1_000_000
/** Whoever lives now has outlived the one before. */
const LEASE_MS = 1

export class Moving implements AsyncDisposable {
  readonly catalog: Catalog
  readonly #order: MovingOrder
  readonly #store: TieredStore
  readonly #mediaNow: () => number

  private constructor(catalog: Catalog, order: MovingOrder, store: TieredStore, mediaNow: () => number) {
    this.catalog = catalog
    this.#order = order
    this.#store = store
    this.#mediaNow = mediaNow
  }

  static async open(order: MovingOrder, store: TieredStore, mediaNow: () => number): Promise<Moving> {
    const location = { kind: 'sqlite', path: order.catalogPath } as const
    const catalog = await openCatalog(location, { log: silentLog, signal: new AbortController().signal })
    return new Moving(catalog, order, store, mediaNow)
  }

  /** Does the job that waits, or that a life before this one has begun; false when there is none. */
  async finishJob(signal: AbortSignal): Promise<boolean> {
    const { jobs, ledger } = this.catalog
    const by = { kinds: [MOVE_JOB], owner: 'test', leaseMs: LEASE_MS }
    const job = await jobs.claim({ ...by, nowMs: Date.now() + 2 * LEASE_MS })
    if (job === null) return false
    const claim = { id: job.id, fence: job.fence }
    const kind = moveJob({ store: this.#store, ledger, now: Date.now })
    const result = await kind.run({ job, claim, signal, progress: () => {} })
    await jobs.finish(claim, result, Date.now())
    return true
  }

  /** A job that moves all that may be moved now to `only`, or to the tier whose turn it is. */
  async addJob(only?: Tier): Promise<void> {
    const { tiers, tenantId, streamId } = this.#order
    const count = (await this.catalog.jobs.list({ kind: MOVE_JOB, limit: 10_000 })).length
    const tier = only ?? tiers[count % tiers.length] ?? 'hot'
    const toMs = movableBeforeMs(this.#mediaNow(), tier, 0)
    const payload: MovePayload = { stream: { tenantId, streamId }, tier, fromMs: null, toMs }
    await this.catalog.jobs.add({ id: randomUUID(), kind: MOVE_JOB, payload, maxAttempts: MANY_ATTEMPTS }, Date.now())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.catalog[Symbol.asyncDispose]()
  }
}
