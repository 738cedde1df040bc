// A LiveStream with a clock of its own, fed with media that ffmpeg made once, watched through the shelf that viewers get.

import { parse, setOptions, type types } from 'hls-parser'
import { makeFixture, testInputs } from '../../../test/support/fixtures.ts'
import type { PastTrack } from '../../dvr/rewound-past.ts'
import type { DateRange } from '../../hls/date-range.ts'
import { createMemoryStore } from '../../storage/memory-store.ts'
import type { InputProtocol, RegisteredStream } from '../control.ts'
import type { MirrorEvent } from '../events.ts'
import type { Container, InputFault } from '../ingest/protocol.ts'
import { Shelf } from '../origin/shelf.ts'
import type { Publication } from '../publication.ts'
import { DEFAULT_STREAM_SETTINGS, type StreamSettings } from '../settings.ts'
import { LiveStream } from './live-stream.ts'
import { MemoryBudget, SLAB_BYTES } from './slab-pool.ts'
import type { SlateWish } from './slate.ts'
import { openTimelineStore, type TimelineStore } from './timeline-store.ts'

setOptions({ strictMode: true })

/** On the border of a two-second cell. */
export const NOON_MS = Date.UTC(2026, 10, 21, 12, 0, 0)
const TICK_MS = 200

/** Bytes and when an encoder sends them, counted from its first. */
export interface TimedBytes {
  readonly atMs: number
  readonly bytes: Uint8Array
}

export interface StageOptions {
  readonly settings?: Partial<StreamSettings>
  readonly slabs?: number
  readonly timeline?: TimelineStore
  readonly startMs?: number
  readonly past?: readonly PastTrack[]
}

export class Stage {
  readonly events: MirrorEvent[] = []
  readonly endedInputs: { readonly inputId: string; readonly fault: InputFault }[] = []
  readonly publications: Publication[] = []
  readonly slateWishes: SlateWish[] = []
  readonly budget: MemoryBudget
  readonly shelf = new Shelf((slabId) => queueMicrotask(() => this.stream.onSlabReleased(slabId, 0)))
  readonly stream: LiveStream
  nowMs: number
  #nextTickMs: number
  #nextInput = 0

  constructor({ settings, slabs = 64, timeline, startMs = NOON_MS, past = [] }: StageOptions = {}) {
    this.nowMs = startMs
    this.#nextTickMs = startMs + TICK_MS
    this.budget = new MemoryBudget(slabs * SLAB_BYTES)
    let slabId = 0
    this.stream = new LiveStream(registered(settings), {
      timeline: timeline ?? openTimelineStore(createMemoryStore({ nowMs: () => this.nowMs })),
      budget: this.budget,
      origins: 1,
      maxFragmentBytes: 64 * 1024 * 1024,
      now: () => this.nowMs,
      publish: (publication) => {
        this.publications.push(publication)
        this.shelf.apply(publication)
      },
      emit: (event) => this.events.push(event),
      askPast: async () => past,
      askSlate: (wish) => this.slateWishes.push(wish),
      endInput: (inputId, fault) => this.endedInputs.push({ inputId, fault }),
      nextSlabId: () => {
        slabId += 1000
        return slabId
      },
    })
  }

  open(
    container: Container,
    protocol: InputProtocol = container === 'flv' ? 'rtmp' : 'srt',
    openedAtMs = this.nowMs,
    sourceId: string | null = null,
  ): string {
    const inputId = `input-${this.#nextInput++}`
    this.stream.open({
      kind: 'open',
      inputId,
      streamId: 'stage',
      protocol,
      container,
      trackId: null,
      ...(sourceId === null ? {} : { sourceId }),
      openedAtMs,
    })
    return inputId
  }

  /** Sends at the pace of the media, from now on. */
  async feed(inputId: string, media: readonly TimedBytes[]): Promise<void> {
    const startMs = this.nowMs - (media[0]?.atMs ?? 0)
    for (const { atMs, bytes } of media) {
      await this.waitUntil(startMs + atMs)
      this.stream.data(inputId, bytes.slice(), this.nowMs)
    }
    await settled()
  }

  wait(ms: number): Promise<void> {
    return this.waitUntil(this.nowMs + ms)
  }

  async waitUntil(untilMs: number): Promise<void> {
    while (this.#nextTickMs <= untilMs) {
      this.nowMs = this.#nextTickMs
      this.#nextTickMs += TICK_MS
      this.stream.tick(TICK_MS)
      await settled()
    }
    this.nowMs = Math.max(this.nowMs, untilMs)
  }

  update(settings: Partial<StreamSettings>): void {
    this.stream.update(registered(settings))
  }

  announce(dateRanges: readonly DateRange[]): void {
    this.stream.update({ ...registered({}), dateRanges })
  }

  playlist(trackId: string): types.MediaPlaylist {
    const playlist = parse(this.text(trackId))
    if (playlist.isMasterPlaylist) throw new Error('not a media playlist')
    return playlist
  }

  text(trackId: string): string {
    return Buffer.from(this.shelf.track(trackId)?.playlist?.full.plain ?? []).toString()
  }

  multivariant(): types.MasterPlaylist {
    const playlist = parse(Buffer.from(this.shelf.multivariant?.plain ?? []).toString())
    if (!playlist.isMasterPlaylist) throw new Error('not a multivariant playlist')
    return playlist
  }

