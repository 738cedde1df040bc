import { Cron } from 'croner'
import { MirrorError } from '../core/errors.ts'

const EVERY = /^every (\d{1,9})s$/

/**
 * When a schedule comes next, strictly after `afterMs` (UTC). A rule is `every 3600s`, on multiples of that since the
 * epoch, or five cron fields. Throws `invalid_request` for anything else.
 */
export function nextRunMs(rule: string, afterMs: number): number {
  const everyMs = Number(EVERY.exec(rule)?.[1] ?? 0) * 1000
  if (everyMs > 0) return (Math.floor(afterMs / everyMs) + 1) * everyMs
  const next = cronOf(rule).nextRun(new Date(afterMs))
  if (next === null) throw notARule(rule, 'it never comes')
  return next.getTime()
}

function cronOf(rule: string): Cron {
  if (rule.trim().split(/\s+/).length !== 5) throw notARule(rule, 'cron rules have five fields')
  try {
    return new Cron(rule, { timezone: 'UTC', paused: true })
  } catch (error) {
    throw notARule(rule, error instanceof Error ? error.message : String(error))
  }
}

function notARule(rule: string, reason: string): MirrorError {
  return new MirrorError('invalid_request', `"${rule}" is not a schedule: ${reason}`)
}
