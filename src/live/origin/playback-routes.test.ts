import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setImmediate as immediate } from 'node:timers/promises'
import { MessageChannel } from 'node:worker_threads'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ArchiveClient } from '../../dvr/archive-client.ts'
import { createMemoryStore } from '../../storage/memory-store.ts'
import type { Publication, RenderedPlaylist } from '../publication.ts'
import {
  answerMediaFile,
  answerMediaPlaylist,
  answerMultivariant,
  HoldLimit,
  type PlaybackHost,
} from './playback-routes.ts'
import { Shelf } from './shelf.ts'

const streamId = 'one'
let shelf: Shelf
let holds: HoldLimit
let host: PlaybackHost

class Answer extends EventEmitter {
  status = 0
  body = ''
  headersSent = false
  writeHead(status: number): this {
    this.status = status
    this.headersSent = true
    return this
  }
  write(chunk: Uint8Array): boolean {
    this.body += Buffer.from(chunk).toString()
    return true
  }
  end(chunk?: Uint8Array): void {
    if (chunk !== undefined) this.write(chunk)
    this.emit('close')
  }
  destroy(): void {
    this.emit('close')
  }
}

beforeEach(() => {
  vi.useFakeTimers()
  shelf = new Shelf(() => {})
  holds = new HoldLimit(3)
  const archive = new ArchiveClient(
    (id) => archive.onAnswer(id, { kind: 'missing' }),
    () => {},
  )
  const store = async () => createMemoryStore({ nowMs: Date.now })
  host = {
    shelf: (id) => (id === streamId ? shelf : null),
    holds,
    onViewer: () => {},
    archive: { archive, store, now: Date.now, onServed: () => {}, onArchived: null },
  }
})

afterEach(() => vi.useRealTimers())

const request = { method: 'GET', headers: {} } as unknown as IncomingMessage

function ask(path: string): Answer {
  const answer = new Answer()
  const response = answer as unknown as ServerResponse
  const [file = '', query = ''] = path.split('?')
  const [id = '', trackId = '', name] = file.split('/')
  if (name === undefined) answerMultivariant(host, request, response, id)
  else if (name === 'playlist.m3u8' || name === 'iframes.m3u8') {
    const kind = name === 'playlist.m3u8' ? 'playlist' : 'iFrames'
    answerMediaPlaylist(host, request, response, { streamId: id, trackId, kind, query: new URLSearchParams(query) })
  } else answerMediaFile(host, request, response, { streamId: id, trackId, name })
  return answer
}

/** Everything that is asked of the archive is answered at once, but not within the call. */
async function archiveHasAnswered(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
}

function phase(name: 'offline' | 'starting' | 'live' | 'ended'): void {
  shelf.apply({ kind: 'phase', streamId, phase: name })
}

function text(content: string) {
  return { plain: Buffer.from(content), gzip: Buffer.from(content) }
}

/** A playlist whose newest complete segment is `lastMsn`, with `openParts` parts of the next. */
function advance(lastMsn: number | null, openParts = 0, preloadName: string | null = null): void {
  const playlist: RenderedPlaylist = {
    full: text(`${lastMsn}+${openParts}`),
    delta: text('delta'),
    deltaV2: text('delta v2'),
    position: {
      lastMsn,
      lastMsnParts: 10,
      openMsn: openParts > 0 ? (lastMsn ?? 6) + 1 : null,
      openParts,
      partTargetSec: 0.2,
      targetDurationSec: 4,
      isEnded: false,
    },
    targetDurationSec: 4,
    preloadName,
  }
  shelf.apply({ kind: 'playlist', streamId, trackId: 'v0', playlist })
}

function publishPart(name: string): void {
  const memory = new SharedArrayBuffer(4)
  new Uint8Array(memory).set(Buffer.from('part'))
  const media: Publication[] = [
    { kind: 'slab', streamId, slabId: 1, memory },
    { kind: 'media', streamId, trackId: 'v0', name, slices: [{ slabId: 1, offset: 0, length: 4 }] },
  ]
  for (const publication of media) shelf.apply(publication)
}

test('a stream that does not exist, and one that is not live', async () => {
  expect(ask('other').status).toBe(404)
  expect(ask('one').status).toBe(404)
  expect(ask('one/v0/playlist.m3u8').status).toBe(404)
  const segment = ask('one/v0/7.m4s')
  await archiveHasAnswered()
  expect(segment.status).toBe(404)
})

test('who names no segment gets a playlist that has one: another thread may have told of the stream a moment before', () => {
  phase('live')
  advance(null, 3)
  const early = ask('one/v0/playlist.m3u8')
  const follower = ask('one/v0/playlist.m3u8?_HLS_msn=7&_HLS_part=2')
  expect([early.status, follower.status]).toEqual([0, 200])
  advance(7)
  expect([early.status, early.body]).toEqual([200, '7+0'])
})

