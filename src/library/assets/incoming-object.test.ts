import { expect, test } from 'vitest'
import { parseObjectKey } from '../../storage/keys.ts'
import { isLater, isNews, placeOf } from './incoming-object.ts'

test.each([
  ['in/default/a.mp4', { tenantId: 'default', folder: '', name: 'a.mp4' }],
  ['in/default/x/y/ä b.mp4', { tenantId: 'default', folder: 'x/y', name: 'ä b.mp4' }],
  ['in/a.mp4', null],
  ['in/default/', null],
  ['other/default/a.mp4', null],
  ['in/default/.a.mp4', null],
  ['in/default/a.mp4.part', null],
  ['in/default/a.mp4.filepart', null],
  ['in/default/a.CRDOWNLOAD', null],
  ['in/default/a.mp4~', null],
  ['in/default/part.mp4', { tenantId: 'default', folder: '', name: 'part.mp4' }],
])('%s is %j', (key, place) => {
  expect(placeOf(key, 'in/')).toEqual(place)
})

test('sequencers are compared as AWS says, whatever their lengths', () => {
  expect(isLater('0055AED6DCD90281E6', '0055AED6DCD90281E5')).toBe(true)
  expect(isLater('0055AED6DCD90281E5', '0055AED6DCD90281E5')).toBe(false)
  expect(isLater('0055AED6DCD90281E5', '0055AED6DCD90281E500')).toBe(false)
  expect(isLater('0055AED6DCD90281E501', '0055AED6DCD90281E5')).toBe(true)
  expect(isLater('1', '02')).toBe(true)
})

test('an object is news once: not by an older notification, not by the same bytes from elsewhere', () => {
  const key = parseObjectKey('in/default/a')
  if (key === null) throw new Error('no key')
  const row = { key, tenantId: 'default', etag: 'one', sequencer: '05', takenAtMs: 1 }
  expect(isNews({ etag: 'one', sequencer: null }, null)).toBe(true)
  expect(isNews({ etag: 'one', sequencer: null }, row)).toBe(false)
  expect(isNews({ etag: 'one', sequencer: '06' }, row)).toBe(false)
  expect(isNews({ etag: 'two', sequencer: '05' }, row)).toBe(false)
  expect(isNews({ etag: 'two', sequencer: '04' }, row)).toBe(false)
  expect(isNews({ etag: 'two', sequencer: '06' }, row)).toBe(true)
  expect(isNews({ etag: 'two', sequencer: null }, row)).toBe(true)
  expect(isNews({ etag: 'two', sequencer: '01' }, { ...row, sequencer: null })).toBe(true)
})
