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
    deltaV2: null,
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

function phase(name: 'offline' | 'starting' | 'reviving' | 'live' | 'ended'): Publication {
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

const multivariant: Publication = {
  kind: 'multivariant',
  streamId,
  text: { plain: new Uint8Array(1), gzip: new Uint8Array(1) },
}

test('another thread takes everything over that can be asked for', () => {
  const { shelf } = openShelf()
  for (const one of [slab(1), media('1.m4s', [[1, 0, 4]]), playlist(), multivariant]) shelf.apply(one)
  expect(shelf.snapshot(streamId)).toBeNull()
  shelf.apply(phase('live'))
  const { shelf: other } = openShelf()
  expect(other.isEmpty).toBe(true)
  for (const one of shelf.snapshot(streamId) ?? []) other.apply(one)
  expect(other.isEmpty).toBe(false)
  expect(other.phase).toBe('live')
  expect(other.multivariant).toBe(shelf.multivariant)
  expect(other.track('v0')?.playlist).toBe(shelf.track('v0')?.playlist)
  expect(Buffer.concat(lease(other, '1.m4s').buffers)).toEqual(Buffer.concat(lease(shelf, '1.m4s').buffers))
})

test('while an owner is revived, what its predecessor left answers; then it goes, save what was published again', () => {
  const { shelf, released } = openShelf()
  for (const one of [slab(1), media('1.m4s', [[1, 0, 4]]), media('2.m4s', [[1, 4, 4]]), playlist(), multivariant])
    shelf.apply(one)
  shelf.apply(phase('live'))
  shelf.apply(phase('reviving'))
  expect(shelf.phase).toBe('live')
  shelf.apply({ kind: 'renew', streamId })
  for (const one of [slab(7), media('2.m4s', [[7, 0, 4]]), media('3.m4s', [[7, 4, 4]])]) shelf.apply(one)
  expect(shelf.track('v0')?.playlist).not.toBeNull()
  lease(shelf, '1.m4s').release()
  shelf.settle()
  const track = shelf.track('v0')
  if (track === null) throw new Error('no track')
  expect([...track.media.keys()]).toEqual(['2.m4s', '3.m4s'])
  expect(shelf.isGone(track, '1.m4s')).toBe(true)
  lease(shelf, '2.m4s').release()
  // The dead owner waits for no slab.
  expect(released).toEqual([])
})

test('with nothing left behind, a revived stream is one that is starting', () => {
  const { shelf } = openShelf()
  shelf.apply(phase('reviving'))
  expect(shelf.phase).toBe('starting')
})
