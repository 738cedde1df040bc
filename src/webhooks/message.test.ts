import { expect, test } from 'vitest'
import type { MirrorEvent } from '../live/events.ts'
import { messageBody, objectOf, wantsType } from './message.ts'

const event: MirrorEvent = {
  ...{ type: 'recording.completed', severity: 'info', streamId: null, atMs: 1_795_305_600_000, code: null },
  ...{ message: 'Übung', details: { recordingId: 'r1', durationSec: 1.5 } },
}

test.each([
  [['*'], true],
  [['recording.*'], true],
  [['recording.completed'], true],
  [['asset.*', 'recording.completed'], true],
  [['recording.failed'], false],
  [['record.*'], false],
  [['recording'], false],
])('%j wants recording.completed: %s', (types, isWanted) => {
  expect(wantsType(types, 'recording.completed')).toBe(isWanted)
})

test('a message has the id, the type, the time and what is to be said', () => {
  expect(JSON.parse(messageBody(event, 'e1'))).toEqual({
    ...{ id: 'e1', type: 'recording.completed', timestamp: '2026-11-22T00:00:00.000Z' },
    data: { severity: 'info', streamId: null, code: null, message: 'Übung', details: event.details },
  })
})

test('order is kept by what a message is about', () => {
  expect(objectOf(event)).toBe('recording:r1')
  expect(objectOf({ type: 'stream.started', streamId: 'demo', details: {} })).toBe('stream:demo')
  expect(objectOf({ type: 'asset.ready', streamId: null, details: { assetId: 'a1' } })).toBe('asset:a1')
  expect(objectOf({ type: 'system.error', streamId: null, details: {} })).toBeNull()
})