test('after the owner was replaced nobody waits for a first segment: the track is known', () => {
  phase('live')
  shelf.apply({ kind: 'multivariant', streamId, text: text('multivariant') })
  advance(null, 3)
  expect(ask('one/v0/playlist.m3u8').status).toBe(200)
})

test('a track of pictures has an I-frame playlist that is held for its next segment; sound has none', () => {
  phase('live')
  advance(7, 3)
  const position = {
    lastMsn: 7,
    lastMsnParts: 0,
    openMsn: null,
    openParts: 0,
    partTargetSec: 0.2,
    targetDurationSec: 4,
  }
  const publish = (lastMsn: number) =>
    shelf.apply({
      kind: 'iframes',
      streamId,
      trackId: 'v0',
      playlist: {
        full: text(`iframes ${lastMsn}`),
        delta: null,
        deltaV2: null,
        position: { ...position, lastMsn, isEnded: false },
        targetDurationSec: 4,
        preloadName: null,
      },
    })
  publish(7)
  expect(ask('one/v0/iframes.m3u8')).toMatchObject({ status: 200, body: 'iframes 7' })
  const held = ask('one/v0/iframes.m3u8?_HLS_msn=8')
  advance(8, 0)
  expect(held.status).toBe(0)
  publish(8)
  expect(held).toMatchObject({ status: 200, body: 'iframes 8' })
  expect(ask('one/a0/iframes.m3u8').status).toBe(404)
})

test('a blocked reload is answered by the update that holds what was asked for', () => {
  phase('live')
  advance(7)
  const next = ask('one/v0/playlist.m3u8?_HLS_msn=8&_HLS_part=1')
  advance(7, 1)
  expect(next.status).toBe(0)
  advance(7, 2)
  expect([next.status, next.body]).toEqual([200, '7+2'])
  expect(ask('one/v0/playlist.m3u8?_HLS_msn=7&_HLS_skip=YES').body).toBe('delta')
  expect(ask('one/v0/playlist.m3u8').body).toBe('7+2')
})

test('parameters in another order, and those that mean nothing, have the same answer', () => {
  phase('live')
  advance(7, 3)
  const [reference, ...others] = [
    '_HLS_msn=8&_HLS_part=2&_HLS_skip=YES',
    '_HLS_skip=YES&_HLS_part=2&_HLS_msn=8',
    'utm=x&_HLS_part=2&session=7&_HLS_skip=YES&_HLS_msn=8',
  ].map((query) => ask(`one/v0/playlist.m3u8?${query}`))
  expect(reference?.body).toBe('delta')
  for (const other of others) expect({ ...other }).toEqual({ ...reference })
})

test('directives that are absurd are refused at once', () => {
  phase('live')
  advance(7)
  for (const query of ['_HLS_msn=999', '_HLS_part=1', '_HLS_msn=x', '_HLS_msn=8&_HLS_part=900']) {
    expect(ask(`one/v0/playlist.m3u8?${query}`).status).toBe(400)
  }
})

test('a playlist that does not advance is answered 503 before players give up', () => {
  phase('live')
  advance(7)
  const held = ask('one/v0/playlist.m3u8?_HLS_msn=8')
  vi.advanceTimersByTime(8999)
  expect(held.status).toBe(0)
  vi.advanceTimersByTime(1)
  expect(held.status).toBe(503)
})

test('a player that comes back while the owner begins anew is held, not sent away', () => {
  phase('starting')
  const multivariant = ask('one')
  const held = ask('one/v0/playlist.m3u8?_HLS_msn=8')
  expect([multivariant.status, held.status]).toEqual([0, 0])
  shelf.apply({ kind: 'reset', streamId })
  phase('live')
  advance(8)
  shelf.apply({ kind: 'multivariant', streamId, text: text('all') })
  expect([multivariant.body, held.body]).toEqual(['all', '8+0'])
})

test('a publisher that never gets going: 503, which players repeat, not 404', () => {
  phase('starting')
  const [multivariant, track] = [ask('one'), ask('one/v0/playlist.m3u8')]
  vi.advanceTimersByTime(9000)
  expect([multivariant.status, track.status]).toEqual([503, 503])
})

test('what is left of the last session does not answer for one that begins', () => {
  phase('ended')
  advance(7)
  phase('starting')
  const held = ask('one/v0/playlist.m3u8')
  expect(held.status).toBe(0)
  phase('offline')
  expect(held.status).toBe(404)
})

