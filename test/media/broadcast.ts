// One odd encoder on a stage: fed at its own pace, every playlist judged as it comes, the media judged by ffmpeg.
import { execFile } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import { parse } from 'hls-parser'
import { expect } from 'vitest'
import type { PlaylistBlock } from '../../src/hls/playlist-blocks.ts'
import type { Container } from '../../src/live/ingest/protocol.ts'
import { NOON_MS, Stage, type StageOptions, type TimedBytes } from '../../src/live/owner/live-stage.test-support.ts'
import { AssembledText } from '../../src/live/rendered-text.ts'
import { writeFixture } from '../support/fixtures.ts'

const run = promisify(execFile)
/** EXTINF and PART durations are written with five decimals. */
const ROUNDING_SEC = 0.000_02
const PART_FILL_MIN = 0.85

export interface ListedSegment {
  readonly msn: number
  readonly dsn: number
  readonly isGap: boolean
  readonly durationSec: number
  readonly startsAtMs: number
  readonly initUri: string
  readonly bytes: Uint8Array
}

interface FollowedTrack {
  readonly segments: ListedSegment[]
  header: string | null
  /** How far the end of the playlist lay before (positive) or after the wall clock, in seconds. */
  readonly lagSec: { min: number; max: number }
  shortParts: number
  readonly parts: Set<string>
}

export interface Packet {
  readonly sec: number
  readonly dtsSec: number
  readonly isKey: boolean
}

export class Broadcast {
  readonly stage: Stage
  readonly problems: string[] = []
  readonly #tracks = new Map<string, FollowedTrack>()
  readonly #inits = new Map<string, Uint8Array>()
  readonly #blocks = new Map<string, Map<number, PlaylistBlock>>()
  readonly #isVideoWithNals: boolean
  #snapshots = 0
  /** Every how many playlists the strict parser reads one. */
  readonly #parseEvery: number

  constructor(options: StageOptions & { readonly parseEvery?: number; readonly hasNals?: boolean } = {}) {
    // In the middle of a cell, so that audio that begins a little before video still has its place.
    this.stage = new Stage({ startMs: NOON_MS + 500, ...options })
    this.#parseEvery = options.parseEvery ?? 1
    this.#isVideoWithNals = options.hasNals ?? true
  }

  async feed(inputId: string, media: readonly TimedBytes[]): Promise<void> {
    const first = media[0]
    if (first === undefined) return
    const startMs = this.stage.nowMs - first.atMs
    for (const { atMs, bytes } of media) {
      if (startMs + atMs > this.stage.nowMs) await this.stage.waitUntil(startMs + atMs)
      this.stage.stream.data(inputId, bytes.slice(), this.stage.nowMs)
      this.#look()
    }
    await this.stage.wait(0)
    this.#look()
  }

  async wait(ms: number): Promise<void> {
    await this.stage.wait(ms)
    this.#look()
  }

  /** Closes the input and the stream, so that everything sent is listed. */
  finish(inputId: string): void {
    this.stage.stream.close(inputId, null)
    this.stage.stream.end('the test is over')
    this.#look()
  }

  segments(trackId: string): readonly ListedSegment[] {
    return this.#followed(trackId).segments
  }

  lagSec(trackId: string): { readonly min: number; readonly max: number } {
    return this.#followed(trackId).lagSec
  }

  /** Listed parts so far; a count of zero would make every rule about them hold. */
  partCount(trackId: string): number {
    return this.#followed(trackId).parts.size
  }

  gaps(trackId: string): number {
    return this.segments(trackId).filter(({ isGap }) => isGap).length
  }

  discontinuities(trackId: string): number {
    return new Set(this.segments(trackId).map(({ dsn }) => dsn)).size - 1
  }

  repairs(): Readonly<Record<string, number>> {
    const { repairs, drops } = this.stage.stream.status(this.stage.nowMs)
    return { ...repairs, ...drops }
  }

  #look(): void {
    for (const publication of this.stage.publications) {
      if (publication.kind === 'init') this.#inits.set(`${publication.trackId}/${publication.name}`, publication.bytes)
      if (publication.kind === 'blocks') {
        const blocks = this.#blocksOf(publication.trackId)
        for (const block of publication.added) blocks.set(block.msn, block)
      }
      if (publication.kind !== 'playlist') continue
      const { full } = publication.playlist
      const { plain } = 'plain' in full ? full : new AssembledText(full, this.#blocksOf(publication.trackId))
      this.#judge(publication.trackId, Buffer.from(plain).toString())
    }
    this.stage.publications.length = 0
  }

