import { expect, test } from 'vitest'
import { ALL_RULES } from './all-rules.ts'
import { MEDIA_MUTATIONS } from './media-mutations.test-support.ts'
import { PLAYLIST_MUTATIONS } from './playlist-mutations.test-support.ts'
import { SERIES_MUTATIONS } from './series-mutations.test-support.ts'

const MUTATIONS = [...PLAYLIST_MUTATIONS, ...SERIES_MUTATIONS, ...MEDIA_MUTATIONS]

test('every rule has a mutation, and every mutation a rule', () => {
  const broken = new Set(MUTATIONS.map(({ rule }) => rule))
  expect([...broken].sort()).toEqual(ALL_RULES.map(({ id }) => id).sort())
})

test('no two rules share an id', () => {
  expect(new Set(ALL_RULES.map(({ id }) => id)).size).toBe(ALL_RULES.length)
})

test.each(MUTATIONS)('$rule is what breaks, and nothing else: $what', ({ rule, scene }) => {
  expect(scene().brokenRules()).toEqual([rule])
})