test('the hinted part is held until it is whole; when another comes in its place it is not there', () => {
  phase('live')
  advance(7, 1, 'p0-100.m4s')
  const hinted = ask('one/v0/p0-100.m4s')
  expect(ask('one/v0/p0-50.m4s').status).toBe(404)
  publishPart('p0-100.m4s')
  advance(7, 2, 'p0-200.m4s')
  expect([hinted.status, hinted.body]).toEqual([200, 'part'])

  const missed = ask('one/v0/p0-200.m4s')
  advance(8, 1, 'p0-300.m4s')
  expect(missed.status).toBe(404)
})

test('what another origin thread has announced a moment earlier is held briefly, not refused', async () => {
  vi.useFakeTimers()
  try {
    phase('live')
    advance(7, 1, 'p0-100.m4s')
    const early = ask('one/v0/p0-200.m4s')
    const never = ask('one/v0/p0-999.m4s')
    const segment = ask('one/v0/8.m4s')
    publishPart('p0-100.m4s')
    advance(7, 2, 'p0-200.m4s')
    vi.advanceTimersByTime(600)
    await archiveHasAnswered()
    expect(never.status).toBe(404)
    expect(segment.status).toBe(404)
    publishPart('p0-200.m4s')
    advance(7, 3, 'p0-300.m4s')
    expect([early.status, early.body]).toEqual([200, 'part'])
  } finally {
    vi.useRealTimers()
  }
})

test('segments that have left the window and were not recorded are gone, others are unknown', async () => {
  phase('live')
  advance(7)
  shelf.apply({ kind: 'drop', streamId, trackId: 'v0', names: ['5.m4s'] })
  const answers = [ask('one/v0/4.m4s'), ask('one/v0/9.m4s')]
  await archiveHasAnswered()
  expect(answers.map(({ status }) => status)).toEqual([410, 404])
})

test('a client that leaves gives its place back, and so does every answer', () => {
  phase('live')
  advance(7)
  const isFull = () => holds.isFullFor(new Set())
  const held = [0, 1, 2].map(() => ask('one/v0/playlist.m3u8?_HLS_msn=8'))
  expect(isFull()).toBe(true)
  expect(ask('one/v0/playlist.m3u8?_HLS_msn=8').status).toBe(503)
  held[0]?.destroy()
  expect(isFull()).toBe(false)
  expect(shelf.track('v0')?.waiters.size).toBe(2)
  advance(8)
  expect(held[1]?.status).toBe(200)
  expect(shelf.track('v0')?.waiters.size).toBe(0)
  for (let n = 0; n < 3; n++) expect(ask('one/v0/playlist.m3u8?_HLS_msn=9').status).toBe(0)
  vi.advanceTimersByTime(9000)
  expect(isFull()).toBe(false)
  expect(vi.getTimerCount()).toBe(0)
})

test('requests that wait for one thing leave places for those that wait for another', () => {
  const limit = new HoldLimit(3, 2)
  const [crowded, other] = [new Set<() => boolean>(), new Set<() => boolean>()]
  const hold = (waiters: Set<() => boolean>) =>
    limit.hold(
      new Answer() as unknown as ServerResponse,
      waiters,
      1000,
      () => false,
      () => {},
    )
  hold(crowded)
  hold(crowded)
  expect([limit.isFullFor(crowded), limit.isFullFor(other)]).toEqual([true, false])
  hold(other)
  expect([limit.isFullFor(crowded), limit.isFullFor(other)]).toEqual([true, true])
})

test('what came while the thread stood still answers whoever waits for it', async () => {
  vi.useRealTimers()
  const waiters = new Set<() => boolean>()
  let hasCome = false
  const said = new Promise((resolve) => {
    const attempt = () => {
      if (hasCome) resolve('here it is')
      return hasCome
    }
    holds.hold(new Answer() as unknown as ServerResponse, waiters, 200, attempt, () => resolve('did not come'))
  })
  const { port1, port2 } = new MessageChannel()
  port2.once('message', () => {
    hasCome = true
    for (const waiter of [...waiters]) waiter()
  })
  await immediate() // What runs next are timers.
  port1.postMessage('a part')
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400)
  expect(await said).toBe('here it is')
  port1.close()
})

test('the end of a stream answers everybody', () => {
  phase('live')
  advance(7, 1, 'p0-100.m4s')
  const held = [ask('one/v0/playlist.m3u8?_HLS_msn=9'), ask('one/v0/p0-100.m4s')]
  const { playlist } = shelf.track('v0')!
  const position = { ...playlist!.position, isEnded: true }
  shelf.apply({
    kind: 'playlist',
    streamId,
    trackId: 'v0',
    playlist: { ...playlist!, full: text('over'), position, preloadName: null },
  })
  phase('ended')
  expect(held.map(({ status, body }) => [status, body.slice(0, 4)])).toEqual([
    [200, 'over'],
    [404, '{"ty'],
  ])
})
