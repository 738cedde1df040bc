import { expect, test } from 'vitest'
import { isMirrorError } from '../../core/errors.ts'
import { parseAacConfig, parseAudioSpecificConfig } from './aac-config.ts'
import { adtsAudioSpecificConfig, parseAdtsHeader } from './adts.ts'
import { languageTag } from './language-tag.ts'
import { buildOpusDops, opusPacketSamples, parseOpusDops } from './opus-config.ts'
import { isSameConfig } from './same-config.ts'

test.each([
  ['AAC-LC 44.1 kHz stereo', [0x12, 0x10], 2, 44_100, 2, 1024],
  ['AAC-LC 48 kHz 5.1', [0x11, 0xb0], 2, 48_000, 6, 1024],
  ['AAC-LC with frames of 960', [0x11, 0x94], 2, 48_000, 2, 960],
  ['a rate written out', [0x17, 0x80, 0x5d, 0xc0, 0x10], 2, 48_000, 2, 1024],
  ['HE-AAC, hierarchical', [0x2b, 0x11, 0x88, 0x00], 5, 24_000, 2, 1024],
  ['HE-AAC v2, hierarchical', [0xeb, 0x09, 0x88, 0x00], 29, 24_000, 2, 1024],
  ['HE-AAC, backward compatible', [0x13, 0x10, 0x56, 0xe5, 0x98], 5, 24_000, 2, 1024],
  ['HE-AAC v2, backward compatible', [0x13, 0x08, 0x56, 0xe5, 0x9d, 0x48, 0x80], 29, 24_000, 2, 1024],
] as const)(
  '%s is read from the AudioSpecificConfig',
  (_, bytes, objectType, sampleRateHz, channels, samplesPerFrame) => {
    expect(parseAudioSpecificConfig(Uint8Array.from(bytes))).toEqual({
      objectType,
      sampleRateHz,
      channels,
      samplesPerFrame,
    })
  },
)

test('an object type that is no AAC is refused by number', () => {
  const call = () => parseAudioSpecificConfig(Uint8Array.of(0xf9, 0x48, 0x40)) // 42: xHE-AAC
  expect(call).toThrow(/object type 42/)
  try {
    call()
  } catch (error) {
    expect(isMirrorError(error, 'ingest_codec_unsupported')).toBe(true)
  }
})

test('an ADTS header becomes the AudioSpecificConfig of its frames', () => {
  const header = parseAdtsHeader(Uint8Array.of(0xff, 0xf1, 0x4c, 0x80, 0x2a, 0x1f, 0xfc), 0)
  expect(header).toMatchObject({
    headerBytes: 7,
    frameBytes: 336,
    sampleRateHz: 48_000,
    channelConfig: 2,
    rawBlocks: 1,
  })
  expect([...adtsAudioSpecificConfig(header!)]).toEqual([0x11, 0x90])
  expect(parseAdtsHeader(Uint8Array.of(0xff, 0xfb, 0x4c, 0x80, 0x2a, 0x1f, 0xfc), 0)).toBeNull() // MP3
})

test('configurations with equal decoded values are the same, whatever their bytes', () => {
  const explicit = parseAacConfig(Uint8Array.of(0x2b, 0x11, 0x88, 0x00), 'en')
  const compatible = parseAacConfig(Uint8Array.of(0x13, 0x10, 0x56, 0xe5, 0x98), 'en')
  expect(isSameConfig(explicit, compatible)).toBe(true)
  expect(isSameConfig(explicit, { ...explicit, language: 'de' })).toBe(false)
  expect(isSameConfig(explicit, parseAacConfig(Uint8Array.of(0x13, 0x10), 'en'))).toBe(false)
})

test('Opus packets tell their duration', () => {
  expect(opusPacketSamples(Uint8Array.of(0xfc))).toBe(960) // CELT 20 ms, one frame
  expect(opusPacketSamples(Uint8Array.of(0x0c))).toBe(960) // SILK 20 ms
  expect(opusPacketSamples(Uint8Array.of(0x19))).toBe(5760) // SILK 60 ms, two frames
  expect(opusPacketSamples(Uint8Array.of(0xe3, 4))).toBe(480) // CELT 2.5 ms, four frames
  expect(opusPacketSamples(Uint8Array.of(0x1b, 63))).toBeNull() // beyond 120 ms
  expect(opusPacketSamples(new Uint8Array(0))).toBeNull()
})

test('a dOps record is written and read', () => {
  expect(parseOpusDops(buildOpusDops(6), 'und')).toMatchObject({
    channels: 6,
    sampleRateHz: 48_000,
    codecString: 'opus',
  })
  expect([...buildOpusDops(6).subarray(10)]).toEqual([1, 4, 2, 0, 4, 1, 2, 3, 5])
  expect(() => parseOpusDops(Uint8Array.of(0, 2, 0), 'und')).toThrow(/ends early/)
})

test('languages become BCP 47 tags', () => {
  expect(['eng', 'ger', 'deu', 'und', 'qaa', '\0\0\0', ''].map(languageTag)).toEqual([
    ...['en', 'de', 'de', 'und', 'qaa', 'und', 'und'],
  ])
})
