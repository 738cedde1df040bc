// Processing of an asset as a durable job: step after step, each written down before the next begins.
import { z } from 'zod'
import type { Catalog } from '../../catalog/types.ts'
import { MirrorError, toMirrorError } from '../../core/errors.ts'
import { isFinal } from '../../jobs/after-failure.ts'
import type { JobContext, JobKind } from '../../jobs/job-runner.ts'
import type { JobPayload, JobRow, NewJob } from '../../jobs/types.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import type { AssetProgress, AssetRow } from './asset.ts'
import { refusalOf } from './asset-name.ts'
import type { AssetNews } from './asset-news.ts'
import { resumeAt, stepsOf } from './asset-steps.ts'
import { type ImageHost, ImageSteps } from './image-steps.ts'

export const ASSET_JOB = 'asset-process'

/** Two fill a small machine; jobs of other tenants take their turns. */
const AT_ONCE = 2

const payloadSchema = z.object({ tenant: z.string(), asset: z.string() })

export interface AssetJobHost extends Omit<ImageHost, 'save'> {
  readonly assets: Catalog['assets']
  readonly store: Pick<ObjectStore, 'get' | 'put'>
  readonly news: AssetNews
}

export function assetWork({ id, tenantId }: Pick<AssetRow, 'id' | 'tenantId'>): Omit<NewJob, 'id'> {
  return { kind: ASSET_JOB, tenantId, dedupeKey: id, payload: { tenant: tenantId, asset: id } }
}

export function assetJob(host: AssetJobHost): JobKind {
  return {
    limit: AT_ONCE,
    async run(context) {
      const path = pathOf(context.job)
      const asset = await host.assets.get(path.tenantId, path.id)
      if (asset === null || asset.status === 'ready') return { outcome: 'nothing to do' }
      return await new Attempt(host, context, asset).run()
    },
  }
}

/** Of a job that ended without a word (its workers died, somebody cancelled it) the asset says so. For `JobService.onChange`. */
export async function failWithJob({ assets, news, now }: Pick<AssetJobHost, 'assets' | 'news' | 'now'>, job: JobRow) {
  if (job.kind !== ASSET_JOB || (job.state !== 'failed' && job.state !== 'cancelled')) return
  const { tenantId, id } = pathOf(job)
  const asset = await assets.get(tenantId, id)
  if (asset === null || (asset.status !== 'pending' && asset.status !== 'processing')) return
  const cause = job.failure ?? { code: 'job_ended', message: 'its job was cancelled' }
  const failure = { step: asset.step?.name ?? stepsOf(asset)[0] ?? '', ...cause }
  const on = { nowMs: now(), from: ['pending', 'processing'] } as const
  const failed = await assets.advance(asset, { status: 'failed', failure, processedAtMs: now() }, on)
  if (failed !== null) news.tell('failed', failed)
}

function pathOf({ payload }: JobRow): { readonly tenantId: string; readonly id: string } {
  const { tenant, asset } = payloadSchema.parse(payload)
  return { tenantId: tenant, id: asset }
}

/** Somebody else has the job now, or the asset is gone: nothing is left to do here. */
class Superseded extends Error {}

class Attempt {
  readonly #host: AssetJobHost
  readonly #context: JobContext
  #asset: AssetRow

  constructor(host: AssetJobHost, context: JobContext, asset: AssetRow) {
    this.#host = host
    this.#context = context
    this.#asset = asset
  }

  async run(): Promise<JobPayload> {
    const { signal } = this.#context
    try {
      await this.#steps()
      await this.#advance({ status: 'ready', step: null, failure: null, processedAtMs: this.#host.now() })
      this.#host.news.tell('ready', this.#asset)
      return { outcome: 'ready' }
    } catch (thrown) {
      signal.throwIfAborted()
      if (thrown instanceof Superseded) return { outcome: 'nothing to do' }
      return await this.#failed(toMirrorError(thrown))
    }
  }

  async #steps(): Promise<void> {
    const steps = stepsOf(this.#asset)
    await using images = new ImageSteps(
      { ...this.#host, save: (row) => this.#host.assets.saveRendition(row, this.#context.claim) },
      this.#asset,
      this.#context.signal,
    )
    for (let at = resumeAt(this.#asset); at < steps.length; at += 1) {
      const name = steps[at] ?? ''
      await this.#advance({ status: 'processing', step: { name, index: at + 1, count: steps.length } })
      this.#context.progress({ done: at, total: steps.length, note: name })
      this.#host.news.tell('progress', this.#asset)
      if (name === 'identify') this.#identify()
      else {
        const facts = await images.run(name, this.#asset.facts)
        if (facts !== null) await this.#advance({ facts: { ...this.#asset.facts, ...facts } })
      }
    }
  }

  #identify(): void {
    const problem = refusalOf(this.#asset.extension, this.#asset)
    if (problem !== null) throw new MirrorError('content_unsupported', problem)
  }

  async #advance(change: AssetProgress): Promise<void> {
    const { claim } = this.#context
    const advanced = await this.#host.assets.advance(this.#asset, change, { nowMs: this.#host.now(), claim })
    if (advanced === null) throw new Superseded()
    this.#asset = advanced
  }

  /** What no other attempt can mend is the end of the asset's processing, and not of the job: the original stays. */
  async #failed(error: MirrorError): Promise<JobPayload> {
    const failure = { step: this.#asset.step?.name ?? '', code: error.code, message: error.message }
    const isLast = isFinal(this.#context.job, error)
    const end = isLast ? ({ status: 'failed', processedAtMs: this.#host.now() } as const) : {}
    await this.#advance({ failure, ...end })
    if (!isLast) throw error
    this.#host.news.tell('failed', this.#asset)
    return { outcome: 'failed', ...failure }
  }
}
