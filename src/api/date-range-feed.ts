// Origins that share a database show the same date ranges: what another process has stored is looked for once a second.
import { setTimeout as delay } from 'node:timers/promises'
import type { Catalog, DateRangeRow } from '../catalog/types.ts'
import type { Log } from '../core/log.ts'

const LOOK_EVERY_MS = 1000
/** No playlist from memory reaches further back. */
export const DATE_RANGE_REACH_MS = 3_600_000

export interface DateRangeFeedOptions {
  readonly catalog: Pick<Catalog, 'dateRanges'>
  /** Tells the media plane what the catalog says of the stream now. */
  readonly register: (streamId: string) => Promise<void>
  readonly clock: () => number
  readonly log: Log
}

export function startDateRangeFeed({ catalog, register, clock, log }: DateRangeFeedOptions): AsyncDisposable {
  const stop = new AbortController()
  let known: ReadonlyMap<string, string> | null = null

  async function look(): Promise<void> {
    const rows = await catalog.dateRanges.list({ endsAfterMs: clock() - DATE_RANGE_REACH_MS })
    const now = summarise(rows)
    const before = known
    known = now
    if (before === null) return
    for (const streamId of new Set([...before.keys(), ...now.keys()]))
      if (before.get(streamId) !== now.get(streamId)) await register(streamId)
  }

  const running = (async () => {
    let isFailing = false
    while (!stop.signal.aborted) {
      try {
        await look()
        isFailing = false
      } catch (error) {
        // Once per outage: what was announced stays announced meanwhile.
        if (!isFailing) log.warn('date ranges of other origins cannot be read', { error: String(error) })
        isFailing = true
      }
      await delay(LOOK_EVERY_MS, undefined, { signal: stop.signal }).catch(() => {})
    }
  })()
  return {
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
    },
  }
}

function summarise(rows: readonly DateRangeRow[]): ReadonlyMap<string, string> {
  const texts = new Map<string, string>()
  for (const { streamId, range } of rows) texts.set(streamId, (texts.get(streamId) ?? '') + JSON.stringify(range))
  return texts
}
