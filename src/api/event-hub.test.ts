import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Log } from '../core/log.ts'
import { silentLog } from '../core/log.ts'
import type { MirrorEvent } from '../live/events.ts'
import { createEventHub, MAX_WAITING_EVENTS } from './event-hub.ts'
import { QUIET_MS } from './quiet-log.ts'

function event(message: string, change: Partial<MirrorEvent> = {}): MirrorEvent {
  return {
    type: 'stream.error',
    severity: 'error',
    streamId: 'a',
    atMs: 0,
    code: null,
    message,
    details: {},
    ...change,
  }
}

function setUp(change: { append?: (events: readonly MirrorEvent[]) => Promise<void>; log?: Log } = {}) {
  const stored: MirrorEvent[] = []
  const sources = new Set<(event: MirrorEvent) => void>()
  const clock = { nowMs: 0 }
  const append = change.append ?? (async (events: readonly MirrorEvent[]) => void stored.push(...events))
  const hub = createEventHub({
    events: { append, list: async () => [], trim: async () => {} },
    live: {
      onEvent(listener) {
        sources.add(listener)
        return () => void sources.delete(listener)
      },
    },
    log: change.log ?? silentLog,
    clock: () => clock.nowMs,
    newId: randomUUID,
  })
  return { hub, stored, sources, clock }
}

test('an event reaches listeners at once and the catalog with the next flush', async () => {
  await using setup = setUp().hub
  const heard: string[] = []
  setup.onEvent(({ message }) => heard.push(message))
  setup.publish(event('one'))
  expect(heard).toEqual(['one'])
})

test('what waits is written when the hub closes, and the media plane is let go', async () => {
  const { hub, stored, sources } = setUp()
  for (const listener of sources) listener(event('from the media plane'))
  await hub[Symbol.asyncDispose]()
  expect(stored.map(({ message }) => message)).toEqual(['from the media plane'])
  expect(sources.size).toBe(0)
})

test('with the database away the oldest events are dropped and counted, and the rest is written later', async () => {
  const stored: MirrorEvent[] = []
  let isAway = true
  const append = async (events: readonly MirrorEvent[]) => {
    if (isAway) throw new Error('away')
    stored.push(...events)
  }
  const { hub } = setUp({ append })
  for (let n = 0; n < MAX_WAITING_EVENTS + 3; n += 1) hub.publish(event(`${n}`))
  await hub.flush()
  expect(hub.droppedCount()).toBe(3)
  isAway = false
  await hub.flush()
  expect(stored).toHaveLength(MAX_WAITING_EVENTS)
  expect(stored[0]?.message).toBe('3')
  await hub[Symbol.asyncDispose]()
})

test('who asks what is stored waits for what was published before, and for nothing that came after', async () => {
  const batches: string[][] = []
  const appends: PromiseWithResolvers<void>[] = []
  const append = async (events: readonly MirrorEvent[]) => {
    const done = Promise.withResolvers<void>()
    appends.push(done)
    await done.promise
    batches.push(events.map(({ message }) => message))
  }
  const { hub } = setUp({ append })
  await hub.stored()
  hub.publish(event('one'))
  const first = hub.stored()
  hub.publish(event('two'))
  const second = hub.stored()
  appends[0]?.resolve()
  await first
  expect(batches).toEqual([['one']])
  hub.publish(event('three'))
  appends[1]?.resolve()
  await second
  expect(batches).toEqual([['one'], ['two']])
  const refused = hub.stored()
  appends[2]?.reject(new Error('away'))
  await refused
  const closed = hub[Symbol.asyncDispose]()
  appends[3]?.resolve()
  await closed
  expect(batches).toEqual([['one'], ['two'], ['three']])
})

test('the same fault of one stream is logged once in ten seconds, with a count afterwards', async () => {
  const lines: { message: string; repeated: unknown }[] = []
  const write = (message: string, facts?: Readonly<Record<string, unknown>>) =>
    void lines.push({ message, repeated: facts?.['repeated'] })
  const log: Log = { debug: write, info: write, warn: write, error: write, child: () => log }
  const { hub, clock } = setUp({ log })
  hub.publish(event('first'))
  hub.publish(event('second'))
  hub.publish(event('third'))
  hub.publish(event('elsewhere', { streamId: 'b' }))
  clock.nowMs = QUIET_MS
  hub.publish(event('fourth'))
  await hub[Symbol.asyncDispose]()
  expect(lines).toEqual([
    { message: 'first', repeated: undefined },
    { message: 'elsewhere', repeated: undefined },
    { message: 'fourth', repeated: 2 },
  ])
})

test('viewer counts are pushed but neither stored nor logged', async () => {
  const { hub, stored } = setUp()
  const heard: string[] = []
  hub.onEvent(({ type }) => heard.push(type))
  hub.publish(event('3 viewers', { type: 'stream.viewers', severity: 'info' }))
  await hub[Symbol.asyncDispose]()
  expect(heard).toEqual(['stream.viewers'])
  expect(stored).toEqual([])
})
