import { expect, test } from 'vitest'
import type { LiveView } from '../../../../src/api/stream-contract.ts'
import { audioWords, causesOf, lossPercent, mediaWords, sumOf } from './stream-summary.ts'

const video: LiveView['tracks'][number] = {
  id: 'v0',
  kind: 'video',
  codec: 'h264',
  codecString: 'avc1.64001f',
  widthPx: 1280,
  heightPx: 720,
  frameRate: 50,
  sampleRateHz: null,
  channels: null,
  language: null,
  bitrateBps: 3_000_000,
}
const audio: LiveView['tracks'][number] = {
  ...video,
  id: 'a0',
  kind: 'audio',
  codec: 'aac',
  widthPx: null,
  heightPx: null,
  frameRate: null,
  sampleRateHz: 44_100,
  channels: 2,
  language: 'und',
}
const live = (tracks: LiveView['tracks']): LiveView => ({
  startedAt: null,
  input: null,
  inputs: [],
  slate: null,
  switches: {},
  tracks,
  bitrateBps: 0,
  fps: 0,
  viewers: 0,
  packagingMs: null,
  latencyMs: null,
  discontinuitySequence: 0,
  newestMsn: null,
  keyframeIntervalSec: null,
  advice: [],
  drops: {},
  repairs: {},
})

test('tracks are told in a few words', () => {
  expect(mediaWords(live([video, audio]))).toBe('1280×720 · H.264 · AAC')
  expect(mediaWords(live([audio]))).toBe('audio only · AAC')
  expect(mediaWords(live([]))).toBeNull()
})

test('an undetermined language is not mentioned', () => {
  expect(audioWords(audio)).toBe('AAC · 44.1\u00a0kHz · stereo')
})

test('causes are listed by weight, and only those that happened', () => {
  expect(causesOf({ clock_jump: 2, queue_full: 40, none: 0 })).toEqual(['queue full 40', 'clock jump 2'])
  expect(sumOf({ a: 2, b: 40 })).toBe(42)
})

test('loss is unknown where the protocol does not count it', () => {
  const input = {
    protocol: 'rtmp',
    connectedAt: '',
    receivedBytes: 131_600,
    rttMs: null,
    packetsRetransmitted: null,
    packetsDropped: null,
  } as const
  expect(lossPercent({ ...input, packetsLost: null })).toBeNull()
  expect(lossPercent({ ...input, packetsLost: 100 })).toBeCloseTo(50)
})
