// Encodings cut into what an encoder sends at one moment, and the odd things encoders do to their clocks.

import type { TimedBytes } from '../../src/live/owner/live-stage.test-support.ts'
import { makeFixture } from '../support/fixtures.ts'

const PACKET_BYTES = 188
const TS_TICKS_PER_SEC = 90_000
export const TS_MODULUS = 2 ** 33

export interface PictureOptions {
  readonly seconds?: number
  readonly size?: string
  readonly rate?: string
  readonly gopFrames?: number
  /** Instead of x264 at its fastest. */
  readonly video?: readonly string[] | null
  readonly audio?: readonly string[] | null
  readonly audioRate?: number
}

/** ffmpeg arguments for a small moving picture and a tone, up to the output format. */
export function encoding({
  seconds = 8,
  size = '96x64',
  rate = '30',
  gopFrames = 60,
  video = ['-c:v', 'libx264', '-preset', 'ultrafast', '-sc_threshold', '0'],
  audio = ['-c:a', 'aac', '-b:a', '48k'],
  audioRate = 48_000,
}: PictureOptions = {}): string[] {
  const args: string[] = []
  if (video !== null) args.push('-f', 'lavfi', '-i', `testsrc=size=${size}:rate=${rate}:duration=${seconds}`)
  if (audio !== null) args.push('-f', 'lavfi', '-i', `sine=frequency=440:sample_rate=${audioRate}:duration=${seconds}`)
  if (video !== null) args.push('-pix_fmt', 'yuv420p', '-g', `${gopFrames}`, ...video)
  if (audio !== null) args.push(...audio)
  return args
}

export async function tsFile(options: PictureOptions = {}, muxer: readonly string[] = []): Promise<Uint8Array> {
  return await makeFixture([...encoding(options), ...muxer, '-f', 'mpegts'], 'odd.ts')
}

export async function flvTags(options: PictureOptions = {}): Promise<readonly TimedBytes[]> {
  return cutFlv(await makeFixture([...encoding(options), '-f', 'flv'], 'odd.flv'))
}

export function cutFlv(file: Uint8Array): readonly TimedBytes[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length)
  const tags: TimedBytes[] = []
  for (let at = 13; at + 11 < file.length; ) {
    const end = at + 11 + (view.getUint32(at) & 0xffffff) + 4
    const atMs = (view.getUint32(at + 4) >>> 8) + view.getUint8(at + 7) * 2 ** 24
    tags.push({ atMs, bytes: file.slice(at, end) })
    at = end
  }
  return tags
}

/** The same tag under another timestamp (modulo 2^32), sent when it was. */
export function stamped(tag: TimedBytes, timestampMs: number): TimedBytes {
  const bytes = tag.bytes.slice()
  const view = new DataView(bytes.buffer)
  const wrapped = ((timestampMs % 2 ** 32) + 2 ** 32) % 2 ** 32
  view.setUint32(4, (wrapped % 2 ** 24) * 256 + Math.floor(wrapped / 2 ** 24))
  return { atMs: tag.atMs, bytes }
}

/** Fragments of fMP4, one moof and mdat with all tracks at a time, after the header. */
export async function cmafFragments(options: PictureOptions, fragmentMs: number): Promise<readonly TimedBytes[]> {
  const flags = 'empty_moov+delay_moov+default_base_moof+skip_trailer'
  const args = ['-frag_duration', `${fragmentMs * 1000}`, '-movflags', flags, '-strict', '-2', '-f', 'mp4']
  const file = await makeFixture([...encoding(options), ...args], 'odd.mp4')
  const view = new DataView(file.buffer, file.byteOffset, file.length)
  const starts: number[] = []
  for (let at = 0; at + 8 <= file.length; at += view.getUint32(at)) {
    if (Buffer.from(file.subarray(at + 4, at + 8)).toString() === 'moof') starts.push(at)
  }
  const header = { atMs: 0, bytes: file.slice(0, starts[0]) }
  return [
    header,
    ...starts.map((start, index) => ({
      atMs: index * fragmentMs,
      bytes: file.slice(start, starts[index + 1] ?? file.length),
    })),
  ]
}

