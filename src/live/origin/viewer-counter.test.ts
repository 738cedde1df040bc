import type { IncomingMessage } from 'node:http'
import { expect, test } from 'vitest'
import { ViewerCounter } from './viewer-counter.ts'

const salt = Uint8Array.of(1, 2, 3)

function from(remoteAddress: string, headers: Record<string, string> = {}): IncomingMessage {
  return { headers, socket: { remoteAddress } } as unknown as IncomingMessage
}

function sessions(counter: ViewerCounter, nowMs: number): readonly (readonly [string, string])[] {
  return counter.report(nowMs).find(({ streamId }) => streamId === 'one')?.sessions ?? []
}

function note(
  counter: ViewerCounter,
  request: IncomingMessage,
  options: { query?: string; track?: string; at?: number } = {},
) {
  const { query = '', track = 'v0', at = 0 } = options
  counter.note(request, new URLSearchParams(query), 'one', track, at)
}

test('one player on two tracks is one session, on the track it asked for last', () => {
  const counter = new ViewerCounter(salt)
  note(counter, from('10.0.0.1', { 'user-agent': 'a' }), { track: 'v0' })
  note(counter, from('10.0.0.1', { 'user-agent': 'a' }), { track: 'a0' })
  expect(sessions(counter, 0).map(([, track]) => track)).toEqual(['a0'])
})

test('behind one address, browsers and named sessions are told apart', () => {
  const counter = new ViewerCounter(salt)
  note(counter, from('10.0.0.1', { 'user-agent': 'a' }))
  note(counter, from('10.0.0.1', { 'user-agent': 'b' }))
  note(counter, from('10.0.0.1', { 'user-agent': 'a', 'x-playback-session-id': 's1' }))
  note(counter, from('10.0.0.1', { 'user-agent': 'a', 'x-session-id': 's2' }))
  note(counter, from('10.0.0.1', { 'user-agent': 'a', 'x-viewer-id': 's3' }))
  note(counter, from('10.0.0.1', { 'user-agent': 'a' }), { query: 'session=s4' })
  note(counter, from('10.0.0.1', { 'user-agent': 'a' }), { query: `CMCD=${encodeURIComponent('br=1,sid="s5"')}` })
  expect(sessions(counter, 0)).toHaveLength(7)
})

test('a named session is the same from everywhere and in every thread; an address without its salt tells nothing', () => {
  const [one, two] = [new ViewerCounter(salt), new ViewerCounter(Uint8Array.of(9))]
  for (const counter of [one, two]) note(counter, from(`10.0.0.${counter === one ? 1 : 2}`, { 'x-session-id': 's' }))
  expect(sessions(one, 0)).toEqual(sessions(two, 0))
  const [three, four] = [new ViewerCounter(salt), new ViewerCounter(Uint8Array.of(9))]
  for (const counter of [three, four]) note(counter, from('10.0.0.1'))
  expect(sessions(three, 0)).not.toEqual(sessions(four, 0))
  expect(JSON.stringify(three.report(0))).not.toContain('10.0.0.1')
})

test('a session that asks for nothing for ten seconds has gone', () => {
  const counter = new ViewerCounter(salt)
  note(counter, from('10.0.0.1'), { at: 0 })
  note(counter, from('10.0.0.2'), { at: 5000 })
  expect(sessions(counter, 10_000)).toHaveLength(2)
  expect(sessions(counter, 10_001)).toHaveLength(1)
  expect(counter.report(20_000)).toEqual([])
})

test('a name that is absurdly long is no name', () => {
  const counter = new ViewerCounter(salt)
  note(counter, from('10.0.0.1', { 'x-session-id': 'x'.repeat(200) }))
  note(counter, from('10.0.0.1', { 'x-session-id': 'y'.repeat(200) }))
  expect(sessions(counter, 0)).toHaveLength(1)
})
