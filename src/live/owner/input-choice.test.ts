import { expect, test } from 'vitest'
import { ArrivalPace } from './arrival-pace.ts'
import { chooseInput, type InputCandidate, type InputSituation } from './input-choice.ts'

const NOW = 100_000

function candidate(id: string, change: Partial<InputCandidate> = {}): InputCandidate {
  const isWell = { isConnected: true, isReady: true, lastMediaAtMs: NOW - 40, healthySinceMs: NOW - 60_000 }
  return { id, rank: 0, silenceMs: 1000, ...isWell, ...change }
}

function choose(candidates: readonly InputCandidate[], change: Partial<InputSituation> = {}) {
  return chooseInput({ candidates, activeId: 'a', isPinned: false, returnAfterMs: 10_000, nowMs: NOW, ...change })
}

const silent = { lastMediaAtMs: NOW - 1001, healthySinceMs: null }

test('silence of the input on air is a reason for the best of the others', () => {
  const others = [candidate('b', { rank: 2 }), candidate('c', { rank: 1 })]
  expect(choose([candidate('a', silent), ...others])).toEqual({ id: 'c', reason: 'silent' })
  expect(choose([candidate('a', { lastMediaAtMs: NOW - 999 }), ...others])).toBeNull()
})

test('of equal ones the one that has been healthy for longest is taken', () => {
  const others = [candidate('b', { healthySinceMs: NOW - 10 }), candidate('c', { healthySinceMs: NOW - 5000 })]
  expect(choose([candidate('a', silent), ...others])?.id).toBe('c')
})

test('nobody takes the place of a silent input who could show nothing', () => {
  for (const flaw of [{ isReady: false }, silent, { isConnected: false }]) {
    expect(choose([candidate('a', silent), candidate('b', flaw)]), JSON.stringify(flaw)).toBeNull()
  }
})

test('an input that has left is relieved at once', () => {
  expect(choose([candidate('a', { isConnected: false }), candidate('b')])).toEqual({ id: 'b', reason: 'closed' })
  expect(choose([candidate('b')], { activeId: null })).toEqual({ id: 'b', reason: 'closed' })
})

test('a better input returns after it was healthy for long enough, an equal one never', () => {
  const active = candidate('a', { rank: 1 })
  const since = (ms: number) => candidate('b', { healthySinceMs: NOW - ms })
  expect(choose([active, since(9_999)])).toBeNull()
  expect(choose([active, since(10_000)])).toEqual({ id: 'b', reason: 'returned' })
  expect(choose([active, since(60_000)], { returnAfterMs: null })).toBeNull()
  expect(choose([active, since(60_000)], { isPinned: true })).toBeNull()
  expect(choose([active, candidate('b', { rank: 1 })])).toBeNull()
})

test("a person's choice ends with the silence of what was chosen", () => {
  expect(choose([candidate('a', silent), candidate('b')], { isPinned: true })).toEqual({ id: 'b', reason: 'silent' })
})

test('a feed that comes in pieces is silent when it misses one, a steady one after the time that is set', () => {
  const [pieces, steady] = [new ArrivalPace(), new ArrivalPace()]
  for (let atMs = 0; atMs <= 12_000; atMs += 2_000) pieces.note(atMs, 1_000)
  for (let atMs = 0; atMs <= 12_000; atMs += 40) steady.note(atMs, 1_000)
  expect([pieces.limitMs(1_000), steady.limitMs(1_000)]).toEqual([3_000, 1_000])
  expect(pieces.healthySinceMs(14_900, 1_000)).not.toBeNull()
  expect(steady.healthySinceMs(13_001, 1_000)).toBeNull()
})

test('outages are no pace, and health begins anew after each', () => {
  const pace = new ArrivalPace()
  const outageEvery = 7_000
  let lastAtMs = 0
  for (let atMs = 0; atMs <= 5 * outageEvery; atMs += 40) {
    if (atMs % outageEvery > 2_000) continue
    pace.note(atMs, 1_000)
    lastAtMs = atMs
  }
  expect(pace.limitMs(1_000)).toBe(1_000)
  expect(pace.healthySinceMs(lastAtMs, 1_000)).toBe(5 * outageEvery)
})
