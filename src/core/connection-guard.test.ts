import { expect, test } from 'vitest'
import { LocalConnectionCounts } from './connection-counts.ts'
import { ConnectionGuard, type Place } from './connection-guard.ts'

class FakeSocket {
  isDestroyed = false
  destroy(): void {
    this.isDestroyed = true
  }
}

function makeGuard(connections: number, connectionsPerAddress: number) {
  const clock = { nowMs: 0 }
  const limits = { connections, connectionsPerAddress, isTrusted: (address: string) => address === '10.9.9.9' }
  const guard = new ConnectionGuard(limits, new LocalConnectionCounts(), () => clock.nowMs)
  const admit = (address: string) => {
    const socket = new FakeSocket()
    const place = guard.admit(socket, address)
    return { socket, place, held: () => (typeof place === 'string' ? fail(place) : place) }
  }
  return { clock, guard, admit }
}

function fail(refusal: string): Place {
  throw new Error(`refused: ${refusal}`)
}

test('an address has as many places as are allowed, a trusted one as many as there are', () => {
  const { guard, admit } = makeGuard(100, 2)
  const first = admit('10.0.0.1')
  admit('::ffff:10.0.0.1')
  expect(admit('10.0.0.1').place).toBe('connections_per_address')
  expect(typeof admit('10.0.0.2').place).toBe('object')
  for (let n = 0; n < 5; n++) expect(typeof admit('10.9.9.9').place).toBe('object')
  first.held().leave()
  first.held().leave()
  expect(typeof admit('10.0.0.1').place).toBe('object')
  expect(guard.refused).toEqual({ connections_full: 0, connections_per_address: 1 })
})

test('when all places are taken, who never asked goes first, then who has rested for longest', () => {
  const { clock, guard, admit } = makeGuard(4, 10)
  const [busy, resting, restingLater, silent] = ['a', 'b', 'c', 'd'].map((address) => admit(address))
  busy?.held().begin()
  for (const one of [resting, restingLater]) {
    one?.held().begin()
    clock.nowMs += 10
    one?.held().end()
  }
  // All of them are too young to be called idle.
  expect(admit('e').place).toBe('connections_full')
  clock.nowMs += 2000
  const next = [admit('e'), admit('f'), admit('g')]
  expect([silent, resting, restingLater].map((one) => one?.socket.isDestroyed)).toEqual([true, true, true])
  for (const one of next) one.held().begin()
  clock.nowMs += 2000
  expect(admit('h').place).toBe('connections_full')
  expect(busy?.socket.isDestroyed).toBe(false)
  expect(guard.open).toBe(4)
  expect(guard.evicted).toBe(3)
})

test('several requests on one connection are one rest', () => {
  const { clock, admit } = makeGuard(1, 10)
  const only = admit('a')
  only.held().begin()
  only.held().begin()
  only.held().end()
  clock.nowMs += 5000
  expect(admit('b').place).toBe('connections_full')
  only.held().end()
  clock.nowMs += 5000
  expect(typeof admit('b').place).toBe('object')
  // What the evicted one still says changes nothing.
  only.held().leave()
  only.held().begin()
  only.held().end()
  expect(admit('c').place).toBe('connections_full')
})
