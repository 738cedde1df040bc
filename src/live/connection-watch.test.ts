import { expect, test } from 'vitest'
import { ConnectionWatch } from './connection-watch.ts'

const report = (open: number, full: number, perAddress = 0) => ({
  open,
  evicted: 1,
  refused: { connections_full: full, connections_per_address: perAddress },
})

test('refusals are told at once, then once a minute with how many there were', () => {
  const watch = new ConnectionWatch()
  expect(watch.note(0, report(5, 0), 0)).toEqual([])
  expect(watch.note(0, report(5, 3), 1000)).toMatchObject([
    { type: 'system.warning', code: 'connections_full', details: { count: 3 } },
  ])
  expect(watch.note(1, report(5, 10), 2000)).toEqual([])
  expect(watch.note(1, report(5, 10, 1), 3000)).toMatchObject([{ code: 'connections_per_address' }])
  expect(watch.note(1, report(5, 12, 1), 62_000)).toMatchObject([{ code: 'connections_full', details: { count: 12 } }])
})

test('what a worker counted outlives it; its connections do not', () => {
  const watch = new ConnectionWatch()
  watch.note(0, report(5, 2), 0)
  watch.note(1, report(7, 1), 0)
  watch.forget(0)
  watch.note(0, report(1, 0), 0)
  expect(watch.status()).toEqual({
    open: 8,
    evicted: 3,
    refused: { connections_full: 3, connections_per_address: 0 },
  })
})
