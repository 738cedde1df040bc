// What a job is: work that outlives a request and a process. Kept in the catalog, so that any Mirror on it may do it.

export const JOB_STATES = ['waiting', 'running', 'done', 'failed', 'cancelled'] as const
export type JobState = (typeof JOB_STATES)[number]

export type JobPayload = Readonly<Record<string, unknown>>

/** How far a job is. `total` is null while nobody can know. */
export interface JobProgress {
  readonly done: number
  readonly total: number | null
  /** What the numbers count, and what is being done: "packing 10:00–11:00". */
  readonly note: string
}

export interface JobFailure {
  readonly code: string
  readonly message: string
}

export interface JobRow {
  readonly id: string
  readonly kind: string
  readonly tenantId: string
  /** Of two unfinished jobs of a kind at most one has a key; null: no such rule. */
  readonly dedupeKey: string | null
  readonly payload: JobPayload
  readonly state: JobState
  /** Higher first. */
  readonly priority: number
  /** Attempts begun, the running one included. One that was drained, or found a full disk, is given back. */
  readonly attempt: number
  readonly maxAttempts: number
  /** Not before this. */
  readonly runAtMs: number
  /** Who runs it, for people; what counts is `fence`. */
  readonly owner: string | null
  /**
   * Rises with every claim. Whoever acts for the job names it, and an effect with an old one is refused: a worker that
   * slept through its lease cannot act a second time.
   */
  readonly fence: number
  readonly leaseUntilMs: number | null
  readonly cancelRequested: boolean
  readonly progress: JobProgress | null
  readonly result: JobPayload | null
  readonly failure: JobFailure | null
  readonly createdAtMs: number
  readonly startedAtMs: number | null
  readonly finishedAtMs: number | null
  /** When it first was due and had to wait because its tenant had as many running as it may; null: never. */
  readonly throttledAtMs: number | null
}

/** Running jobs that one tenant may have, by kind, on all Mirrors of the database together; not named: no limit. */
export type TenantLimits = Readonly<Record<string, number>>

/** A number of jobs of one kind. */
export interface KindCount {
  readonly kind: string
  readonly count: number
}

export type NewJob = Pick<JobRow, 'id' | 'kind' | 'payload'> &
  Partial<Pick<JobRow, 'tenantId' | 'dedupeKey' | 'priority' | 'maxAttempts' | 'runAtMs'>>

/** The right to act for a job, until somebody else claims it. */
export interface JobClaim {
  readonly id: string
  readonly fence: number
}

export interface JobFilter {
  readonly kind?: string
  readonly state?: JobState
  readonly tenantId?: string
}

/** What the catalog promises about jobs; one implementation over both databases. */
export interface JobTable {
  /** Adds the job, or gives the unfinished one with the same kind and key. */
  add(job: NewJob, nowMs: number): Promise<{ readonly job: JobRow; readonly isNew: boolean }>
  get(id: string): Promise<JobRow | null>
  /** Newest first. `before` is the id of the last job of the page before. */
  list(query: JobFilter & { readonly before?: string; readonly limit: number }): Promise<readonly JobRow[]>
  /** Unfinished jobs by kind and state. */
  count(): Promise<readonly { readonly kind: string; readonly state: JobState; readonly count: number }[]>
  /**
   * The next job that is due, of one of `kinds`, as running with a new fence; null when there is none. Tenants take
   * turns: the one with the fewest running jobs of a kind comes first. Of several callers each gets another job, and
   * together they exceed no tenant's limit. An attempt whose lease has run out takes no place.
   */
  claim(by: {
    readonly kinds: readonly string[]
    /** Omitted: none. */
    readonly tenantLimits?: TenantLimits
    readonly owner: string
    readonly nowMs: number
    readonly leaseMs: number
  }): Promise<JobRow | null>
  /** Marks jobs that are due and whose tenant is at its limit; how many are marked for the first time, by kind. */
  markThrottled(tenantLimits: TenantLimits, nowMs: number): Promise<readonly KindCount[]>
  /** For a process that is alone on its database: whoever held a lease is dead, and what it did can be taken up at once. */
  endLeases(nowMs: number): Promise<void>
  /** Fails, as `job_abandoned`, what ran out of attempts because its workers died. Gives those jobs. */
  failAbandoned(nowMs: number): Promise<readonly JobRow[]>
  /** Extends the lease. Null when the claim is lost: stop at once. */
  renew(
    claim: JobClaim,
    change: { readonly leaseUntilMs: number; readonly progress?: JobProgress },
  ): Promise<{ readonly cancelRequested: boolean } | null>
  /** These four are false, and change nothing, when the claim is lost. */
  finish(claim: JobClaim, result: JobPayload, nowMs: number): Promise<boolean>
  /** With `retryAtMs` the job waits again, without it has failed. `isCounted` is false: this attempt does not count. */
  fail(
    claim: JobClaim,
    failure: JobFailure,
    when: { readonly nowMs: number; readonly retryAtMs: number | null; readonly isCounted?: boolean },
  ): Promise<boolean>
  /** Gives a job back that was not at fault: this attempt does not count. */
  release(claim: JobClaim, nowMs: number): Promise<boolean>
  /** Ends a running job as cancelled, after its worker stopped. */
  endCancelled(claim: JobClaim, nowMs: number): Promise<boolean>
  /** A waiting job is cancelled at once, a running one is asked to stop. Null when it is unknown or finished. */
  cancel(id: string, nowMs: number): Promise<JobRow | null>
  /** A failed or cancelled job waits again, with all its attempts. Null when it is in another state or unknown. */
  retry(id: string, nowMs: number): Promise<JobRow | null>
  /** Removes jobs that finished before `beforeMs`; how many. */
  trim(beforeMs: number): Promise<number>
  /** Registers or changes a schedule; one that exists keeps its next run unless `every` or `cron` changed. */
  schedule(schedule: Schedule): Promise<void>
  schedules(): Promise<readonly Schedule[]>
  unschedule(name: string): Promise<boolean>
  /** Adds `job` and moves the schedule on, in one transaction; false when somebody else did it for this run. */
  runSchedule(
    run: { readonly name: string; readonly dueAtMs: number; readonly nextAtMs: number; readonly job: NewJob },
    nowMs: number,
  ): Promise<boolean>
}

/** A job that comes again and again. */
export interface Schedule {
  readonly name: string
  readonly kind: string
  readonly payload: JobPayload
  /** `every 3600s` or five cron fields in UTC. */
  readonly rule: string
  readonly nextAtMs: number
}
