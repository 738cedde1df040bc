// Processing of an asset as a durable job: step after step, each written down before the next begins.
import { z } from 'zod'
import type { Catalog } from '../../catalog/types.ts'
import { MirrorError } from '../../core/errors.ts'
import { failureOf, isFinal } from '../../jobs/after-failure.ts'
import type { JobContext, JobKind } from '../../jobs/job-runner.ts'
import type { JobPayload, JobRow, NewJob } from '../../jobs/types.ts'
import type { VideoConverter } from '../processing/mediaconvert/video-converter.ts'
import type { AssetProgress, AssetRow, AssetStep, JsonObject, RenditionRow } from './asset.ts'
import { refusalOf } from './asset-name.ts'
import type { AssetNews, AssetNewsKind } from './asset-news.ts'
import { resumeAt, stepsOf } from './asset-steps.ts'
import { conversionIn } from './convert-video.ts'
import { DocumentSteps } from './document-steps.ts'
import { type ImageHost, ImageSteps } from './image-steps.ts'
import { MediaSteps } from './media-steps.ts'
import type { MediaHost } from './media-workshop.ts'
import type { StepMaker } from './step-maker.ts'

/** Of pictures, documents and what is only identified. */
export const ASSET_JOB = 'asset-process'
/** Kinds of their own, so that pictures need not wait for hours of sound or video. */
export const SOUND_JOB = 'asset-sound'
export const VIDEO_JOB = 'asset-video'
export const ASSET_JOBS = [ASSET_JOB, SOUND_JOB, VIDEO_JOB] as const
export type AssetJobName = (typeof ASSET_JOBS)[number]

/** Two fill a small machine, and one video alone; jobs of other tenants take their turns. */
const AT_ONCE: Readonly<Record<AssetJobName, number>> = { [ASSET_JOB]: 2, [SOUND_JOB]: 1, [VIDEO_JOB]: 1 }
/** Of videos that are made elsewhere: here they mostly wait, with a copy of the original on the disk. */
const CONVERTED_AT_ONCE = 4
/** Each is a write; whoever watches does not see more. */
const PERCENT_EVERY_MS = 2000

const payloadSchema = z.object({ tenant: z.string(), asset: z.string() })

export interface AssetJobHost extends Omit<ImageHost & MediaHost, 'save' | 'renditions' | 'conversion'> {
  readonly assets: Catalog['assets']
  readonly store: MediaHost['store']
  readonly news: AssetNews
  /** Null: ffmpeg makes videos here. */
  readonly converter: VideoConverter | null
}

export function assetWork({ id, tenantId, kind }: Pick<AssetRow, 'id' | 'tenantId' | 'kind'>): Omit<NewJob, 'id'> {
  const job = kind === 'audio' ? SOUND_JOB : kind === 'video' ? VIDEO_JOB : ASSET_JOB
  return { kind: job, tenantId, dedupeKey: id, payload: { tenant: tenantId, asset: id } }
}

export function assetJobs(host: AssetJobHost): Readonly<Record<AssetJobName, JobKind>> {
  const atOnce = host.converter === null ? AT_ONCE : { ...AT_ONCE, [VIDEO_JOB]: CONVERTED_AT_ONCE }
  const job = (name: AssetJobName) => assetJob(host, atOnce[name])
  return { [ASSET_JOB]: job(ASSET_JOB), [SOUND_JOB]: job(SOUND_JOB), [VIDEO_JOB]: job(VIDEO_JOB) }
}

