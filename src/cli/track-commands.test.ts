import { expect, test } from 'vitest'
import { changedTracks } from './track-commands.ts'

const german = { id: 'a1', language: 'de', name: 'Kommentar', role: null, default: true }

test('what is not said stays', () => {
  expect(changedTracks([german], 'a1', { role: 'commentary' })).toEqual([{ ...german, role: 'commentary' }])
})

test('a new default takes the place of the old one of its kind', () => {
  const subtitles = { ...german, id: 's0' }
  expect(changedTracks([german, subtitles], 'a0', { default: true })).toEqual([
    { id: 'a0', default: true },
    { ...german, default: false },
    subtitles,
  ])
})

test('a cleared track is as if nothing had been said', () => {
  expect(changedTracks([german], 'a1', { clear: true })).toEqual([])
})

test('a command that says nothing is a mistake', () => {
  expect(() => changedTracks([german], 'a1', {})).toThrow('Nothing is said')
})