  #blocksOf(trackId: string): Map<number, PlaylistBlock> {
    const blocks = this.#blocks.get(trackId) ?? new Map<number, PlaylistBlock>()
    this.#blocks.set(trackId, blocks)
    return blocks
  }

  #judge(trackId: string, text: string): void {
    const track = this.#followed(trackId)
    const tell = (what: string) => {
      if (this.problems.length < 10) this.problems.push(`${trackId} at ${this.stage.nowMs - NOON_MS} ms: ${what}`)
    }
    const lines = text.split('\n')
    const header = lines
      .filter((line) => /^#EXT-X-(VERSION|TARGETDURATION|PART-INF|SERVER-CONTROL|INDEPENDENT)/.test(line))
      .join()
    track.header ??= header
    if (header !== track.header) tell(`the header changed from ${track.header} to ${header}`)
    if (this.#snapshots++ % this.#parseEvery === 0) {
      try {
        parse(text)
      } catch (error) {
        tell(`hls-parser: ${String(error)}`)
      }
    }
    const number = (tag: string) => Number(lines.find((line) => line.startsWith(`#${tag}:`))?.split(':')[1])
    const targetSec = number('EXT-X-TARGETDURATION')
    const partTargetSec = Number(/PART-TARGET=([\d.]+)/.exec(header)?.[1])
    let msn = number('EXT-X-MEDIA-SEQUENCE')
    let dsn = number('EXT-X-DISCONTINUITY-SEQUENCE')
    let initUri = ''
    let startsAtMs = Number.NaN
    let durationSec = 0
    let isGap = false
    let parts: { durationSec: number; isIndependent: boolean; uri: string; isGap: boolean }[] = []
    for (const line of lines) {
      if (line === '#EXT-X-DISCONTINUITY') dsn++
      else if (line === '#EXT-X-GAP') isGap = true
      else if (line.startsWith('#EXT-X-MAP:')) initUri = /URI="([^"]+)"/.exec(line)?.[1] ?? ''
      else if (line.startsWith('#EXT-X-PROGRAM-DATE-TIME:')) startsAtMs = Date.parse(line.slice(25))
      else if (line.startsWith('#EXTINF:')) durationSec = Number.parseFloat(line.slice(8))
      else if (line.startsWith('#EXT-X-PART:')) {
        const part = {
          durationSec: Number(/DURATION=([\d.]+)/.exec(line)?.[1]),
          uri: /URI="([^"]+)"/.exec(line)?.[1] ?? '',
          isIndependent: line.includes('INDEPENDENT=YES'),
          isGap: line.includes('GAP=YES'),
        }
        if (part.isGap !== isGap) tell(`part ${part.uri} is ${part.isGap ? 'a' : 'no'} gap, and its segment differs`)
        const previous = parts.at(-1)
        // The last part of a segment may be short.
        if (
          previous !== undefined &&
          !previous.isGap &&
          previous.durationSec < PART_FILL_MIN * partTargetSec - ROUNDING_SEC
        ) {
          if (!track.parts.has(`short ${previous.uri}`)) track.shortParts++
          track.parts.add(`short ${previous.uri}`)
          if (trackId.startsWith('a') || !previous.isIndependent)
            tell(`part ${previous.uri} lasts ${previous.durationSec} s`)
        }
        parts.push(part)
        if (part.durationSec > partTargetSec + ROUNDING_SEC) tell(`part ${part.uri} lasts ${part.durationSec} s`)
        if (!track.parts.has(part.uri)) {
          track.parts.add(part.uri)
          this.#checkIndependence(trackId, part, tell)
        }
      } else if (line.endsWith('.m4s')) {
        if (line !== `${msn}.m4s`) tell(`${line} stands at number ${msn}`)
        if (Math.round(durationSec) > targetSec) tell(`${line} lasts ${durationSec} s, TARGETDURATION is ${targetSec}`)
        if (durationSec <= 0) tell(`${line} lasts ${durationSec} s`)
        const sumSec = parts.reduce((sum, part) => sum + part.durationSec, 0)
        if (parts.length > 0 && sumSec > durationSec + ROUNDING_SEC * parts.length)
          tell(`${line} lasts ${durationSec} s, its parts ${sumSec} s`)
        this.#keep(trackId, { msn, dsn, isGap, durationSec, startsAtMs, initUri }, tell)
        msn++
        isGap = false
        parts = []
        startsAtMs += durationSec * 1000
      }
    }
    const endSec = (startsAtMs + parts.reduce((sum, part) => sum + part.durationSec, 0) * 1000) / 1000
    const lagSec = this.stage.nowMs / 1000 - endSec
    track.lagSec.min = Math.min(track.lagSec.min, lagSec)
    track.lagSec.max = Math.max(track.lagSec.max, lagSec)
  }

  #keep(trackId: string, listed: Omit<ListedSegment, 'bytes'>, tell: (what: string) => void): void {
    const { segments } = this.#followed(trackId)
    const first = segments[0]?.msn ?? listed.msn
    const known = segments[listed.msn - first]
    if (known !== undefined) {
      const { bytes: _, ...before } = known
      if (JSON.stringify(before) !== JSON.stringify(listed))
        tell(`segment ${listed.msn} changed from ${JSON.stringify(before)} to ${JSON.stringify(listed)}`)
      return
    }
    if (listed.msn !== first + segments.length) tell(`after segment ${segments.at(-1)?.msn} came ${listed.msn}`)
    const bytes = listed.isGap ? new Uint8Array() : this.stage.media(trackId, `${listed.msn}.m4s`)
    if (bytes === null) tell(`segment ${listed.msn} cannot be fetched`)
    segments.push({ ...listed, bytes: bytes ?? new Uint8Array() })
  }

  #checkIndependence(
    trackId: string,
    part: { readonly uri: string; readonly isIndependent: boolean; readonly isGap: boolean },
    tell: (what: string) => void,
  ): void {
    const bytes = this.stage.media(trackId, part.uri)
    if (part.isGap) {
      if (bytes !== null) tell(`part ${part.uri} is a gap and can be fetched`)
    } else if (bytes === null) tell(`part ${part.uri} cannot be fetched`)
    else if (
      trackId.startsWith('a') ? !part.isIndependent : this.#isVideoWithNals && hasIdr(bytes) !== part.isIndependent
    )
      tell(`part ${part.uri}: INDEPENDENT is not true`)
  }

  #followed(trackId: string): FollowedTrack {
    const known = this.#tracks.get(trackId)
    if (known !== undefined) return known
    const track: FollowedTrack = {
      segments: [],
      header: null,
      lagSec: { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY },
      shortParts: 0,
      parts: new Set(),
    }
    this.#tracks.set(trackId, track)
    return track
  }

  /** What a player gets of one track under one timeline entry: initialization and every segment. */
  #played(trackId: string, dsn: number): Promise<string> {
    const segments = this.segments(trackId).filter((segment) => segment.dsn === dsn && !segment.isGap)
    const init = this.#inits.get(`${trackId}/${segments[0]?.initUri}`)
    if (init === undefined) throw new Error(`track ${trackId} has no media under ${dsn}`)
    return writeFixture(Buffer.concat([init, ...segments.map(({ bytes }) => bytes)]), 'played.mp4')
  }

  /** Decodes everything; what ffmpeg complains about. */
  async decode(dsn = 0): Promise<string> {
    const files = await Promise.all([...this.#tracks.keys()].map((id) => this.#played(id, dsn)))
    const inputs = files.flatMap((file) => ['-i', file])
    const maps = files.flatMap((_, index) => ['-map', `${index}`])
    const output = ['-fps_mode', 'vfr', '-f', 'null', '-']
    const { stderr } = await run('ffmpeg', ['-v', 'error', '-nostdin', ...inputs, ...maps, ...output])
    await Promise.all(files.map((file) => rm(file)))
    return stderr
  }

  async packets(trackId: string, dsn = 0): Promise<readonly Packet[]> {
    const file = await this.#played(trackId, dsn)
    // The file holds one track.
    const packets = await packetsOfFile(file, `${trackId[0]}0`)
    await rm(file)
    return packets
  }

  /** The promises that hold for every input. */
  expectLegal(): void {
    expect(this.problems).toEqual([])
    expect([...this.#tracks.keys()].length).toBeGreaterThan(0)
    for (const [trackId, { segments, parts }] of this.#tracks) {
      expect(segments.length, trackId).toBeGreaterThan(1)
      expect(parts.size, trackId).toBeGreaterThan(3)
    }
    expect(this.stage.endedInputs).toEqual([])
  }
}

/** Decode order. */
export async function packetsOfFile(path: string, trackId: string): Promise<readonly Packet[]> {
  const { stdout } = await run(
    'ffprobe',
    [
      ...['-v', 'error', '-select_streams', `${trackId[0]}:${trackId.slice(1)}`, '-of', 'csv=p=0'],
      ...['-show_entries', 'packet=pts_time,dts_time,flags', path],
    ],
    { maxBuffer: 64 * 2 ** 20 },
  )
  return stdout
    .split('\n')
    .filter((line) => line.includes(','))
    .map((line) => {
      const [pts = '', dts = '', flags = ''] = line.split(',')
      return { sec: Number(pts), dtsSec: Number(dts === 'N/A' ? pts : dts), isKey: flags.startsWith('K') }
    })
}

/**
 * Every frame of the source, in order, with the same distances between frames and between tracks. `jitterSec`: how far
 * the source's own timestamps are off, as those of RTMP, which counts milliseconds.
 */
export async function expectSameMedia(
  broadcast: Broadcast,
  sourcePath: string,
  { trackIds = ['v0', 'a0'], jitterSec = 0 }: { trackIds?: readonly string[]; jitterSec?: number } = {},
): Promise<void> {
  const shifts: number[] = []
  for (const trackId of trackIds) {
    const [played, sent] = await Promise.all([broadcast.packets(trackId), packetsOfFile(sourcePath, trackId)])
    // Audio before 0 primes the decoder: an edit list cuts it off.
    const source = trackId.startsWith('a') ? sent.filter(({ sec }) => sec >= 0) : sent
    expect(played.length, `frames of ${trackId}`).toBe(source.length)
    expectRising(played)
    const own = played.map(({ sec }, index) => sec - (source[index]?.sec ?? Number.NaN))
    expect(Math.max(...own) - Math.min(...own)).toBeLessThanOrEqual(0.001 + jitterSec)
    shifts.push(own.reduce((sum, shift) => sum + shift, 0) / own.length)
  }
  expect(Math.max(...shifts) - Math.min(...shifts), 'audio against video').toBeLessThanOrEqual(0.001)
}

export function expectRising(packets: readonly Packet[]): void {
  const backward = packets.findIndex(({ dtsSec }, index) => dtsSec <= (packets[index - 1]?.dtsSec ?? -1))
  expect(backward, 'decode times rise').toBe(-1)
}

/** Feeds it all and ends. */
export async function play(
  container: Container,
  media: readonly TimedBytes[],
  options: ConstructorParameters<typeof Broadcast>[0] = {},
): Promise<Broadcast> {
  const broadcast = new Broadcast(options)
  const protocol = container === 'fmp4' ? 'cmaf' : undefined
  const inputId = broadcast.stage.open(container, protocol)
  await broadcast.feed(inputId, media)
  await broadcast.wait(100)
  broadcast.finish(inputId)
  return broadcast
}

export async function sourceOf(path: string): Promise<Uint8Array> {
  return new Uint8Array(await readFile(path))
}

/** Looks into each `mdat` for slices that need no other picture: H.264 IDR or HEVC IRAP, told apart by their first byte. */
function hasIdr(fragment: Uint8Array): boolean {
  const view = new DataView(fragment.buffer, fragment.byteOffset, fragment.length)
  for (let at = 0; at + 8 <= fragment.length; at += view.getUint32(at)) {
    if (Buffer.from(fragment.subarray(at + 4, at + 8)).toString() !== 'mdat') continue
    const end = at + view.getUint32(at)
    for (let nal = at + 8; nal + 5 < end; nal += 4 + view.getUint32(nal)) {
      const [first = 0, second = 0] = fragment.subarray(nal + 4, nal + 6)
      if ((first & 0x1f) === 5 && (first & 0x60) !== 0) return true
      // An HEVC NAL unit of the base layer has 1 in its second byte (layer 0, temporal id 0).
      if (second === 1 && first >= 32 && first <= 42) return true
    }
  }
  return false
}
