import { expect, test } from 'vitest'
import type { AssetView } from '../../../../src/api/asset-contract.ts'
import { aboutAsset, nameWords, writtenInto } from './asset-facts.ts'
import { formatWords, pictureOf, renditionWords, statusWords } from './asset-words.ts'
import { parseMetadata } from './metadata-text.ts'

const plain = (text: string): string => text.replaceAll('\u00a0', ' ')
const asset = (change: Partial<AssetView>): AssetView =>
  ({
    kind: 'image',
    contentType: 'image/jpeg',
    sizeBytes: 8_400_000,
    facts: {},
    renditions: [],
    ...change,
  }) as unknown as AssetView

test('processing is told by step and percent, everything else by a word', () => {
  const step = { name: 'mp4', index: 3, count: 5, percent: null }
  expect(statusWords({ status: 'processing', step, percent: 42 })).toBe('Step 3 of 5 · 42 %')
  expect(statusWords({ status: 'processing', step: null, percent: 0 })).toBe('Processing')
  expect(statusWords({ status: 'failed', step, percent: 40 })).toBe('Failed')
})

test('renditions and formats have names that people use', () => {
  expect(['thumbnail', 'fit-320-webp', 'mp4-720p', 'm4a', 'new-one'].map(renditionWords)).toEqual([
    ...['Thumbnail', 'Within 320×320, WEBP', 'MP4, 720p', 'AAC, M4A', 'new-one'],
  ])
  expect(['subtitles-de', 'subtitles-de-2', 'added-subtitles-pt-br'].map(renditionWords)).toEqual([
    ...['Subtitles, German', 'Subtitles, German', 'Subtitles, Brazilian Portuguese, added'],
  ])
  expect(formatWords({ format: 'bin', extension: 'zip' })).toBe('ZIP')
  expect(formatWords({ format: 'bin', extension: '' })).toBe('File')
})

test('the names of a camera become words', () => {
  expect(['ExposureTime', 'ISOSpeedRatings', 'FNumber', 'track_number'].map(nameWords)).toEqual([
    ...['Exposure time', 'ISO speed ratings', 'F number', 'Track number'],
  ])
})

test('a picture stands for an asset by its thumbnail, a video by its poster, a document by nothing', () => {
  const of = (name: string, width: number | null) => ({
    ...{ name, contentType: 'image/jpeg', sizeBytes: 1, sha256: '', width, height: width, path: `/${name}` },
  })
  expect(pictureOf({ renditions: [of('medium', 800), of('thumbnail', 150)] })).toEqual({
    ...{ src: '/thumbnail', srcSet: '/thumbnail 150w, /medium 800w' },
  })
  expect(pictureOf({ renditions: [of('poster', 1280)] })).toEqual({ src: '/poster', srcSet: '/poster 1280w' })
  expect(pictureOf({ renditions: [of('m4a', null)] })).toBeNull()
})

test('what was found in a video is told in the units of people', () => {
  const facts = {
    ...{ durationSec: 3723, width: 3840, height: 2160, bitRate: 19_400_000, loudness: { integratedLufs: -16.24 } },
    video: { codec: 'h264', frameRate: 25 },
    audio: { codec: 'aac', sampleRateHz: 44_100, channels: 2 },
  }
  const told = aboutAsset(asset({ kind: 'video', contentType: 'video/mp4', facts }))
  expect(told.map(({ label, value }) => `${label}: ${plain(value)}`)).toEqual([
    'Kind: Video, video/mp4',
    'Size: 8.4 MB',
    'Length: 1:02:03',
    'Pixels: 3840 × 2160 (8.3 million)',
    'Video: H.264, 25 fps',
    'Sound: AAC, 44.1 kHz, stereo',
    'Bit rate: 19.4 Mbit/s',
    'Loudness: -16.2 LUFS',
  ])
})

test('facts of another kind than expected are left out', () => {
  const facts = { durationSec: 'long', width: null, video: 'h264', exif: ['x'], loudness: 3, colourSpace: 7 }
  expect(aboutAsset(asset({ facts })).map(({ label }) => label)).toEqual(['Kind', 'Size'])
  expect(writtenInto({ facts: { exif: { Model: 'X', Deep: { a: 1 } }, tags: null } })).toEqual([
    ...[{ label: 'Model', value: 'X' }],
  ])
})

test('metadata that are no object are refused in words', () => {
  expect(parseMetadata('  ')).toEqual({ ok: true, value: {} })
  expect(parseMetadata('{"a":1}')).toEqual({ ok: true, value: { a: 1 } })
  expect(parseMetadata('[1]')).toMatchObject({ ok: false, why: expect.stringContaining('object') })
  expect(parseMetadata('{')).toMatchObject({ ok: false, why: expect.stringContaining('no JSON') })
})
