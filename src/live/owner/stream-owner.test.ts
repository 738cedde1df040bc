import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createMemoryStore } from '../../storage/memory-store.ts'
import type { MirrorEvent } from '../events.ts'
import type { FromOwner } from '../ingest/protocol.ts'
import type { Publication } from '../publication.ts'
import { Registry } from '../registry.ts'
import { DEFAULT_STREAM_SETTINGS } from '../settings.ts'
import { flv, isAudioTag, settled, type TimedBytes } from './live-stage.test-support.ts'
import { StreamOwner } from './stream-owner.ts'
import { openTimelineStore } from './timeline-store.ts'

const NOW_MS = Date.UTC(2026, 10, 21)
let owner: StreamOwner
let replies: { readonly to: string; readonly message: FromOwner }[]
let busy: Map<string, boolean>
let events: MirrorEvent[]
let published: Publication[]
/** What was said to whom first. */
let order: string[]

function stream(id: string) {
  return { id, tenantId: 'default', settings: DEFAULT_STREAM_SETTINGS, dateRanges: [], holds: [], keyLookups: [] }
}

beforeEach(() => {
  vi.useFakeTimers({ now: NOW_MS, toFake: ['setInterval', 'clearInterval', 'Date'] })
  replies = []
  busy = new Map()
  events = []
  published = []
  order = []
  owner = new StreamOwner({
    registry: new Registry([stream('one'), stream('two')]),
    timeline: openTimelineStore(createMemoryStore({ nowMs: () => NOW_MS })),
    origins: 1,
    windowMaxBytes: 64 * 1024 * 1024,
    maxFragmentBytes: 1024 * 1024,
    firstSlabId: 0,
    now: () => Date.now(),
    publish: (batch) => {
      order.push('published')
      published.push(...batch)
    },
    reply: (to, message) => {
      order.push(message.kind)
      replies.push({ to, message })
    },
    emit: (event) => events.push(event),
    askSlate: () => {},
    askPast: async () => [],
    onBusy: (streamId, isBusy) => busy.set(streamId, isBusy),
  })
})

afterEach(() => {
  owner.stop('the test is over')
  vi.useRealTimers()
})

function open(receiver: string, inputId: string, streamId: string) {
  owner.onMessage(receiver, {
    kind: 'open',
    inputId,
    streamId,
    protocol: 'srt',
    container: 'ts',
    trackId: null,
    openedAtMs: Date.now(),
  })
}

test('an input is accepted, its stream is busy, and free again when it closes', () => {
  open('ingest', 'a', 'one')
  expect(replies).toEqual([{ to: 'ingest', message: { kind: 'accepted', inputId: 'a' } }])
  expect(busy.get('one')).toBe(true)
  owner.onMessage('ingest', { kind: 'close', inputId: 'a', fault: null })
  expect(busy.get('one')).toBe(false)
  expect(published.at(-1)).toEqual({ kind: 'phase', streamId: 'one', phase: 'offline' })
})

test('origins hear that a stream begins before its publisher hears that it may send', () => {
  open('ingest', 'a', 'one')
  expect(published).toEqual([{ kind: 'phase', streamId: 'one', phase: 'starting' }])
  expect(order).toEqual(['published', 'accepted'])
})

test('an input of an unknown stream is refused', () => {
  open('ingest', 'a', 'three')
  expect(replies[0]?.message).toMatchObject({ kind: 'ended', fault: { code: 'stream_not_found' } })
})

test('a receiver that dies takes its inputs along: the next publisher is not told that the stream is busy', () => {
  open('ingest', 'a', 'one')
  open('1', 'b', 'two')
  owner.onReceiverLost('ingest')
  expect([busy.get('one'), busy.get('two')]).toEqual([false, true])
  open('ingest', 'c', 'one')
  expect(replies.at(-1)?.message).toEqual({ kind: 'accepted', inputId: 'c' })
})

test('garbage ends its own input by name and touches no other', () => {
  open('ingest', 'a', 'one')
  open('ingest', 'b', 'two')
  owner.onMessage('ingest', {
    kind: 'data',
    inputId: 'a',
    bytes: new Uint8Array(2_000_000).fill(7),
    arrivedAtMs: Date.now(),
  })
  expect(replies.filter(({ message }) => message.kind === 'ended').map(({ message }) => message.inputId)).toEqual(['a'])
  expect(events.some(({ streamId, type }) => streamId === 'one' && type === 'stream.error')).toBe(true)
  expect(events.some(({ streamId, type }) => streamId === 'two' && type === 'stream.error')).toBe(false)
})

