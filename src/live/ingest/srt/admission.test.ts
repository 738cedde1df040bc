import { expect, test } from 'vitest'
import { lookupOf } from '../../../core/secrets.ts'
import { admitSrtCaller, type SrtAdmissionState } from './admission.ts'

const keySecret = new Uint8Array(32).fill(7)
const keyLookups = [lookupOf('k1', keySecret), lookupOf('k2', keySecret)]
const state: SrtAdmissionState = {
  registry: new Map([
    ['cam1', { streamId: 'cam1', keyLookups, isExclusive: true, busy: false }],
    ['cam2', { streamId: 'cam2', keyLookups, isExclusive: true, busy: true }],
    ['cam3', { streamId: 'cam3', keyLookups, isExclusive: false, busy: false }],
  ]),
  keySecret,
  connections: 0,
  maxConnections: 2,
  connectionsFromHere: 0,
  maxConnectionsPerAddress: 2,
  isConnecting: () => false,
  isConnected: () => false,
}

test.each(['publish:cam1:k1', 'publish:cam1:k2', '#!::r=cam1,m=publish,s=k2'])('%s is admitted', (text) => {
  expect(admitSrtCaller(text, state)).toEqual({ ok: true, streamId: 'cam1' })
})

test.each([
  ['nonsense', 1400, 'invalid_request', null],
  ['', 1400, 'invalid_request', null],
  ['publish:cam1', 1401, 'publish_key_wrong', 'cam1'],
  ['publish:cam1:wrong', 1401, 'publish_key_wrong', 'cam1'],
  ['publish:cam9:k1', 1404, 'stream_not_found', 'cam9'],
  ['#!::r=cam1,m=request,s=k1', 1405, 'invalid_request', 'cam1'],
  ['publish:cam2:k1', 1409, 'stream_busy', 'cam2'],
])('%s is refused with reason %i', (text, rejectReason, code, streamId) => {
  expect(admitSrtCaller(text, state)).toMatchObject({ ok: false, rejectReason, streamId, fault: { code } })
})

test('whether a stream is busy is told only to who has its key', () => {
  expect(admitSrtCaller('publish:cam2:wrong', state)).toMatchObject({ rejectReason: 1401 })
})

test('the limit of connections refuses with overload', () => {
  expect(admitSrtCaller('publish:cam1:k1', { ...state, connections: 2 })).toMatchObject({
    ok: false,
    rejectReason: 1402,
    fault: { code: 'publisher_limit' },
  })
})

test('the limit per address refuses with overload', () => {
  expect(admitSrtCaller('publish:cam1:k1', { ...state, connectionsFromHere: 2 })).toMatchObject({
    rejectReason: 1402,
    fault: { code: 'connections_per_address' },
  })
})

test('of two callers at the same moment the second meets a busy stream', () => {
  expect(admitSrtCaller('publish:cam1:k1', { ...state, isConnecting: (id) => id === 'cam1' })).toMatchObject({
    rejectReason: 1409,
  })
})

test('a caller that has connected is met, also before the registry knows it; where takeover is allowed it is not', () => {
  const connected = { ...state, isConnected: () => true }
  expect(admitSrtCaller('publish:cam1:k1', connected)).toMatchObject({ rejectReason: 1409 })
  expect(admitSrtCaller('publish:cam3:k1', connected)).toMatchObject({ ok: true, streamId: 'cam3' })
})
