import { expect, test } from 'vitest'
import type { StreamView } from '../../../../src/api/stream-contract.ts'
import { selectStreams } from './stream-order.ts'

function stream(id: string, status: StreamView['status'], viewers = 0, name = ''): StreamView {
  return { id, name, status, live: { viewers, bitrateBps: 0, latencyMs: null } } as unknown as StreamView
}

const streams = [
  stream('cam-10', 'live', 5),
  stream('cam-2', 'live', 90, 'Church hall'),
  stream('old', 'offline'),
  stream('cam-3', 'interrupted'),
]
const ids = (search: Parameters<typeof selectStreams>[1]) => selectStreams(streams, search).map(({ id }) => id)

test('what needs a look comes first, and numbers in ids count as numbers', () => {
  expect(ids({})).toEqual(['cam-3', 'cam-2', 'cam-10', 'old'])
})

test('search finds ids and names in any case', () => {
  expect(ids({ q: 'CHURCH' })).toEqual(['cam-2'])
  expect(ids({ q: 'cam-1' })).toEqual(['cam-10'])
})

test('state and order combine', () => {
  expect(ids({ state: 'live', sort: 'viewers', desc: true })).toEqual(['cam-2', 'cam-10'])
})
