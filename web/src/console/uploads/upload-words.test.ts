import { expect, test } from 'vitest'
import { toProblem } from '../api/client.ts'
import type { UploadItem } from './upload-item.ts'
import { restWords, speedOf, stateWords, summaryWords } from './upload-words.ts'

const plain = (text: string | null): string | null => text?.replaceAll('\u00a0', ' ') ?? null
const item = (change: Partial<UploadItem>): UploadItem => ({
  ...{ id: 1, file: new File([new Uint8Array(2000)], 'a'), folder: '', state: 'sending', sentBytes: 500 },
  ...{ resumedAtBytes: 0, problem: null, assetId: null, isDuplicate: false },
  ...change,
})

test('each state is a sentence', () => {
  const problem = toProblem(503, { detail: 'The store is away.' })
  expect(plain(stateWords(item({})))).toBe('500 B of 2.0 kB')
  expect(plain(stateWords(item({ resumedAtBytes: 100 })))).toContain('went on at 100 B')
  expect(stateWords(item({ state: 'retrying', problem }))).toBe('The store is away. Trying again…')
  expect(stateWords(item({ state: 'storing', problem }))).toContain('not stored yet: The store is away.')
  expect(stateWords(item({ state: 'refused', problem }))).toBe('The store is away.')
  expect(stateWords(item({ state: 'done', isDuplicate: true }))).toBe('In the library already')
})

test('the head of the tray says how far all of them are, and how they ended', () => {
  const none = { files: 3, done: 0, refused: 0, unfinished: 0, sentBytes: 0, totalBytes: 0 }
  expect(summaryWords({ ...none, done: 1, unfinished: 2 })).toBe('Uploading 2 of 3')
  expect(summaryWords({ ...none, refused: 1, unfinished: 2 })).toBe('Uploading 1 of 2, 1 refused')
  expect(summaryWords({ ...none, done: 3 })).toBe('3 files uploaded')
  expect(summaryWords({ ...none, done: 2, refused: 1 })).toBe('2 uploaded, 1 refused')
  expect(summaryWords({ ...none, refused: 3 })).toBe('3 refused')
})

test('the rest is told when a speed is known', () => {
  expect(speedOf([])).toBeNull()
  expect(speedOf([{ atMs: 0, sentBytes: 0 }])).toBeNull()
  const speed = speedOf([
    { atMs: 0, sentBytes: 0 },
    { atMs: 2000, sentBytes: 4_000_000 },
  ])
  expect(speed).toBe(2_000_000)
  expect(plain(restWords(240_000_000, speed))).toBe('2.0 MB/s, 2 min left')
  expect(restWords(1, 0)).toBeNull()
})
