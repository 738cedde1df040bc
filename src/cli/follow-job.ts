// Waits for a job and shows how far it is. The job does not depend on who watches.
import { setTimeout as delay } from 'node:timers/promises'
import type { JobView } from '../api/job-contract.ts'
import type { ApiClient } from './api-client.ts'
import { CliError } from './cli-error.ts'

const POLL_MS = 500
/** Without a terminal a line for each change of the figures would be a long log. */
const PLAIN_EVERY_MS = 10_000

/** Who watched went away; the job did not. */
export class JobGoesOn extends CliError {}

export interface FollowHost {
  readonly client: ApiClient
  readonly signal: AbortSignal
  /** Progress goes to standard error, so that what is printed at the end can be piped. */
  readonly stderr: (text: string) => void
  /** One line that is written over; else a line now and then. */
  readonly isTerminal: boolean
  readonly now: () => number
}

/**
 * Gives the job when it is done. Throws a `CliError` when it failed or was cancelled, and `JobGoesOn`, which
 * says how to see the job again, when `signal` aborts.
 */
export async function followJob(host: FollowHost, id: string): Promise<JobView> {
  const line = new ProgressLine(host)
  try {
    for (;;) {
      const job = await host.client.get<JobView>(`/jobs/${encodeURIComponent(id)}`)
      if (job.finishedAt !== null) return ended(job, line)
      line.show(job)
      await delay(POLL_MS, undefined, { signal: host.signal })
    }
  } catch (error) {
    line.end()
    if (!host.signal.aborted) throw error
    throw new JobGoesOn(
      `Job ${id} goes on without you.`,
      `See it with "mirror job show ${id}", wait for it with "mirror job wait ${id}", stop it with "mirror job cancel ${id}".`,
    )
  }
}

function ended(job: JobView, line: ProgressLine): JobView {
  line.end()
  if (job.state === 'done') return job
  const cause = job.failure === null ? '' : `: ${job.failure.message}`
  if (job.state === 'cancelled') throw new CliError(`Job ${job.id} was cancelled.`, 'Start it again if need be.')
  throw new CliError(`Job ${job.id} (${job.kind}) has failed${cause}`, 'The log of the server says more.')
}

/** `fsck  1,234 of 5,678 objects`, or what it waits for. */
export function renderProgress({ kind, state, progress, failure, runAt }: JobView): string {
  if (state === 'waiting') {
    return failure === null
      ? `${kind}  waits for its turn`
      : `${kind}  ${failure.message}; tried again at ${runAt.slice(11, 19)} UTC`
  }
  if (progress === null) return `${kind}  has begun`
  const { done, total, note } = progress
  const of = total === null ? '' : ` of ${total.toLocaleString('en')}`
  return `${kind}  ${done.toLocaleString('en')}${of} ${note}`
}

class ProgressLine {
  readonly #host: FollowHost
  #shown = ''
  #shownAtMs = Number.NEGATIVE_INFINITY

  constructor(host: FollowHost) {
    this.#host = host
  }

  show(job: JobView): void {
    const text = renderProgress(job)
    const { isTerminal, stderr, now } = this.#host
    if (text === this.#shown || (!isTerminal && now() - this.#shownAtMs < PLAIN_EVERY_MS)) return
    // Back to the begin of the line, and away with what was there.
    stderr(isTerminal ? `\r\u001b[K${text}` : `${text}\n`)
    this.#shown = text
    this.#shownAtMs = now()
  }

  end(): void {
    if (this.#host.isTerminal && this.#shown !== '') this.#host.stderr('\r\u001b[K')
    this.#shown = ''
  }
}
