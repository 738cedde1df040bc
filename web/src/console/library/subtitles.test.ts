import { expect, test } from 'vitest'
import { languageWords, subtitlesOf } from './subtitles.ts'

test('subtitles are read from the facts, whatever else stands there', () => {
  const german = { name: 'subtitles-de', language: 'de', title: 'Forced', isDefault: true }
  const added = { name: 'added-subtitles-en', language: 'en', title: null, isDefault: false, isAdded: true }
  expect(subtitlesOf({ facts: { subtitles: [german, added, null, 'x', { language: 'fr' }] } })).toEqual([
    { name: 'subtitles-de', language: 'de', title: 'Forced', isAdded: false },
    { name: 'added-subtitles-en', language: 'en', title: null, isAdded: true },
  ])
  expect(subtitlesOf({ facts: {} })).toEqual([])
  expect(subtitlesOf({ facts: { subtitles: 'none' } })).toEqual([])
})

test('languages are named', () => {
  expect(['de', 'pt-BR', 'und', 'not a tag'].map(languageWords)).toEqual([
    'German',
    'Brazilian Portuguese',
    'Unknown language',
    'not a tag',
  ])
})
