import { expect, test } from 'vitest'
import type { MirrorEvent } from '../live/events.ts'
import { decideTopics, MAX_TOPICS, publicEventMessage } from './socket-topics.ts'

const streamExists = (id: string) => id === 'studio-1'

test('recordings of calls are for those who have a role, all of them or one', () => {
  const topics = ['recordings', 'recording.0b6c-1', 'recording.', 'recording.a b']
  const ask = (role: 'viewer' | null) =>
    decideTopics({ role, current: new Set(), topics, streamExists: () => false }).topics
  expect(ask('viewer')).toEqual(['recordings', 'recording.0b6c-1'])
  expect(ask(null)).toEqual([])
})

test('a stranger may follow an existing stream and nothing else', () => {
  const topics = ['stream.studio-1', 'stream.other', 'streams', 'system', 'stream.', 'x']
  expect(decideTopics({ role: null, current: new Set(), topics, streamExists })).toEqual({
    topics: ['stream.studio-1'],
    refused: ['stream.other', 'streams', 'system', 'stream.', 'x'],
  })
})

test('a role opens the topics about everything', () => {
  const decided = decideTopics({ role: 'viewer', current: new Set(), topics: ['streams', 'system'], streamExists })
  expect(decided.refused).toEqual([])
})

test('topics beyond the limit are refused, repeated ones are not', () => {
  const current = new Set(Array.from({ length: MAX_TOPICS }, (_, n) => (n === 0 ? 'streams' : `stream.s${n}`)))
  const topics = ['streams', 'system']
  expect(decideTopics({ role: 'admin', current, topics, streamExists })).toEqual({
    topics: ['streams'],
    refused: ['system'],
  })
})

test('what strangers hear names no code, encoder or address', () => {
  const event: MirrorEvent = {
    type: 'stream.stopped',
    severity: 'info',
    streamId: 'studio-1',
    atMs: 0,
    code: 'ingest_timeout',
    message: 'The encoder at 10.1.2.3 went silent',
    details: { remoteAddress: '10.1.2.3' },
  }
  expect(JSON.stringify(publicEventMessage(event))).not.toMatch(/10\.1\.2\.3|ingest_timeout/)
  expect(publicEventMessage({ ...event, type: 'stream.error' })).toBeNull()
})
