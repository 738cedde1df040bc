// Jobs as the rest of Mirror sees them: what kinds there are, which come by themselves, and how to add, find and stop one.
import { MirrorError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { type JobKind, type JobRunner, startJobRunner } from './job-runner.ts'
import { nextRunMs } from './schedule-rule.ts'
import type { JobFilter, JobRow, JobState, JobTable, KindCount, NewJob, Schedule } from './types.ts'

export interface JobServiceOptions {
  readonly jobs: JobTable
  readonly kinds: Readonly<Record<string, JobKind>>
  /** Known by name: one that is there already keeps its next run, unless its rule has changed. */
  readonly schedules: readonly Omit<Schedule, 'nextAtMs'>[]
  /** For people: which process this is. */
  readonly owner: string
  readonly now: () => number
  readonly random: () => number
  readonly randomId: () => string
  readonly log: Log
}

export interface JobCount extends KindCount {
  readonly state: JobState
}

/** Disposing gives running jobs back to whoever comes next, within two seconds. */
export class JobService implements AsyncDisposable {
  readonly #options: JobServiceOptions
  readonly #listeners = new Set<(job: JobRow) => void>()
  readonly #throttled = new Map<string, number>()
  #runner: JobRunner | null = null

  constructor(options: JobServiceOptions) {
    this.#options = options
  }

  /**
   * Registers the schedules and begins to run jobs. `isAlone`: no other process runs jobs of this database, so those that
   * are running belong to one that died. Rejects with `database_unavailable`.
   */
  async start({ isAlone = false }: { readonly isAlone?: boolean } = {}): Promise<void> {
    const { jobs, kinds, schedules, owner, now, random, randomId, log } = this.#options
    if (isAlone) await jobs.endLeases(now())
    for (const schedule of schedules) {
      await jobs.schedule({ ...schedule, nextAtMs: nextRunMs(schedule.rule, now()) })
    }
    const onChange = (job: JobRow) => this.#tell(job)
    const onThrottled = ({ kind, count }: KindCount) =>
      void this.#throttled.set(kind, (this.#throttled.get(kind) ?? 0) + count)
    this.#runner = startJobRunner({ jobs, kinds, owner, now, random, randomId, log, onChange, onThrottled })
  }

  /**
   * Of two unfinished jobs of a kind at most one has a `dedupeKey`: the one that is there already is given then. It runs
   * here or on another Mirror of the same database.
   */
  async add(job: Omit<NewJob, 'id'>): Promise<{ readonly job: JobRow; readonly isNew: boolean }> {
    const added = await this.#options.jobs.add({ ...job, id: this.#options.randomId() }, this.#options.now())
    this.#runner?.wake()
    return added
  }

  /**
   * The job with this id, added when there is none. One that failed or was cancelled waits again, with all its attempts,
   * when `again` says so.
   */
  async addOnce(job: NewJob, again: (ended: JobRow) => Promise<boolean>): Promise<JobRow> {
    const { jobs, now } = this.#options
    const before = (await jobs.get(job.id)) ?? (await this.#addNamed(job))
    if ((before.state !== 'failed' && before.state !== 'cancelled') || !(await again(before))) return before
    const retried = await jobs.retry(job.id, now())
    this.#runner?.wake()
    return retried ?? (await jobs.get(job.id)) ?? unknownJob(job.id)
  }

  /** Throws `job_not_found`, also for a job of another tenant. */
  async get(tenantId: string, id: string): Promise<JobRow> {
    const job = await this.#options.jobs.get(id)
    return job === null || job.tenantId !== tenantId ? unknownJob(id) : job
  }

  /** Newest first; `before` is the id of the last job of the page before. */
  async list(
    tenantId: string,
    query: Omit<JobFilter, 'tenantId'> & { readonly before?: string; readonly limit: number },
  ): Promise<readonly JobRow[]> {
    return await this.#options.jobs.list({ ...query, tenantId })
  }

  /** A running job stops a moment later. Throws `job_not_found`, `job_ended`. */
  async cancel(tenantId: string, id: string): Promise<JobRow> {
    await this.get(tenantId, id)
    const cancelled = await this.#options.jobs.cancel(id, this.#options.now())
    if (cancelled === null) {
      const { state } = await this.get(tenantId, id)
      throw new MirrorError('job_ended', `job ${id} is ${state} already`)
    }
    if (cancelled.state === 'cancelled') this.#tell(cancelled)
    else this.#runner?.notice(id)
    return cancelled
  }

  /** Unfinished jobs of all Mirrors of this database. */
  async unfinished(): Promise<readonly JobCount[]> {
    return await this.#options.jobs.count()
  }

  /** Jobs that this process found waiting for others of their tenant; each counts once, whoever finds it. */
  throttled(): readonly KindCount[] {
    return [...this.#throttled].map(([kind, count]) => ({ kind, count }))
  }

  get kinds(): readonly string[] {
    return Object.keys(this.#options.kinds)
  }

  /** Jobs that begin or end in this process. Listeners must not throw. */
  onChange(listener: (job: JobRow) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#runner?.[Symbol.asyncDispose]()
  }

  async #addNamed(job: NewJob): Promise<JobRow> {
    const { jobs, now } = this.#options
    try {
      const added = await jobs.add(job, now())
      this.#runner?.wake()
      return added.job
    } catch (error) {
      // Somebody else was faster, and it may have ended already.
      const there = await jobs.get(job.id).catch(() => null)
      if (there === null) throw error
      return there
    }
  }

  #tell(job: JobRow): void {
    for (const listener of this.#listeners) listener(job)
  }
}

function unknownJob(id: string): never {
  throw new MirrorError('job_not_found', `there is no job ${id}`)
}
