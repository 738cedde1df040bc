import { execFileSync } from 'node:child_process'
import { rm } from 'node:fs/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DemuxRecorder } from '../../../test/support/demux-recorder.ts'
import { makeFixture, writeFixture } from '../../../test/support/fixtures.ts'
import { TsDemuxer } from '../mpegts/ts-demuxer.ts'
import { CaptionDetector } from './caption-detector.ts'

type Triplet = readonly [flags: number, first: number, second: number]

/** cc_valid with the type: 0, 1 for the fields of CEA-608, 2, 3 for CEA-708. */
const valid = (type: number) => 0xfc | type
const PADDING: Triplet = [valid(0), 0x80, 0x80]
/** "Resume caption loading" with odd parity, in each channel. */
const CC1: Triplet = [valid(0), 0x94, 0x20]
const CC2: Triplet = [valid(0), 0x1c, 0x20]
const CC3: Triplet = [valid(1), 0x94, 0x20]
const SERVICE1: Triplet = [valid(3), 0x02, 0x22]

/** user_data_registered_itu_t_t35 as an SEI message. */
function sei(...triplets: readonly Triplet[]): number[] {
  const payload = [
    ...[0xb5, 0x00, 0x31, 0x47, 0x41, 0x39, 0x34, 0x03, 0x40 | triplets.length, 0xff],
    ...triplets.flat(),
    0xff,
  ]
  return [4, payload.length, ...payload, 0x80]
}

function unit(...nals: readonly (readonly number[])[]): Uint8Array {
  return Uint8Array.from(nals.flatMap((nal) => [0, 0, nal.length >> 8, nal.length & 0xff, ...nal]))
}

const h264 = (...triplets: readonly Triplet[]) => unit([6, ...sei(...triplets)], [0x65, 1, 2, 3])
const hevc = (...triplets: readonly Triplet[]) => unit([39 << 1, 1, ...sei(...triplets)], [19 << 1, 1, 2, 3])

test.each([
  ['h264', h264],
  ['hevc', hevc],
] as const)('channels of both standards are found in %s', (codec, write) => {
  const detector = new CaptionDetector()
  expect(detector.take(codec, write(PADDING))).toBe(false)
  expect([detector.hasData, detector.channels]).toEqual([true, []])
  expect(detector.take(codec, write(SERVICE1, CC3, CC1))).toBe(true)
  expect(detector.take(codec, write(CC1, CC2))).toBe(true)
  expect(detector.take(codec, write(CC1, CC2))).toBe(false)
  expect(detector.channels).toEqual(['CC1', 'CC2', 'CC3', 'SERVICE1'])
})

test('other user data, invalid triplets and pictures are no captions', () => {
  const detector = new CaptionDetector()
  detector.take('h264', unit([6, 5, 4, 1, 2, 3, 4, 0x80], [0x65, ...sei(CC1)]))
  expect(detector.hasData).toBe(false)
  detector.take('h264', h264([0xf8, 0x94, 0x20]))
  expect([detector.hasData, detector.channels]).toEqual([true, []])
})

test('whatever an SEI holds, it neither throws nor hangs', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (bytes, isWrapped) => {
      const data = isWrapped ? unit([6, ...bytes], [0x65, 1]) : bytes
      new CaptionDetector().take('h264', data)
    }),
  )
})

test('ffprobe sees captions where we do: in a real encoding with caption data put in', async () => {
  const plain = await makeFixture(
    [
      ...['-f', 'lavfi', '-i', 'testsrc=size=96x64:rate=30:duration=1', '-pix_fmt', 'yuv420p'],
      ...['-c:v', 'libx264', '-preset', 'ultrafast', '-bsf:v', 'h264_metadata=aud=insert', '-f', 'h264'],
    ],
    'plain.h264',
  )
  const start = Buffer.from([0, 0, 0, 1])
  const message = Buffer.concat([start, Buffer.from([6, ...sei(CC1, SERVICE1)])])
  // After each access unit delimiter.
  const delimiter = Buffer.from([0, 0, 0, 1, 9])
  const pieces: Buffer[] = []
  const source = Buffer.from(plain)
  for (let at = 0; at < source.length; ) {
    const next = source.indexOf(delimiter, at + 1)
    const end = next < 0 ? source.length : next
    pieces.push(source.subarray(at, at + 6), message, source.subarray(at + 6, end))
    at = end
  }
  const path = await writeFixture(Buffer.concat(pieces), 'captions.h264')
  const sideData = execFileSync(
    'ffprobe',
    ['-v', 'error', '-show_frames', '-show_entries', 'frame_side_data=side_data_type', '-of', 'csv=p=0', path],
    { encoding: 'utf8' },
  )
  expect(sideData.match(/ATSC A53 Part 4 Closed Captions/g)).toHaveLength(30)
  const ts = execFileSync(
    'ffmpeg',
    ['-v', 'error', '-fflags', '+genpts', '-r', '30', '-i', path, '-c', 'copy', '-f', 'mpegts', 'pipe:1'],
    { maxBuffer: 2 ** 24 },
  )
  await rm(path)
  const found = new DemuxRecorder()
  const demuxer = new TsDemuxer(found)
  demuxer.push(new Uint8Array(ts))
  demuxer.end()
  const detector = new CaptionDetector()
  for (const { data } of found.of('v0')) detector.take('h264', data)
  expect(detector.channels).toEqual(['CC1', 'SERVICE1'])
})
