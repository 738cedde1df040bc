import { expect, test } from 'vitest'
import { parseConnectTarget, parsePublishTarget } from './stream-key.ts'

test.each([
  ['x?key=k', null, 'x', 'k'],
  ['x?k', null, 'x', 'k'],
  ['k', null, null, 'k'],
  ['?key=k', null, null, 'k'],
  ['/x/?a=b&key=k%2B', null, 'x', 'k+'],
  ['x?key=a+b', null, 'x', 'a+b'],
  ['x?abc==', null, 'x', 'abc=='],
  ['x?key=%zz', null, 'x', '%zz'],
  ['x', 'k', 'x', 'k'],
  ['', 'k', null, 'k'],
  ['k', 'k', null, 'k'],
  ['x?key=other', 'k', 'x', 'other'],
  ['x?bandwidthtest=true', 'k', 'x', 'k'],
])('stream key %j with connect key %j means stream %j, key %j', (name, connectKey, streamId, key) => {
  expect(parsePublishTarget(name, connectKey)).toEqual({ streamId, key })
})

test.each([
  ['live', 'rtmp://h/live', 'live', null],
  ['/live/', '', 'live', null],
  ['live?key=k', 'rtmp://h/live?key=k', 'live', 'k'],
  ['live', 'rtmp://h:1935/live?key=k', 'live', 'k'],
  ['live?token=k', '', 'live', null],
])('app %j of %j is %j with key %j', (app, tcUrl, expected, key) => {
  expect(parseConnectTarget(app, tcUrl)).toEqual({ app: expected, key })
})
