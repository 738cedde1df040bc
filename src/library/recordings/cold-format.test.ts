import { expect, test } from 'vitest'
import { type ColdFormat, compressionFor } from './cold-format.ts'
import type { RecordingRow } from './recording.ts'

const CALL = { format: 'wav', codec: 'pcm_s16le', channels: 2, sampleRateHz: 8000, original: null } as const
const codecFor = (wish: ColdFormat, change: Partial<RecordingRow> = {}) =>
  compressionFor({ ...CALL, ...change } as RecordingRow, wish)?.codec ?? null

test('a WAV is kept as is wished, and by default as it came', () => {
  expect([codecFor('original'), codecFor('flac'), codecFor('opus')]).toEqual([null, 'flac', 'opus'])
})

test.each([
  ['what is compressed already', { format: 'mp3', codec: 'mp3' }],
  ['a WAV with something else than samples in it', { codec: 'mp3' }],
  ['what was compressed before', { original: { sha256: 'ab', sizeBytes: 1, format: 'wav', codec: 'pcm_s16le' } }],
  ['what nobody has looked at yet', { codec: null, channels: null, sampleRateHz: null }],
  ['more channels than fit', { channels: 9 }],
])('%s stays as it is', (_, change: Partial<RecordingRow>) => {
  expect([codecFor('flac', change), codecFor('opus', change)]).toEqual([null, null])
})

test('samples that FLAC does not keep as they are go to Opus alone', () => {
  for (const codec of ['pcm_mulaw', 'pcm_alaw', 'pcm_f32le', 'pcm_u8']) {
    expect([codecFor('flac', { codec }), codecFor('opus', { codec })]).toEqual([null, 'opus'])
  }
})

test('Opus has 32 kbit/s a channel, at a rate that it knows', () => {
  const args = (sampleRateHz: number) =>
    compressionFor({ ...CALL, sampleRateHz } as unknown as RecordingRow, 'opus')?.args
  expect(args(8000)?.join(' ')).toContain('-b:a 64000')
  expect(args(8000)).not.toContain('-ar')
  expect(args(44_100)?.join(' ')).toContain('-ar 48000')
})
