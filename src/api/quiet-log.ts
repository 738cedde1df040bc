// The same fault a hundred times a second is one line and a count, not a full disk.
import type { Log } from '../core/log.ts'
import type { MirrorEvent } from '../live/events.ts'

export const QUIET_MS = 10_000
/** Beyond this many kinds under watch, the ones seen longest ago are forgotten and may log again. */
const MAX_KINDS = 1_000

export interface QuietLog {
  write(event: MirrorEvent): void
  /** Reports what was held back and is due; call it regularly. */
  sweep(): void
  /** Reports everything that was held back, at the end. */
  close(): void
}

export function createQuietLog(log: Log, clock: () => number): QuietLog {
  const kinds = new Map<string, { readonly sinceMs: number; repeated: number; last: MirrorEvent }>()

  function report(event: MirrorEvent, repeated: number): void {
    const { type, streamId, code, message, details } = event
    const facts = { type, streamId, code, ...details, ...(repeated === 0 ? {} : { repeated }) }
    const level = event.severity === 'warning' ? 'warn' : event.severity
    log[level](message, facts)
  }

  function sweep(dueBeforeMs: number): void {
    for (const [kind, entry] of kinds) {
      if (entry.sinceMs > dueBeforeMs) continue
      kinds.delete(kind)
      if (entry.repeated > 0) report(entry.last, entry.repeated)
    }
  }

  return {
    write(event) {
      const kind = `${event.type} ${event.code ?? ''} ${event.streamId ?? ''}`
      const entry = kinds.get(kind)
      if (entry !== undefined && clock() - entry.sinceMs < QUIET_MS) {
        entry.repeated += 1
        entry.last = event
        return
      }
      kinds.delete(kind)
      kinds.set(kind, { sinceMs: clock(), repeated: 0, last: event })
      report(event, entry?.repeated ?? 0)
      if (kinds.size > MAX_KINDS) {
        const oldest = kinds.keys().next().value
        if (oldest !== undefined) kinds.delete(oldest)
      }
    },
    sweep: () => sweep(clock() - QUIET_MS),
    close: () => sweep(Number.POSITIVE_INFINITY),
  }
}