  /** Number and discontinuity number of every listed segment, and whether it is a gap. */
  segments(trackId: string): readonly { readonly msn: number; readonly dsn: number; readonly isGap: boolean }[] {
    const lines = this.text(trackId).split('\n')
    const listed: { msn: number; dsn: number; isGap: boolean }[] = []
    let dsn = Number(lines.find((line) => line.startsWith('#EXT-X-DISCONTINUITY-SEQUENCE'))?.split(':')[1])
    let isGap = false
    for (const line of lines) {
      if (line === '#EXT-X-DISCONTINUITY') dsn++
      if (line === '#EXT-X-GAP') isGap = true
      const msn = /^(\d+)\.m4s$/.exec(line)?.[1]
      if (msn === undefined) continue
      listed.push({ msn: Number(msn), dsn, isGap })
      isGap = false
    }
    return listed
  }

  /** Of every complete segment, in seconds. */
  durations(trackId: string): readonly number[] {
    return [...this.text(trackId).matchAll(/^#EXTINF:([0-9.]+)/gm)].map(([, seconds]) => Number(seconds))
  }

  /** The bytes of media as a viewer gets them. */
  media(trackId: string, name: string): Uint8Array | null {
    const track = this.shelf.track(trackId)
    const leased = track === null ? null : this.shelf.lease(track, name)
    if (leased === null) return null
    const bytes = Uint8Array.from(Buffer.concat(leased.buffers))
    leased.release()
    return bytes
  }

  told(type: MirrorEvent['type']): readonly MirrorEvent[] {
    return this.events.filter((event) => event.type === type)
  }
}

function registered(settings: Partial<StreamSettings> = {}): RegisteredStream {
  return {
    id: 'stage',
    tenantId: 'default',
    settings: { ...DEFAULT_STREAM_SETTINGS, ...settings },
    dateRanges: [],
    holds: [],
    keyLookups: [],
  }
}

/** Lets whatever was promised on this machine alone come true. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}

export interface EncoderOptions {
  readonly seconds: number
  readonly size?: string
  readonly gopFrames?: number
  /** Makes every picture large. */
  readonly isNoise?: boolean
}

function encoded({ seconds, size = '160x90', gopFrames = 60, isNoise = false }: EncoderOptions): string[] {
  return [
    ...testInputs({ seconds, size, rate: '30' }),
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', `${gopFrames}`, '-sc_threshold', '0'],
    ...(isNoise ? ['-vf', 'noise=alls=80:allf=t'] : []),
    ...['-c:a', 'aac', '-b:a', '64k'],
  ]
}

/** One FLV tag after the other, as the RTMP server hands them over. */
export async function flv(options: EncoderOptions): Promise<readonly TimedBytes[]> {
  const bytes = await makeFixture([...encoded(options), '-f', 'flv'], 'live.flv')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const tags: TimedBytes[] = []
  for (let at = 13; at + 11 < bytes.length; ) {
    const end = at + 11 + (view.getUint32(at) & 0xffffff) + 4
    const atMs = (view.getUint32(at + 4) >>> 8) + view.getUint8(at + 7) * 2 ** 24
    tags.push({ atMs, bytes: bytes.slice(at, end) })
    at = end
  }
  return tags
}

export function isAudioTag({ bytes }: TimedBytes): boolean {
  return bytes[0] === 8
}

/** The same tag at another time. */
export function shifted({ atMs, bytes }: TimedBytes, byMs: number): TimedBytes {
  const moved = bytes.slice()
  const view = new DataView(moved.buffer)
  const timestamp = atMs + byMs
  view.setUint32(4, ((timestamp & 0xffffff) << 8) | view.getUint8(7))
  view.setUint8(7, timestamp >>> 24)
  return { atMs: timestamp, bytes: moved }
}

/** MPEG-TS at a constant rate, so that the position in the file is the time. */
export async function ts(options: EncoderOptions): Promise<readonly TimedBytes[]> {
  const bytes = await makeFixture([...encoded(options), '-muxrate', '2M', '-f', 'mpegts'], 'live.ts')
  const chunkBytes = 188 * 50
  return Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, index) => ({
    atMs: (index * chunkBytes * 8) / 2000,
    bytes: bytes.slice(index * chunkBytes, (index + 1) * chunkBytes),
  }))
}

/** CMAF: the header, then one fragment of both tracks per `fragmentMs`. */
export async function cmaf(
  options: EncoderOptions,
  fragmentMs = 1000,
): Promise<{ readonly header: Uint8Array; readonly fragments: readonly TimedBytes[] }> {
  const flags = 'empty_moov+default_base_moof+separate_moof+skip_trailer'
  const args = ['-frag_duration', `${fragmentMs * 1000}`, '-movflags', flags, '-f', 'mp4']
  const bytes = await makeFixture([...encoded(options), ...args], `cmaf-${fragmentMs}.mp4`)
  const boxes: { type: string; start: number; end: number }[] = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = 0; at + 8 <= bytes.length; ) {
    const end = at + view.getUint32(at)
    boxes.push({ type: Buffer.from(bytes.subarray(at + 4, at + 8)).toString(), start: at, end })
    at = end
  }
  const firstMoof = boxes.findIndex(({ type }) => type === 'moof')
  const fragments: Uint8Array[] = []
  for (let index = firstMoof; index < boxes.length; index++) {
    const box = boxes[index]
    const next = boxes[index + 1]
    if (box?.type === 'moof' && next?.type === 'mdat') fragments.push(bytes.slice(box.start, next.end))
  }
  // Two fragments, one per track, make one of the encoder's.
  const pairs = Array.from({ length: Math.floor(fragments.length / 2) }, (_, index) => ({
    atMs: index * fragmentMs,
    bytes: new Uint8Array(Buffer.concat(fragments.slice(2 * index, 2 * index + 2))),
  }))
  return { header: bytes.slice(0, boxes[firstMoof]?.start ?? 0), fragments: pairs }
}
