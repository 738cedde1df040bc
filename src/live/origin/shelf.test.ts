import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Publication, RenderedPlaylist } from '../publication.ts'
import { type LeasedMedia, Shelf } from './shelf.ts'

const streamId = 'one'

function slab(slabId: number): Publication {
  const memory = new SharedArrayBuffer(64)
  new Uint8Array(memory).set(Uint8Array.from({ length: 64 }, (_, index) => index))
  return { kind: 'slab', streamId, slabId, memory }
}

function media(name: string, slices: readonly [slabId: number, offset: number, length: number][]): Publication {
  const named = slices.map(([slabId, offset, length]) => ({ slabId, offset, length }))
  return { kind: 'media', streamId, trackId: 'v0', name, slices: named }
}

function playlist(): Publication {
  const text = { plain: new Uint8Array(1), gzip: new Uint8Array(1) }
  const rendered: RenderedPlaylist = {
    full: text,
    delta: null,
    position: {
      lastMsn: 1,
      lastMsnParts: 1,
      openMsn: null,
      openParts: 0,
      partTargetSec: 1,
      targetDurationSec: 4,
      isEnded: false,
    },
    targetDurationSec: 4,
    preloadName: null,
  }
  return { kind: 'playlist', streamId, trackId: 'v0', playlist: rendered }
}

function phase(name: 'offline' | 'starting' | 'live' | 'ended'): Publication {
  return { kind: 'phase', streamId, phase: name }
}

function openShelf() {
  const released: number[] = []
  const shelf = new Shelf((slabId) => released.push(slabId))
  return { shelf, released }
}

function lease(shelf: Shelf, name: string): LeasedMedia {
  const track = shelf.track('v0')
  const leased = track === null ? null : shelf.lease(track, name)
  if (leased === null) throw new Error(`no media ${name}`)
  return leased
}

test('media is handed out as views into its slabs', () => {
  const { shelf } = openShelf()
  shelf.apply(slab(1))
  shelf.apply(slab(2))
  shelf.apply(
    media('7.m4s', [
      [1, 60, 4],
      [2, 0, 2],
    ]),
  )
  const { buffers, sizeBytes } = lease(shelf, '7.m4s')
  expect(sizeBytes).toBe(6)
  expect([...Buffer.concat(buffers)]).toEqual([60, 61, 62, 63, 0, 1])
})

test('a retired slab is let go when the last response that needs it is over, once', () => {
  const { shelf, released } = openShelf()
  shelf.apply(slab(1))
  shelf.apply(media('7.m4s', [[1, 0, 8]]))
  const [first, second] = [lease(shelf, '7.m4s'), lease(shelf, '7.m4s')]
  shelf.apply({ kind: 'retire', streamId, slabId: 1 })
  expect(released).toEqual([])
  first.release()
  first.release()
  expect(released).toEqual([])
  second.release()
  expect(released).toEqual([1])
})

test('an idle or unknown slab is let go at once', () => {
  const { shelf, released } = openShelf()
  shelf.apply(slab(1))
  shelf.apply({ kind: 'retire', streamId, slabId: 1 })
  shelf.apply({ kind: 'retire', streamId, slabId: 9 })
  expect(released).toEqual([1, 9])
})

test('media whose slab is not here is not here', () => {
  const { shelf } = openShelf()
  shelf.apply(media('7.m4s', [[5, 0, 8]]))
  expect(shelf.lease(shelf.track('v0')!, '7.m4s')).toBeNull()
})

test('a response under way keeps its bytes through a reset, and its end disturbs nobody', () => {
  const { shelf, released } = openShelf()
  shelf.apply(slab(1))
  shelf.apply(media('7.m4s', [[1, 3, 2]]))
  const leased = lease(shelf, '7.m4s')
  shelf.apply({ kind: 'reset', streamId })
  expect([...Buffer.concat(leased.buffers)]).toEqual([3, 4])
  leased.release()
  expect(released).toEqual([])
  expect(shelf.track('v0')?.media.size).toBe(0)
})

