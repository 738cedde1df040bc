// A viewer wants what is archived: its hour is brought back, once, however many ask.
import { toMirrorError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { JobService } from '../jobs/job-service.ts'
import { HOUR_MS, hourStartMs, parseObjectKey, parseRecordedKey } from '../storage/keys.ts'
import { RESTORE_JOB, type RestorePayload } from './restore-job.ts'

/** Requests for one hour come in dozens; this often one of them looks whether its job is there. */
const ASK_EVERY_MS = 10_000
/** Hours that are remembered; beyond them the oldest is asked for again. */
const MAX_HOURS = 1000

export interface RestoreOnPlayHost {
  readonly jobs: Pick<JobService, 'add'>
  readonly keepMs: number
  readonly now: () => number
  readonly log: Log
}

export class RestoreOnPlay {
  readonly #host: RestoreOnPlayHost
  /** Oldest first. */
  readonly #askedAtMs = new Map<string, number>()

  constructor(host: RestoreOnPlayHost) {
    this.#host = host
  }

  /** `text`: the key of an object of a recording; others are nobody's business here. Never rejects. */
  async want(text: string): Promise<void> {
    const { jobs, keepMs, now, log } = this.#host
    const key = parseObjectKey(text)
    const parsed = key === null ? null : parseRecordedKey(key)
    if (parsed === null || (parsed.kind !== 'segment' && parsed.kind !== 'pack')) return
    const { tenantId, streamId } = parsed.track
    const name = `${tenantId}/${streamId}/${parsed.hour}`
    const nowMs = now()
    if (nowMs - (this.#askedAtMs.get(name) ?? Number.NEGATIVE_INFINITY) < ASK_EVERY_MS) return
    this.#askedAtMs.delete(name)
    this.#askedAtMs.set(name, nowMs)
    const oldest = this.#askedAtMs.keys().next()
    if (this.#askedAtMs.size > MAX_HOURS && oldest.done !== true) this.#askedAtMs.delete(oldest.value)
    const fromMs = hourStartMs(parsed.hour)
    const payload: RestorePayload = { stream: { tenantId, streamId }, fromMs, toMs: fromMs + HOUR_MS, keepMs }
    try {
      await jobs.add({ kind: RESTORE_JOB, tenantId, payload, dedupeKey: JSON.stringify(payload) })
    } catch (error) {
      this.#askedAtMs.delete(name)
      log.warn('what a viewer wants could not be restored', { streamId, error: toMirrorError(error).message })
    }
  }
}
