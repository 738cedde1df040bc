// Sees to it that no recording stays half-way: what waits for a job gets one, what nobody sends any more has failed,
// what is due is deleted. Runs at the start and then again and again; may run in several processes at once.
import type { Catalog } from '../../catalog/types.ts'
import { MirrorError, toMirrorError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { NewJob } from '../../jobs/types.ts'
import type { RecordingBook } from './recording-book.ts'
import { deleteDueJob, nextJob } from './recording-work.ts'

/** Whoever receives one says so every few seconds. */
const SILENT_MS = 60_000
/** The rest is for the next time. */
const AT_ONCE = 1000

export interface SweepHost {
  readonly book: RecordingBook
  readonly recordings: Pick<Catalog['recordings'], 'unfinished' | 'due'>
  /** Adds a job, or finds the one that is there. */
  readonly start: (job: Omit<NewJob, 'id'>) => Promise<unknown>
  /** False: what is due is left alone. */
  readonly deletesDue: boolean
  readonly now: () => number
}

export interface SweeperOptions {
  /** When this process began, if no other works on this database: whoever received one before has died. Else null. */
  readonly aloneSinceMs: number | null
  readonly everyMs: number
  readonly log: Log
}

/** Sweeps once, then again and again until it is disposed. What fails is tried again at the next turn. */
export async function startSweeper(
  host: SweepHost,
  { aloneSinceMs, everyMs, log }: SweeperOptions,
): Promise<AsyncDisposable> {
  const sweep = async (goneBeforeMs: number) => {
    try {
      const { failed, due } = await sweepRecordings(host, goneBeforeMs)
      if (failed + due > 0) log.info('recordings of calls were looked after', { failed, due })
    } catch (error) {
      log.warn('recordings of calls cannot be looked after', { error: toMirrorError(error).message })
    }
  }
  await sweep(aloneSinceMs ?? host.now() - SILENT_MS)
  let turn: Promise<void> = Promise.resolve()
  let isBusy = false
  const timer = setInterval(() => {
    if (isBusy) return
    isBusy = true
    turn = sweep(host.now() - SILENT_MS).finally(() => {
      isBusy = false
    })
  }, everyMs)
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await turn
    },
  }
}

export interface SweepReport {
  /** Which wait for a job: they have one. */
  readonly resumed: number
  /** Whose sender is gone. */
  readonly failed: number
  /** Whose time was over. */
  readonly due: number
}

/** What was received and not touched since `goneBeforeMs` has no receiver any more. */
export async function sweepRecordings(
  { book, recordings, start, deletesDue, now }: SweepHost,
  goneBeforeMs: number,
): Promise<SweepReport> {
  let resumed = 0
  let failed = 0
  for (const row of await recordings.unfinished(AT_ONCE)) {
    const job = nextJob(row)
    if (job !== null) {
      await start(job)
      resumed += 1
    } else if (row.updatedAtMs < goneBeforeMs) {
      const gone = new MirrorError('upload_interrupted', 'Whoever received it ended before all of it had come')
      if ((await book.fail(row, gone)) !== null) failed += 1
    }
  }
  const due = deletesDue ? await recordings.due(now(), AT_ONCE) : []
  for (const row of due) await start(deleteDueJob(row))
  return { resumed, failed, due: due.length }
}
