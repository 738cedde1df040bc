// Runs jobs of the catalog in this process: claims what is due, keeps leases alive, records how each ended.
import { type MirrorError, toMirrorError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { failureOf, retryAtMs, waitsForRoom } from './after-failure.ts'
import { nextRunMs } from './schedule-rule.ts'
import type { JobClaim, JobPayload, JobProgress, JobRow, JobTable, KindCount, TenantLimits } from './types.ts'

const LEASE_MS = 30_000
/** Three chances to renew a lease before it ends. */
const RENEW_MS = LEASE_MS / 3
/** How late a job may start that another process added. Own ones start at once. */
const POLL_MS = 1000
/** How old the progress that people see may be; each one is a write. */
const PROGRESS_MS = 1000
/** Less than half of what a stop may take: encoders are told after this. */
const DRAIN_MS = 2000
const KEEP_FINISHED_MS = 30 * 24 * 3_600_000
const TRIM_MS = 3_600_000

export interface JobContext {
  readonly job: JobRow
  /** Names the right to act; every effect in the catalog carries it. */
  readonly claim: JobClaim
  /** Aborts when the job is cancelled, its lease is lost, or the process drains. */
  readonly signal: AbortSignal
  /** Shown to people; call it as often as you like. */
  progress(progress: JobProgress): void
}

export interface JobKind {
  /** At once in this process. */
  readonly limit: number
  /** At once of one tenant, in all processes of the database together; omitted: no such limit. */
  readonly tenantLimit?: number
  /** Must be repeatable: an attempt may have died after any of its effects. */
  run(context: JobContext): Promise<JobPayload>
}

export interface JobRunnerOptions {
  readonly jobs: JobTable
  readonly kinds: Readonly<Record<string, JobKind>>
  /** For people: which process this is. */
  readonly owner: string
  readonly now: () => number
  readonly random: () => number
  readonly randomId: () => string
  readonly log: Log
  /** A job was begun here, or has ended here for good: done, failed or cancelled. */
  readonly onChange: (job: JobRow) => void
  /** Jobs that are due, and for the first time wait for others of their tenant. */
  readonly onThrottled: (count: KindCount) => void
  readonly timing?: { readonly leaseMs: number; readonly renewMs: number; readonly pollMs: number }
}

export interface JobRunner extends AsyncDisposable {
  /** Something may be due now. */
  wake(): void
  /** A job that may run here was asked to stop: it hears so at once. */
  notice(jobId: string): void
}

/** Ends attempts without a verdict about the job. */
class AttemptEnded extends Error {
  readonly why: 'cancelled' | 'lease_lost' | 'draining'

  constructor(why: AttemptEnded['why']) {
    super(why)
    this.why = why
  }
}

export function startJobRunner(options: JobRunnerOptions): JobRunner {
  return new Runner(options)
}

interface Attempt {
  readonly kind: string
  readonly lease: Lease
  readonly ended: Promise<void>
}

class Runner implements JobRunner {
  readonly #options: JobRunnerOptions
  readonly #timing: NonNullable<JobRunnerOptions['timing']>
  readonly #tenantLimits: TenantLimits
  readonly #attempts = new Map<string, Attempt>()
  readonly #draining = new AbortController()
  readonly #timer: NodeJS.Timeout
  #turn: Promise<void> | null = null
  #isWoken = false
  #trimmedAtMs = Number.NEGATIVE_INFINITY

  constructor(options: JobRunnerOptions) {
    this.#options = options
    this.#tenantLimits = limitsOf(options.kinds)
    this.#timing = options.timing ?? { leaseMs: LEASE_MS, renewMs: RENEW_MS, pollMs: POLL_MS }
    this.#timer = setInterval(() => this.wake(), this.#timing.pollMs)
    this.wake()
  }

  wake(): void {
    if (this.#draining.signal.aborted) return
    this.#isWoken = true
    this.#turn ??= this.#takeTurns().finally(() => {
      this.#turn = null
    })
  }

  notice(jobId: string): void {
    this.#attempts.get(jobId)?.lease.renew()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    this.#draining.abort(new AttemptEnded('draining'))
    const ended = (async () => {
      await this.#turn
      await Promise.all([...this.#attempts.values()].map((attempt) => attempt.ended))
    })()
    const late = Promise.withResolvers<void>()
    const timer = setTimeout(late.resolve, DRAIN_MS)
    await Promise.race([ended, late.promise]) // What does not listen to its signal loses its lease in time.
    clearTimeout(timer)
  }

  async #takeTurns(): Promise<void> {
    while (this.#isWoken && !this.#draining.signal.aborted) {
      this.#isWoken = false
      try {
        await this.#runSchedules()
        for (const job of await this.#options.jobs.failAbandoned(this.#options.now())) this.#options.onChange(job)
        await this.#trim()
        while (!this.#draining.signal.aborted && (await this.#claimOne())) {}
        const throttled = await this.#options.jobs.markThrottled(this.#tenantLimits, this.#options.now())
        for (const count of throttled) this.#options.onThrottled(count)
      } catch (error) {
        // The database is away; the next poll tries again.
        this.#options.log.warn('jobs cannot be read', { error: toMirrorError(error).message })
      }
    }
  }

  async #runSchedules(): Promise<void> {
    const { jobs, now, randomId, kinds } = this.#options
    for (const { name, kind, payload, rule, nextAtMs } of await jobs.schedules()) {
      const nowMs = now()
      // What this Mirror cannot do is left to one that can.
      if (nextAtMs > nowMs || kinds[kind] === undefined) continue
      // Runs that were missed while nobody ran are made up for by one.
      const job = { id: randomId(), kind, payload, dedupeKey: `schedule:${name}` }
      await jobs.runSchedule({ name, dueAtMs: nextAtMs, nextAtMs: nextRunMs(rule, nowMs), job }, nowMs)
    }
  }

  async #trim(): Promise<void> {
    const nowMs = this.#options.now()
    if (nowMs - this.#trimmedAtMs < TRIM_MS) return
    this.#trimmedAtMs = nowMs
    await this.#options.jobs.trim(nowMs - KEEP_FINISHED_MS)
  }

  async #claimOne(): Promise<boolean> {
    const { jobs, owner, now, kinds } = this.#options
    const free = Object.keys(kinds).filter((kind) => this.#running(kind) < (kinds[kind]?.limit ?? 0))
    const job = await jobs.claim({
      ...{ kinds: free, tenantLimits: this.#tenantLimits, owner },
      ...{ nowMs: now(), leaseMs: this.#timing.leaseMs },
    })
    const kind = job === null ? undefined : kinds[job.kind]
    if (job === null || kind === undefined) return false
    const lease = new Lease(this.#options, this.#timing, { id: job.id, fence: job.fence })
    const ended = this.#attempt(job, kind, lease)
      .catch((error: unknown) => {
        this.#options.log.warn('how a job ended could not be written', {
          job: job.id,
          error: toMirrorError(error).message,
        })
      })
      .finally(() => {
        this.#attempts.delete(job.id)
        this.wake()
      })
    this.#attempts.set(job.id, { kind: job.kind, lease, ended })
    return true
  }

  #running(kind: string): number {
    return [...this.#attempts.values()].filter((attempt) => attempt.kind === kind).length
  }

  async #attempt(job: JobRow, kind: JobKind, lease: Lease): Promise<void> {
    const { jobs, now, onChange } = this.#options
    const claim = { id: job.id, fence: job.fence }
    const signal = AbortSignal.any([this.#draining.signal, lease.signal])
    onChange(job)
    try {
      const result = await kind.run({ job, claim, signal, progress: (progress) => lease.report(progress) })
      const finishedAtMs = now()
      if (await jobs.finish(claim, result, finishedAtMs)) onChange({ ...job, state: 'done', result, finishedAtMs })
    } catch (thrown) {
      const ended: unknown = signal.aborted ? signal.reason : null
      if (!(ended instanceof AttemptEnded)) return await this.#fail(job, claim, failureOf(thrown))
      const finishedAtMs = now()
      if (ended.why === 'draining') await jobs.release(claim, finishedAtMs)
      if (ended.why === 'cancelled' && (await jobs.endCancelled(claim, finishedAtMs))) {
        onChange({ ...job, state: 'cancelled', finishedAtMs })
      }
    } finally {
      await lease[Symbol.asyncDispose]()
    }
  }

  async #fail(job: JobRow, claim: JobClaim, error: MirrorError): Promise<void> {
    const { jobs, now, random, log, onChange } = this.#options
    const { id, kind, attempt } = job
    const nowMs = now()
    const retry = retryAtMs(job, error, { nowMs, random })
    const isCounted = !waitsForRoom(error)
    const what = isCounted ? 'job failed' : 'job waits for room on the disk'
    log.warn(what, { job: id, kind, code: error.code, error: error.message, attempt })
    const failure = { code: error.code, message: error.message }
    const isWritten = await jobs.fail(claim, failure, { nowMs, retryAtMs: retry, isCounted })
    if (isWritten && retry === null) onChange({ ...job, state: 'failed', failure, finishedAtMs: nowMs })
  }
}

function limitsOf(kinds: Readonly<Record<string, JobKind>>): TenantLimits {
  return Object.fromEntries(
    Object.entries(kinds).flatMap(([kind, { tenantLimit }]) =>
      tenantLimit === undefined ? [] : [[kind, tenantLimit]],
    ),
  )
}

/** Keeps one claim alive, and ends the attempt when that fails or nobody wants it any more. */
class Lease implements AsyncDisposable {
  readonly #host: Pick<JobRunnerOptions, 'jobs' | 'now'>
  readonly #timing: NonNullable<JobRunnerOptions['timing']>
  readonly #claim: JobClaim
  readonly #ended = new AbortController()
  readonly #timer: NodeJS.Timeout
  #renewal: Promise<void> | null = null
  #isClosed = false
  #progress: JobProgress | undefined
  #askedAtMs = performance.now()
  /** Monotonic: a clock that jumps neither prolongs nor ends a lease. */
  #heldUntilMs: number

  constructor(
    host: Pick<JobRunnerOptions, 'jobs' | 'now'>,
    timing: NonNullable<JobRunnerOptions['timing']>,
    claim: JobClaim,
  ) {
    this.#host = host
    this.#timing = timing
    this.#claim = claim
    this.#heldUntilMs = performance.now() + timing.leaseMs
    this.#timer = setInterval(() => this.renew(), timing.renewMs)
  }

  get signal(): AbortSignal {
    return this.#ended.signal
  }

  report(progress: JobProgress): void {
    this.#progress = progress
    if (performance.now() - this.#askedAtMs >= PROGRESS_MS) this.renew()
  }

  renew(): void {
    if (this.#isClosed) return
    this.#renewal ??= this.#renew().finally(() => {
      this.#renewal = null
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#timer)
    await this.#renewal
  }

  async #renew(): Promise<void> {
    const { leaseMs, renewMs } = this.#timing
    this.#askedAtMs = performance.now()
    const change = {
      leaseUntilMs: this.#host.now() + leaseMs,
      ...(this.#progress === undefined ? {} : { progress: this.#progress }),
    }
    this.#progress = undefined
    try {
      const renewed = await this.#host.jobs.renew(this.#claim, change)
      if (renewed === null) this.#end('lease_lost')
      else if (renewed.cancelRequested) this.#end('cancelled')
      else this.#heldUntilMs = this.#askedAtMs + leaseMs
    } catch {
      // The database is away. The attempt goes on while the lease is surely held.
      if (performance.now() >= this.#heldUntilMs - renewMs) this.#end('lease_lost')
    }
  }

  #end(why: AttemptEnded['why']): void {
    clearInterval(this.#timer)
    this.#ended.abort(new AttemptEnded(why))
  }
}