function assetJob(host: AssetJobHost, limit: number): JobKind {
  return {
    limit,
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
  if (!ASSET_JOBS.some((name) => name === job.kind) || (job.state !== 'failed' && job.state !== 'cancelled')) return
  const { tenantId, id } = pathOf(job)
  const asset = await assets.get(tenantId, id)
  if (asset === null || (asset.status !== 'pending' && asset.status !== 'processing')) return
  const cause = job.failure ?? { code: 'job_ended', message: 'its job was cancelled' }
  const failure = { step: asset.step?.name ?? stepsOf(asset)[0] ?? '', ...cause }
  const on = { nowMs: now(), from: ['pending', 'processing'], tell: news.written('failed') } as const
  const failed = await assets.advance(asset, { status: 'failed', failure, processedAtMs: now() }, on)
  if (failed !== null) news.tell('failed', failed)
}

/**
 * A job of MediaConvert that nobody waits for any more is not paid for; one whose job merely rests is gone on with. For
 * `JobService.onChange`.
 */
export async function cancelConversionWithJob(
  { assets, converter }: Pick<AssetJobHost, 'assets' | 'converter'>,
  job: JobRow,
): Promise<void> {
  if (converter === null || job.kind !== VIDEO_JOB || job.state !== 'cancelled') return
  const { tenantId, id } = pathOf(job)
  const conversion = conversionIn((await assets.get(tenantId, id))?.facts ?? {})
  if (conversion !== null) await converter.api.cancel(conversion.jobId)
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
  #percentAtMs: number
  /** A write that is under way. */
  #percentTold: Promise<void> | null = null

  constructor(host: AssetJobHost, context: JobContext, asset: AssetRow) {
    this.#host = host
    this.#context = context
    this.#asset = asset
    this.#percentAtMs = host.now()
  }

  async run(): Promise<JobPayload> {
    const { signal } = this.#context
    try {
      await this.#steps()
      await this.#advance({ status: 'ready', step: null, failure: null, processedAtMs: this.#host.now() }, 'ready')
      this.#host.news.tell('ready', this.#asset)
      return { outcome: 'ready' }
    } catch (thrown) {
      await this.#percentTold
      signal.throwIfAborted()
      if (thrown instanceof Superseded) return { outcome: 'nothing to do' }
      return await this.#failed(failureOf(thrown))
    }
  }

  async #steps(): Promise<void> {
    const steps = stepsOf(this.#asset)
    await using maker = this.#maker()
    for (let at = resumeAt(this.#asset); at < steps.length; at += 1) {
      const name = steps[at] ?? ''
      const step = { name, index: at + 1, count: steps.length }
      await this.#advance({ status: 'processing', step })
      this.#context.progress({ done: at, total: steps.length, note: name })
      this.#host.news.tell('progress', this.#asset)
      if (name === 'identify') this.#identify()
      else {
        const facts = await maker.run(name, this.#asset.facts, (percent) => this.#onPercent(step, percent))
        await this.#percentTold
        if (facts !== null) await this.#advance({ facts: { ...this.#asset.facts, ...facts } })
      }
    }
  }

  #maker(): StepMaker {
    const { assets, converter } = this.#host
    const { claim, signal, job } = this.#context
    const host = {
      ...this.#host,
      save: (row: RenditionRow) => assets.saveRendition(row, claim),
      renditions: () => assets.renditions(this.#asset.tenantId, [this.#asset.id]),
      conversion:
        converter === null ? null : { converter, jobId: job.id, note: (facts: JsonObject) => this.#note(facts) },
    }
    switch (this.#asset.kind) {
      case 'audio':
      case 'video':
        return new MediaSteps(host, this.#asset, signal)
      case 'document':
        return new DocumentSteps(host, this.#asset, signal)
      default:
        return new ImageSteps(host, this.#asset, signal)
    }
  }

  async #note(facts: JsonObject): Promise<void> {
    await this.#percentTold
    await this.#advance({ facts: { ...this.#asset.facts, ...facts } })
  }

  #onPercent(step: AssetStep, told: number): void {
    const percent = Math.max(0, Math.min(99, Math.floor(told)))
    this.#context.progress({ done: step.index - 1, total: step.count, note: `${step.name} ${percent} %` })
    const nowMs = this.#host.now()
    if (this.#percentTold !== null || nowMs - this.#percentAtMs < PERCENT_EVERY_MS) return
    this.#percentAtMs = nowMs
    this.#percentTold = this.#advance({ step: { ...step, percent } })
      .then(() => this.#host.news.tell('progress', this.#asset))
      // Whether somebody else has the job now, the next step finds out.
      .catch(() => {})
      .finally(() => {
        this.#percentTold = null
      })
  }

  #identify(): void {
    const problem = refusalOf(this.#asset.extension, this.#asset)
    if (problem !== null) throw new MirrorError('content_unsupported', problem)
  }

  /** `told`: what is written down with it. */
  async #advance(change: AssetProgress, told?: AssetNewsKind): Promise<void> {
    const { assets, news, now } = this.#host
    const tell = told === undefined ? {} : { tell: news.written(told) }
    const advanced = await assets.advance(this.#asset, change, { nowMs: now(), claim: this.#context.claim, ...tell })
    if (advanced === null) throw new Superseded()
    this.#asset = advanced
  }

  /** What no other attempt can mend is the end of the asset's processing, and not of the job: the original stays. */
  async #failed(error: MirrorError): Promise<JobPayload> {
    const failure = { step: this.#asset.step?.name ?? '', code: error.code, message: error.message }
    const isLast = isFinal(this.#context.job, error)
    const end = isLast ? ({ status: 'failed', processedAtMs: this.#host.now() } as const) : {}
    await this.#advance({ failure, ...end }, isLast ? 'failed' : undefined)
    if (!isLast) throw error
    this.#host.news.tell('failed', this.#asset)
    return { outcome: 'failed', ...failure }
  }
}