/** Cuts MPEG-TS before each PES packet; it is sent when its decode time says. */
export function cutTs(file: Uint8Array): readonly TimedBytes[] {
  const pieces: TimedBytes[] = []
  let firstTicks: number | null = null
  let atMs = 0
  let start = 0
  for (let at = 0; at + PACKET_BYTES <= file.length; at += PACKET_BYTES) {
    const stamps = timestampsOf(file, at)
    const ticks = stamps.at(-1)?.ticks
    if (ticks === undefined) continue
    firstTicks ??= ticks
    if (at > start && pieces.length + start > 0) pieces.push({ atMs, bytes: file.slice(start, at) })
    else if (at > start) pieces.push({ atMs: 0, bytes: file.slice(start, at) })
    start = at
    const sinceTicks = (((ticks - firstTicks) % TS_MODULUS) + TS_MODULUS) % TS_MODULUS
    const sinceMs = (sinceTicks * 1000) / TS_TICKS_PER_SEC
    if (sinceMs < 1e6) atMs = Math.max(atMs, sinceMs)
  }
  pieces.push({ atMs, bytes: file.slice(start) })
  return pieces
}

/** Each PES timestamp (and nothing else) changed; `movedTicks` sees it as it was and where in the file it stands. */
export function retimed(piece: TimedBytes, move: (ticks: number) => number): TimedBytes {
  const bytes = piece.bytes.slice()
  for (let at = 0; at + PACKET_BYTES <= bytes.length; at += PACKET_BYTES) {
    for (const { at: stampAt, ticks } of timestampsOf(bytes, at)) {
      writeTimestamp(bytes, stampAt, ((move(ticks) % TS_MODULUS) + TS_MODULUS) % TS_MODULUS)
    }
  }
  return { atMs: piece.atMs, bytes }
}

export function packetsOf(file: Uint8Array): Uint8Array[] {
  return Array.from({ length: Math.floor(file.length / PACKET_BYTES) }, (_, index) =>
    file.slice(index * PACKET_BYTES, (index + 1) * PACKET_BYTES),
  )
}

export function pidOf(packet: Uint8Array): number {
  return (((packet[1] ?? 0) & 0x1f) << 8) | (packet[2] ?? 0)
}

/** PTS and, where there is one, DTS of the PES packet that begins in the TS packet at `at`. ISO 13818-1 2.4.3.7. */
function timestampsOf(bytes: Uint8Array, at: number): readonly { readonly at: number; readonly ticks: number }[] {
  if (((bytes[at + 1] ?? 0) & 0x40) === 0) return []
  const hasAdaptation = ((bytes[at + 3] ?? 0) & 0x20) !== 0
  const pes = at + 4 + (hasAdaptation ? 1 + (bytes[at + 4] ?? 0) : 0)
  if (bytes[pes] !== 0 || bytes[pes + 1] !== 0 || bytes[pes + 2] !== 1 || (bytes[pes + 3] ?? 0) < 0xc0) return []
  const flags = (bytes[pes + 7] ?? 0) >> 6
  const places = flags === 3 ? [pes + 9, pes + 14] : flags === 2 ? [pes + 9] : []
  return places.map((place) => ({ at: place, ticks: readTimestamp(bytes, place) }))
}

function readTimestamp(bytes: Uint8Array, at: number): number {
  const byte = (offset: number) => bytes[at + offset] ?? 0
  return (
    ((byte(0) >> 1) & 7) * 2 ** 30 + byte(1) * 2 ** 22 + (byte(2) >> 1) * 2 ** 15 + byte(3) * 2 ** 7 + (byte(4) >> 1)
  )
}

function writeTimestamp(bytes: Uint8Array, at: number, ticks: number): void {
  const high = Math.floor(ticks / 2 ** 30)
  const rest = ticks % 2 ** 30
  bytes[at] = ((bytes[at] ?? 0) & 0xf1) | (high << 1)
  bytes[at + 1] = rest >> 22
  bytes[at + 2] = ((rest >> 14) & 0xfe) | 1
  bytes[at + 3] = (rest >> 7) & 0xff
  bytes[at + 4] = ((rest << 1) & 0xfe) | 1
}
