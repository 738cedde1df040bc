import { expect, test } from 'vitest'
import type { StreamView } from '../../../../src/api/stream-contract.ts'
import { inputRows, moved } from './input-rows.ts'

const network = {
  rttMs: null,
  packetsLost: null,
  packetsRetransmitted: null,
  packetsDropped: null,
  receivedBytes: 1,
  bitrateBps: 1,
}
const at = { connectedAt: '2026-11-21T12:00:00.000Z', healthySince: null }

function connected(id: string, change: object): StreamView['live']['inputs'][number] {
  const state = { role: 'standby', health: 'healthy', sameFeed: false, pinned: false, configured: false } as const
  return { ...network, ...at, ...state, protocol: 'udp', id, ...change }
}

const udp = {
  kind: 'udp',
  port: 5004,
  address: null,
  url: null,
  enabled: true,
  state: 'receiving',
  error: null,
} as const

test('encoders come before configured inputs, and those in their order', () => {
  const rows = inputRows({
    inputs: [
      { ...udp, id: 'udp-2' },
      { ...udp, id: 'udp-1', error: 'not MPEG-TS' },
    ],
    live: {
      inputs: [
        connected('udp-2', { configured: true, role: 'active', pinned: true, sameFeed: null }),
        connected('push-1', { protocol: 'rtmp', sameFeed: true }),
      ],
    } as unknown as StreamView['live'],
  })
  expect(rows.map(({ id, state, mayActivate, isFailing }) => [id, state, mayActivate, isFailing])).toEqual([
    ['push-1', 'standing by · healthy · same feed', true, false],
    ['udp-2', 'on air · healthy · chosen by hand', false, false],
    ['udp-1', 'not MPEG-TS', false, true],
  ])
})

test('an input moves by one place and not beyond the ends', () => {
  expect(moved(['a', 'b', 'c'], 'b', -1)).toEqual(['b', 'a', 'c'])
  expect(moved(['a', 'b', 'c'], 'b', 1)).toEqual(['a', 'c', 'b'])
  expect(moved(['a', 'b'], 'a', -1)).toBeNull()
  expect(moved(['a', 'b'], 'b', 1)).toBeNull()
})
