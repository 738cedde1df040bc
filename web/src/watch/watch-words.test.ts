import { expect, test } from 'vitest'
import type { PlayerState, PlayerStats } from '../player/player-state.ts'
import { embedSnippet, latencyWords, readAddress, standbyFor } from './watch-words.ts'

const inState = (state: PlayerState, message: string | null = null) => ({ state, message }) as unknown as PlayerStats

test('the playlist lies beside the page, also behind a prefix', () => {
  expect(readAddress('http://h:8888/watch/demo')).toEqual({
    streamId: 'demo',
    playlistUrl: 'http://h:8888/stream/demo/playlist.m3u8',
    watchUrl: 'http://h:8888/watch/demo',
    isEmbedded: false,
  })
  expect(readAddress('https://h/live/watch/a-1/?embed=1')).toMatchObject({
    playlistUrl: 'https://h/live/stream/a-1/playlist.m3u8',
    isEmbedded: true,
  })
})

test('an address without a possible id plays nothing', () => {
  expect(readAddress('http://h/watch/')).toBeNull()
  expect(readAddress('http://h/watch/a%2Fb')).toBeNull()
})

test('a picture has no words in front of it', () => {
  expect(standbyFor(inState('playing'), 'a')).toBeNull()
  expect(standbyFor(inState('stalled'), 'a')).toBeNull()
})

test('offline waits, unknown does not pretend to', () => {
  expect(standbyFor(inState('waiting'), 'a')).toMatchObject({ isBusy: true })
  expect(standbyFor(inState('unknown'), 'a')).toMatchObject({ isBusy: false, title: 'There is no stream “a”' })
})

test('latency is told in tenths while it is short', () => {
  expect([0.84, 12.4, 75, 119.9, 7500].map(latencyWords)).toEqual([
    '0.8\u00a0s behind',
    '12\u00a0s behind',
    '1\u00a0min 15\u00a0s behind',
    '1\u00a0min 59\u00a0s behind',
    '2\u00a0h 5\u00a0min behind',
  ])
  expect(latencyWords(-3)).toBe('')
})

test('what others paste is the page without its surroundings', () => {
  expect(embedSnippet('https://h/watch/a')).toMatch(/^<iframe src="https:\/\/h\/watch\/a\?embed=1"/)
})
