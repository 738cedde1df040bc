import { expect, test } from 'vitest'
import { parseProbe } from './media-facts.ts'

const format = { format_name: 'mov,mp4', duration: '10.5', bit_rate: '128000', tags: { TITLE: 'A' } }
const probe = (streams: unknown, of: unknown = format) => parseProbe(JSON.stringify({ format: of, streams }))

test('pictures have a size, a rate and a rotation clockwise', () => {
  const video = { index: 0, codec_type: 'video', codec_name: 'h264', width: 1920, height: 1080 }
  const rotated = (more: object) => probe([{ ...video, ...more }])?.streams[0]
  expect(rotated({ avg_frame_rate: '30000/1001' })).toMatchObject({ kind: 'video', width: 1920, height: 1080 })
  expect(rotated({ avg_frame_rate: '30000/1001' })).toHaveProperty('frameRate', 30_000 / 1001)
  expect(rotated({ avg_frame_rate: '0/0', r_frame_rate: '25/1' })).toHaveProperty('frameRate', 25)
  expect(rotated({ avg_frame_rate: '0/0', r_frame_rate: '0/0' })).toHaveProperty('frameRate', null)
  for (const [rotation, clockwise] of [
    [-90, 90],
    [90, 270],
    [180, 180],
    [-180, 180],
    [0, 0],
    [-89.6, 90],
  ]) {
    expect(rotated({ side_data_list: [{ rotation }] }), `${rotation}`).toHaveProperty('rotationDeg', clockwise)
  }
  expect(rotated({ tags: { rotate: '90' } })).toHaveProperty('rotationDeg', 90)
  expect(rotated({ tags: { rotate: 'up' } })).toHaveProperty('rotationDeg', 0)
  expect(rotated({ disposition: { attached_pic: 1 } })).toHaveProperty('isCover', true)
})

test('a sound has channels and a rate, a language only if it says one', () => {
  const audio = { index: 1, codec_type: 'audio', codec_name: 'aac', channels: 2, sample_rate: '48000' }
  expect(probe([{ ...audio, tags: { LANGUAGE: 'deu' }, disposition: { default: 1 } }])?.streams).toEqual([
    {
      index: 1,
      kind: 'audio',
      codec: 'aac',
      channels: 2,
      sampleRateHz: 48_000,
      title: null,
      layout: null,
      bitsPerSample: null,
      durationSec: null,
      bitRate: null,
      language: 'deu',
      isDefault: true,
    },
  ])
  expect(probe([{ ...audio, tags: { language: 'und' } }])?.streams[0]).toHaveProperty('language', null)
})

test('a duration that the file does not say is that of its longest stream, or unknown', () => {
  const streams = [{ index: 0, duration: '3.5' }, { index: 1, duration: 'N/A' }, { index: 2 }]
  expect(probe(streams)?.durationSec).toBe(10.5)
  expect(probe(streams, { format_name: 'wav' })?.durationSec).toBe(3.5)
  expect(probe([], { format_name: 'wav', duration: 'N/A' })).toMatchObject({ durationSec: null, bitRate: null })
  expect(
    probe([
      { index: 0, codec_type: 'data' },
      { index: 1, codec_type: 'subtitle' },
    ])?.streams,
  ).toMatchObject([{ kind: 'other', codec: 'unknown' }, { kind: 'subtitle' }])
})

test('what is not an answer of ffprobe is none', () => {
  for (const text of ['', '{', '[]', '{"format":{}}', '{"format":{"format_name":"x"},"streams":3}']) {
    expect(parseProbe(text)).toBeNull()
  }
})