test('what has left the window is gone, what never was is unknown', () => {
  const { shelf } = openShelf()
  shelf.apply(media('7.m4s', []))
  shelf.apply({ kind: 'init', streamId, trackId: 'v0', name: 'init-a.mp4', bytes: new Uint8Array(1) })
  shelf.apply({ kind: 'drop', streamId, trackId: 'v0', names: ['7.m4s', 'p0-700.m4s', 'init-a.mp4'] })
  const track = shelf.track('v0')!
  expect(track.media.size + track.inits.size).toBe(0)
  expect(shelf.isGone(track, '7.m4s')).toBe(true)
  expect(shelf.isGone(track, '6.m4s')).toBe(true)
  expect(shelf.isGone(track, 'p0-699.m4s')).toBe(true)
  expect(shelf.isGone(track, '8.m4s')).toBe(false)
  expect(shelf.isGone(track, 'p0-701.m4s')).toBe(false)
  expect(shelf.isGone(track, 'x.m4s')).toBe(false)
})

test('requests that wait are asked again on every update until they have been answered', () => {
  const { shelf } = openShelf()
  shelf.apply(playlist())
  const track = shelf.track('v0')!
  let asked = 0
  track.waiters.add(() => ++asked === 3)
  for (let update = 0; update < 5; update++) shelf.apply(playlist())
  expect(asked).toBe(3)
  expect(track.waiters.size).toBe(0)
})

test('requests that wait live through a reset, and hear of every change of phase', () => {
  const { shelf } = openShelf()
  shelf.apply(playlist())
  const heard: string[] = []
  shelf.track('v0')?.waiters.add(() => {
    heard.push(shelf.phase)
    return false
  })
  shelf.waiters.add(() => {
    heard.push(`multivariant ${shelf.phase}`)
    return true
  })
  shelf.apply({ kind: 'reset', streamId })
  shelf.apply(phase('starting'))
  expect(heard).toEqual(['multivariant offline', 'offline', 'starting'])
})

test('an offline stream has nothing to show, whoever said so', () => {
  const { shelf } = openShelf()
  shelf.apply(phase('live'))
  shelf.apply(playlist())
  shelf.apply({ kind: 'multivariant', streamId, text: { plain: new Uint8Array(1), gzip: new Uint8Array(1) } })
  const { generation } = shelf
  shelf.apply(phase('offline'))
  expect(shelf.track('v0')?.playlist).toBeNull()
  expect(shelf.multivariant).toBeNull()
  expect(shelf.generation).toBeGreaterThan(generation)
})

test('while a publisher connects, a track may be asked for that is not there yet', () => {
  const { shelf } = openShelf()
  expect(shelf.trackOrExpected('v0')).toBeNull()
  shelf.apply(phase('starting'))
  const expected = shelf.trackOrExpected('v0')
  shelf.apply(playlist())
  expect(shelf.track('v0')).toBe(expected)
  shelf.apply(phase('live'))
  expect(shelf.trackOrExpected('v1')).toBeNull()
})

test('every retired slab is let go exactly once, whatever the order of retirement, responses and resets', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ action: fc.constantFrom('lease', 'release', 'retire'), which: fc.nat(20) }), {
        maxLength: 60,
      }),
      (steps) => {
        const { shelf, released } = openShelf()
        const leases: { leased: LeasedMedia; slabs: readonly number[] }[] = []
        const retired = new Set<number>()
        for (let id = 0; id < 5; id++) shelf.apply(slab(id))
        for (let id = 0; id < 5; id++)
          shelf.apply(
            media(`${id}.m4s`, [
              [id, 0, 4],
              [(id + 1) % 5, 0, 4],
            ]),
          )
        const track = shelf.track('v0')!
        for (const { action, which } of steps) {
          const id = which % 5
          if (action === 'lease') {
            const leased = shelf.lease(track, `${id}.m4s`)
            if (leased !== null) leases.push({ leased, slabs: [id, (id + 1) % 5] })
          } else if (action === 'release') {
            const [done] = leases.splice(which % Math.max(1, leases.length), 1)
            done?.leased.release()
          } else if (!retired.has(id)) {
            retired.add(id)
            shelf.apply({ kind: 'retire', streamId, slabId: id })
          }
          for (const { slabs } of leases) for (const inUse of slabs) expect(released).not.toContain(inUse)
        }
        for (const { leased } of leases) leased.release()
        expect(released.toSorted()).toEqual([...retired].toSorted())
      },
    ),
  )
})
