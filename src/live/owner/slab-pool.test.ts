import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Slice } from '../publication.ts'
import { MemoryBudget, SLAB_BYTES, SlabPool } from './slab-pool.ts'

const MIB = 1024 * 1024

function openPool({ origins = 2, maxBytes = 10 * SLAB_BYTES } = {}) {
  const budget = new MemoryBudget(maxBytes)
  const retired: number[] = []
  const slabs: number[] = []
  const pool = new SlabPool(budget, origins, 1000, {
    onSlab: (id) => slabs.push(id),
    onRetire: (id) => retired.push(id),
  })
  return { budget, pool, retired, slabs }
}

test('what is allocated one after the other lies side by side in one slab', () => {
  const { pool, slabs } = openPool()
  const a = pool.allocate(100).slice
  const b = pool.allocate(200).slice
  expect([a, b]).toEqual([
    { slabId: 1000, offset: 0, length: 100 },
    { slabId: 1000, offset: 100, length: 200 },
  ])
  expect(slabs).toEqual([1000])
})

test('a slab is retired when it is full and nothing in it is needed, and reused when every origin has let go', () => {
  const { budget, pool, retired, slabs } = openPool()
  const first = pool.allocate(5 * MIB).slice
  const second = pool.allocate(5 * MIB).slice
  expect(slabs).toEqual([1000, 1001])
  pool.release(first)
  expect(retired).toEqual([1000])
  expect(budget.usedBytes).toBe(2 * SLAB_BYTES)
  pool.onReleased(1000, 0)
  pool.onReleased(1000, 0)
  expect(pool.known().map(({ id }) => id)).toEqual([1001])
  pool.allocate(5 * MIB)
  expect(budget.usedBytes).toBe(3 * SLAB_BYTES) // origin 1 may still be sending from the first
  pool.onReleased(1000, 1)
  pool.allocate(5 * MIB)
  expect(budget.usedBytes).toBe(3 * SLAB_BYTES)
  expect(new Set(slabs).size).toBe(slabs.length) // reused memory has a new name
  pool.release(second)
})

test('an empty slab that is still being filled is kept', () => {
  const { pool, retired } = openPool()
  pool.release(pool.allocate(100).slice)
  expect(retired).toEqual([])
  expect(pool.allocate(100).slice.offset).toBe(100)
})

test('a dead origin holds nothing', () => {
  const { budget, pool } = openPool()
  const first = pool.allocate(5 * MIB).slice
  pool.allocate(5 * MIB)
  pool.release(first)
  pool.onReleased(1000, 1)
  pool.onOriginLost(0)
  pool.allocate(5 * MIB)
  expect(budget.usedBytes).toBe(2 * SLAB_BYTES)
})

test('a release that was meant for another slab does nothing', () => {
  const { pool, retired } = openPool()
  pool.allocate(100)
  pool.onReleased(1000, 0)
  pool.onReleased(7, 0)
  pool.release({ slabId: 7, offset: 0, length: 1 })
  expect(retired).toEqual([])
})

test('a part larger than a slab gets memory of its own, which is given back', () => {
  const { budget, pool } = openPool({ origins: 1 })
  const { slice } = pool.allocate(SLAB_BYTES + 1)
  expect(budget.usedBytes).toBe(SLAB_BYTES + 1)
  pool.allocate(10)
  pool.release(slice)
  pool.onReleased(slice.slabId, 0)
  expect(budget.usedBytes).toBe(SLAB_BYTES)
})

test('beyond the budget nothing is allocated, and what is there stays usable', () => {
  const { budget, pool } = openPool({ maxBytes: SLAB_BYTES })
  pool.allocate(5 * MIB)
  expect(() => pool.allocate(5 * MIB)).toThrow(expect.objectContaining({ code: 'window_memory_full' }))
  expect(pool.allocate(MIB).slice.offset).toBe(5 * MIB)
  expect(budget.usedBytes).toBe(SLAB_BYTES)
})

test('closing gives everything back, whoever still holds it, and late releases change nothing', () => {
  const { budget, pool } = openPool()
  const { slice } = pool.allocate(5 * MIB)
  pool.allocate(5 * MIB)
  pool.release(slice)
  pool.close()
  expect(budget.usedBytes).toBe(0)
  pool.onReleased(1000, 0)
  pool.onReleased(1000, 1)
  pool.release(slice)
  expect(budget.usedBytes).toBe(0)
})

type Step =
  | { readonly kind: 'allocate'; readonly bytes: number }
  | { readonly kind: 'release'; readonly which: number }
  | { readonly kind: 'answer'; readonly which: number }
  | { readonly kind: 'lose'; readonly origin: number }

test('memory is always returned: in whatever order parts leave, origins answer and die', () => {
  const ORIGINS = 3
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('allocate' as const), bytes: fc.integer({ min: 1, max: 9 * MIB }) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constantFrom('release' as const, 'answer' as const), which: fc.nat() }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('lose' as const), origin: fc.nat(ORIGINS - 1) }) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const budget = new MemoryBudget(30 * SLAB_BYTES)
      const live: Slice[] = []
      const retires: number[] = []
      const unanswered: { slabId: number; origin: number }[] = []
      const memories = new Map<number, SharedArrayBuffer>()
      const pool = new SlabPool(budget, ORIGINS, 1, {
        onSlab(id, memory) {
          // Memory must never be written while an origin may be sending from it or the window lists it.
          const inUse = [...live.map((slice) => slice.slabId), ...unanswered.map((each) => each.slabId)]
          for (const used of inUse) expect(memories.get(used)).not.toBe(memory)
          memories.set(id, memory)
        },
        onRetire(id) {
          retires.push(id)
          for (let origin = 0; origin < ORIGINS; origin++) unanswered.push({ slabId: id, origin })
        },
      })
      const answer = (which: number) => {
        const [pending] = unanswered.splice(which % Math.max(1, unanswered.length), 1)
        if (pending !== undefined) pool.onReleased(pending.slabId, pending.origin)
      }
      const release = (which: number) => {
        const [slice] = live.splice(which % Math.max(1, live.length), 1)
        if (slice !== undefined) pool.release(slice)
      }
      for (const each of steps) {
        if (each.kind === 'allocate') {
          if (budget.canTake(Math.max(each.bytes, SLAB_BYTES))) live.push(pool.allocate(each.bytes).slice)
        } else if (each.kind === 'release') release(each.which)
        else if (each.kind === 'answer') answer(each.which)
        else {
          pool.onOriginLost(each.origin)
          for (let at = unanswered.length - 1; at >= 0; at--)
            if (unanswered[at]?.origin === each.origin) unanswered.splice(at, 1)
        }
        for (let a = 0; a < live.length; a++) {
          for (let b = a + 1; b < live.length; b++) {
            const [x, y] = [live[a]!, live[b]!]
            if (x.slabId !== y.slabId) continue
            expect(x.offset + x.length <= y.offset || y.offset + y.length <= x.offset).toBe(true)
          }
        }
      }
      while (live.length > 0) release(0)
      while (unanswered.length > 0) answer(0)
      expect(new Set(retires).size).toBe(retires.length)
      // What is left: the slab that is being filled and one that is kept for reuse.
      expect(budget.usedBytes).toBeLessThanOrEqual(SLAB_BYTES + 9 * MIB)
      pool.close()
      expect(budget.usedBytes).toBe(0)
    }),
    { numRuns: 60 },
  )
})
