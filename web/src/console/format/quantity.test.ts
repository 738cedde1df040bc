import { expect, test } from 'vitest'
import { formatBitrate, formatBytes, formatCodec, formatFrameRate, formatLatency, plural } from './quantity.ts'

const plain = (text: string): string => text.replaceAll('\u00a0', ' ')

test('bit rates use the unit a person would say', () => {
  expect([800_000, 6_240_000, 120_400_000].map((bps) => plain(formatBitrate(bps)))).toEqual([
    '800 kbit/s',
    '6.2 Mbit/s',
    '120 Mbit/s',
  ])
  expect(formatBitrate(0)).toBe('–')
})

test('latencies change from milliseconds to seconds at one second', () => {
  expect(plain(formatLatency(312.4))).toBe('312 ms')
  expect(plain(formatLatency(1240))).toBe('1.24 s')
  expect([723_000, 3_727_000].map((ms) => plain(formatLatency(ms)))).toEqual(['12 min', '1.0 h'])
  expect(formatLatency(null)).toBe('–')
})

test('bytes are decimal', () => {
  expect([12, 1500, 48_100_000, 3_200_000_000].map((size) => plain(formatBytes(size)))).toEqual([
    '12 B',
    '1.5 kB',
    '48.1 MB',
    '3.2 GB',
  ])
})

test('NTSC frame rates keep their fraction', () => {
  expect(plain(formatFrameRate(30_000 / 1001))).toBe('29.97 fps')
  expect(plain(formatFrameRate(60))).toBe('60 fps')
})

test('codecs are written as people write them', () => {
  expect(formatCodec('h264')).toBe('H.264')
  expect(formatCodec('xyz')).toBe('xyz')
})

test('one is singular', () => {
  expect(plural(1, 'viewer', 'viewers')).toBe('1 viewer')
  expect(plural(1200, 'viewer', 'viewers')).toBe('1,200 viewers')
})