test('a publisher without media is ended after 15 seconds', () => {
  open('ingest', 'a', 'one')
  vi.advanceTimersByTime(14_800)
  expect(replies).toHaveLength(1)
  vi.advanceTimersByTime(400)
  expect(replies.at(-1)?.message).toMatchObject({ kind: 'ended', fault: { code: 'ingest_no_media' } })
  expect(busy.get('one')).toBe(false)
})

test('bytes are acknowledged after every quarter of a mebibyte', () => {
  open('ingest', 'a', 'one')
  const packet = new Uint8Array(188)
  packet.set([0x47, 0x1f, 0xff, 0x10])
  const bytes = () => Uint8Array.from(Buffer.concat(Array.from({ length: 700 }, () => packet)))
  for (let n = 0; n < 4; n++) {
    owner.onMessage('ingest', { kind: 'data', inputId: 'a', bytes: bytes(), arrivedAtMs: Date.now() })
  }
  expect(replies.filter(({ message }) => message.kind === 'ack').map(({ message }) => message)).toEqual([
    { kind: 'ack', inputId: 'a', processedBytes: 2 * 700 * 188 },
    { kind: 'ack', inputId: 'a', processedBytes: 4 * 700 * 188 },
  ])
})

test('a removed stream ends its inputs and says goodbye', () => {
  open('ingest', 'a', 'one')
  owner.onUnregistered('one')
  expect(replies.at(-1)?.message).toMatchObject({ kind: 'ended', fault: { code: 'input_ended' } })
  expect(published.at(-1)).toMatchObject({ kind: 'phase', phase: 'offline' })
  expect(owner.statuses().map(({ id }) => id)).toEqual([])
})

/** As the FLV of an encoder comes in by RTMP, at its pace. */
async function feed(tags: readonly TimedBytes[]): Promise<void> {
  for (const { atMs, bytes } of tags) {
    vi.advanceTimersByTime(Math.max(0, NOW_MS + atMs - Date.now()))
    owner.onMessage('rtmp', { kind: 'data', inputId: 'a', bytes: bytes.slice(), arrivedAtMs: Date.now() })
    await settled()
  }
}

function openRtmp() {
  const opened = { inputId: 'a', streamId: 'one', protocol: 'rtmp', container: 'flv', trackId: null } as const
  owner.onMessage('rtmp', { kind: 'open', ...opened, openedAtMs: Date.now() })
}

function standStill(ms: number) {
  vi.setSystemTime(Date.now() + ms)
}

test('a process that stood still reads what came meanwhile before it calls a publisher silent', async () => {
  const tags = await flv({ seconds: 20 })
  openRtmp()
  await feed(tags.filter(({ atMs }) => atMs < 5000))
  standStill(6000)
  vi.advanceTimersByTime(200)
  await feed(tags.filter(({ atMs }) => atMs >= 5000 && atMs < 12_000))
  expect(events.filter(({ type }) => type === 'stream.interrupted')).toEqual([])
  // Of a publisher that really says nothing it is told all the same.
  vi.advanceTimersByTime(5000)
  expect(events.filter(({ type }) => type === 'stream.interrupted')).toHaveLength(1)
})

test('a process that stood still between sound and picture begins with both', async () => {
  const tags = await flv({ seconds: 20 })
  openRtmp()
  const isVideoTag = (tag: TimedBytes) => !isAudioTag(tag)
  const before = tags.findIndex((tag) => isAudioTag(tag) && tag.atMs > 0)
  const [header, media] = [tags.filter(({ atMs }) => atMs === 0), tags.slice(before)]
  await feed([...header.filter((tag) => !isVideoTag(tag)), ...media.filter(isAudioTag).slice(0, 2)])
  standStill(3000)
  await feed([...header.filter(isVideoTag), ...media.filter(({ atMs }) => atMs < 9000)])
  expect(owner.statuses()[0]?.tracks.map(({ id }) => id)).toEqual(['v0', 'a0'])
  expect(events.filter(({ type }) => type === 'stream.started')).toMatchObject([{ message: /video|H\.264/ }])
})
