// Every event passes here once: to the log, to listeners (WebSocket, metrics) at once, and to the catalog in batches.
import type { Catalog, EventToStore } from '../catalog/types.ts'
import type { Log } from '../core/log.ts'
import type { LiveControl } from '../live/control.ts'
import { type MirrorEvent, PASSING_EVENTS } from '../live/events.ts'
import { createQuietLog } from './quiet-log.ts'
import { DEFAULT_TENANT } from './stream-service.ts'

/** While the database is away the oldest waiting event is dropped, and counted. */
export const MAX_WAITING_EVENTS = 10_000
const BATCH = 500
const FLUSH_EVERY_MS = 500
/** What the catalog keeps, checked after so many appended events. */
const KEEP_EVENTS = 100_000
const TRIM_EVERY = 1_000

export interface EventHub extends AsyncDisposable {
  publish(event: MirrorEvent): void
  /** The same for what is in the catalog already: it was written with the change that it tells of. */
  announce(event: MirrorEvent): void
  /** Listeners hear an event in the moment it is published, before it is stored. They must not throw. */
  onEvent(listener: (event: MirrorEvent) => void): () => void
  /** Writes what waits; resolves also when the database refuses it. */
  flush(): Promise<void>
  /** Resolves when everything published so far is in the catalog, or when the database refuses it. */
  stored(): Promise<void>
  /** Events that were never stored, since the start. */
  droppedCount(): number
}

export function createEventHub(options: {
  readonly events: Catalog['events']
  readonly live: Pick<LiveControl, 'onEvent'>
  readonly log: Log
  readonly clock: () => number
  readonly newId: () => string
}): EventHub {
  const { events, live, log, clock, newId } = options
  const quiet = createQuietLog(log, clock)
  const listeners = new Set<(event: MirrorEvent) => void>()
  const waiting: EventToStore[] = []
  let dropped = 0
  let appendedSinceTrim = 0
  /** Counts of those to be stored: published so far, and on their way to the catalog. */
  let published = 0
  let underWay = 0
  let writing: Promise<boolean> | null = null
  let flushing: Promise<void> | null = null

  function publish(event: MirrorEvent): void {
    if (!PASSING_EVENTS.has(event.type)) {
      // Known by an id from now on, so that writing it twice tells nobody twice.
      waiting.push({ ...storable(event), id: newId(), tenantId: event.tenantId ?? DEFAULT_TENANT })
      published += 1
      if (waiting.length > MAX_WAITING_EVENTS) {
        waiting.shift()
        dropped += 1
      }
    }
    announce(event)
  }

  function announce(event: MirrorEvent): void {
    if (!PASSING_EVENTS.has(event.type)) quiet.write(event)
    for (const listener of listeners) listener(event)
  }

  /** False: the database refused it, and it waits again. */
  async function appendBatch(): Promise<boolean> {
    const batch = waiting.splice(0, BATCH)
    underWay = batch.length
    try {
      await events.append(batch)
    } catch (error) {
      const room = Math.max(0, MAX_WAITING_EVENTS - waiting.length)
      const kept = room === 0 ? [] : batch.slice(-room)
      waiting.unshift(...kept)
      dropped += batch.length - kept.length
      quiet.write(storeFailed(error, waiting.length, clock()))
      return false
    } finally {
      underWay = 0
    }
    appendedSinceTrim += batch.length
    if (appendedSinceTrim >= TRIM_EVERY) {
      appendedSinceTrim = 0
      await events.trim(KEEP_EVENTS).catch((error: unknown) => quiet.write(storeFailed(error, 0, clock())))
    }
    return true
  }

  /** One at a time: whoever comes while a batch is written waits for that. */
  function writeBatch(): Promise<boolean> {
    writing ??= appendBatch().finally(() => {
      writing = null
    })
    return writing
  }

  async function writeUntil(isDone: () => boolean): Promise<void> {
    while (!isDone()) if (!(await writeBatch())) return
  }

  function flush(): Promise<void> {
    flushing ??= writeUntil(() => waiting.length + underWay === 0).finally(() => {
      flushing = null
    })
    return flushing
  }

  function stored(): Promise<void> {
    const upTo = published
    return writeUntil(() => published - waiting.length - underWay >= upTo)
  }

  const stopListening = live.onEvent(publish)
  const timer = setInterval(() => {
    quiet.sweep()
    void flush()
  }, FLUSH_EVERY_MS)

  return {
    publish,
    announce,
    onEvent(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    flush,
    stored,
    droppedCount: () => dropped,
    async [Symbol.asyncDispose]() {
      stopListening()
      clearInterval(timer)
      await flush()
      quiet.close()
    },
  }
}

/** Messages may quote an encoder's bytes; PostgreSQL refuses U+0000 in text, and one event must not block the queue. */
function storable(event: MirrorEvent): MirrorEvent {
  return event.message.includes('\0') ? { ...event, message: event.message.replaceAll('\0', '') } : event
}

function storeFailed(error: unknown, waitingCount: number, atMs: number): MirrorEvent {
  return {
    type: 'system.error',
    severity: 'error',
    streamId: null,
    atMs,
    code: 'database_unavailable',
    message: `Events cannot be stored: ${error instanceof Error ? error.message : String(error)}`,
    details: { waitingCount },
  }
}
