import { expect, test } from 'vitest'
import { choose, chooseAll, keepShown, NOTHING_CHOSEN } from './selection.ts'

const ORDER = ['a', 'b', 'c', 'd', 'e']
const ids = ({ ids: chosen }: { readonly ids: ReadonlySet<string> }) => [...chosen].sort()

test('a second click takes it back', () => {
  const one = choose(NOTHING_CHOSEN, 'b', ORDER, false)
  expect(ids(one)).toEqual(['b'])
  expect(ids(choose(one, 'b', ORDER, false))).toEqual([])
})

test('Shift chooses everything from the last one chosen, in either direction', () => {
  const from = choose(NOTHING_CHOSEN, 'c', ORDER, false)
  expect(ids(choose(from, 'e', ORDER, true))).toEqual(['c', 'd', 'e'])
  expect(ids(choose(from, 'a', ORDER, true))).toEqual(['a', 'b', 'c'])
  expect(ids(choose(NOTHING_CHOSEN, 'd', ORDER, true))).toEqual(['d'])
})

test('all that is shown, or none', () => {
  const all = chooseAll(NOTHING_CHOSEN, ORDER)
  expect(ids(all)).toEqual(ORDER)
  expect(ids(chooseAll(all, ORDER))).toEqual([])
})

test('nobody deletes what nobody sees', () => {
  const all = chooseAll(NOTHING_CHOSEN, ORDER)
  expect(ids(keepShown(all, ['b', 'x']))).toEqual(['b'])
  expect(keepShown(all, ORDER)).toBe(all)
})
