// What a live playlist costs its owner and each origin thread, by how far it reaches back: a presentation as the media
// plane runs it, with a synthetic past, and every publication through the structured clone that a port makes of it.
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import { rational } from '../../src/core/rational.ts'
import type { PlaylistSegment } from '../../src/hls/media-playlist.ts'
import { Shelf } from '../../src/live/origin/shelf.ts'
import { Presentation } from '../../src/live/owner/presentation.ts'
import { MemoryBudget, SLAB_BYTES, SlabPool } from '../../src/live/owner/slab-pool.ts'
import type { Publication } from '../../src/live/publication.ts'
import { DEFAULT_STREAM_SETTINGS } from '../../src/live/settings.ts'
import type { PackagerSink } from '../../src/media/packager/track-packager.ts'
import type { AudioConfig } from '../../src/media/samples.ts'
import { Durations, type Percentiles } from '../figures.ts'
import { cpuMsOf } from './cpu.ts'

const TIMESCALE = 48_000
const SEGMENT_SEC = 2
const PARTS = 10
const PART_TICKS = (TIMESCALE * SEGMENT_SEC) / PARTS
const FIRST_MSN = 109_400_000
const PRESENTED_TRACK = 'a0'

export interface LivePlaylistCost {
  readonly hours: number
  readonly segments: number
  /** CPU of the owner for one part: rendering, compressing, handing over to one other thread, and taking it there. */
  readonly updateCpuMs: Percentiles | null
  /** One update in ten ends a segment and costs more: the mean counts it. */
  readonly updateCpuMeanMs: number
  /** Bytes that go to each other thread for one part. */
  readonly bytesPerUpdate: number
  /** CPU of an origin thread for the first answer of an update, by what is asked for. */
  readonly deltaCpuMs: Percentiles | null
  readonly fullCpuMs: Percentiles | null
  readonly deltaBytes: number
  readonly fullGzipBytes: number
}

export function measureLivePlaylist(hours: number, updates: number): LivePlaylistCost {
  using rig = new LiveRig(hours)
  for (let n = 0; n < 30; n++) rig.addPart() // Blocks are made and code is compiled.
  const update = new Durations()
  const delta = new Durations()
  const full = new Durations()
  let updateCpuMs = 0
  for (let n = 0; n < updates; n++) {
    const cpuMs = cpuMsOf(() => rig.addPart())
    updateCpuMs += cpuMs
    update.record(cpuMs)
    delta.record(cpuMsOf(() => rig.delta()))
    full.record(cpuMsOf(() => rig.full()))
  }
  return {
    hours,
    segments: (hours * 3600) / SEGMENT_SEC,
    updateCpuMs: update.percentiles(),
    updateCpuMeanMs: updateCpuMs / updates,
    bytesPerUpdate: Math.round(rig.bytesPosted / rig.parts),
    deltaCpuMs: delta.percentiles(),
    fullCpuMs: full.percentiles(),
    deltaBytes: rig.delta(),
    fullGzipBytes: rig.full(),
  }
}

class LiveRig implements Disposable {
  readonly #channel = new MessageChannel()
  readonly #shelf: Shelf
  readonly #presentation: Presentation
  readonly #sink: PackagerSink
  #batch: Publication[] = []
  #nextPart = 0
  parts = 0
  bytesPosted = 0

  constructor(hours: number) {
    const count = (hours * 3600) / SEGMENT_SEC
    const rewindMs = hours * 3_600_000
    const slabs = new SlabPool(new MemoryBudget(64 * SLAB_BYTES), 1, 1, {
      onSlab: (slabId, memory) => this.#batch.push({ kind: 'slab', streamId: 'bench', slabId, memory }),
      onRetire: (slabId) => slabs.onReleased(slabId, 0),
    })
    this.#presentation = new Presentation({
      streamId: 'bench',
      settings: { ...DEFAULT_STREAM_SETTINGS, dvr: { isEnabled: true, rewindMs, retentionMs: rewindMs } },
      dateRanges: [],
      cell: rational(SEGMENT_SEC, 1),
      partTargetMs: 214,
      slabs,
      publish: (publication) => this.#batch.push(publication),
      onPart: () => {},
      onRepair: () => {},
    })
    const config: AudioConfig = {
      kind: 'audio',
      codec: 'aac',
      codecString: 'mp4a.40.2',
      sampleRateHz: TIMESCALE,
      channels: 2,
      samplesPerFrame: 1024,
      configRecord: Uint8Array.of(0x11, 0x90),
      language: 'und',
    }
    this.#sink = this.#presentation.beginTrack({ id: PRESENTED_TRACK, config }, TIMESCALE, {
      dsn: 0,
      driftSec: () => 0,
    })
    this.#presentation.recall(new Map([[PRESENTED_TRACK, pastOf(count)]]))
    this.#shelf = new Shelf(() => {})
  }

  /** One more part, all the way to the shelf of another thread. */
  addPart(): void {
    const index = this.#nextPart % PARTS
    const msn = FIRST_MSN + Math.floor(this.#nextPart / PARTS)
    const startDts = (msn * PARTS + index) * PART_TICKS
    const endDts = startDts + PART_TICKS
    this.#nextPart += 1
    this.parts += 1
    if (index === 0) this.#sink.onSegmentStart({ msn, startDts, startPts: startDts, isIndependent: true })
    const sample = {
      dts: startDts,
      cto: 0,
      duration: PART_TICKS,
      isKeyframe: true,
      data: new Uint8Array(64),
      arrivedAtMs: 0,
    }
    this.#sink.onPart({ msn, index, startDts, endDts, isIndependent: true, samples: [sample] })
    if (index === PARTS - 1) this.#sink.onSegmentEnd({ msn, startDts: msn * PARTS * PART_TICKS, endDts })
    this.#presentation.flush()
    const batch = this.#batch
    this.#batch = []
    this.bytesPosted += batch.reduce((sum, publication) => sum + postedBytes(publication), 0)
    this.#channel.port1.postMessage(batch)
    const received = receiveMessageOnPort(this.#channel.port2)?.message as readonly Publication[]
    for (const publication of received) this.#shelf.apply(publication)
  }

  /** Bytes of the answer to `_HLS_skip=YES`, compressed. */
  delta(): number {
    return this.#playlist().delta?.gzip.length ?? 0
  }

  full(): number {
    return this.#playlist().full.gzip.length
  }

  [Symbol.dispose](): void {
    this.#channel.port1.close()
    this.#channel.port2.close()
  }

  #playlist() {
    const playlist = this.#shelf.track(PRESENTED_TRACK)?.playlist
    if (playlist === null || playlist === undefined) throw new Error('nothing was published')
    return playlist
  }
}

function pastOf(count: number): readonly PlaylistSegment[] {
  return Array.from({ length: count }, (_, index) => {
    const msn = FIRST_MSN - count + index
    const startsAtMs = Date.UTC(2026, 0, 1) + index * SEGMENT_SEC * 1000
    const common = { msn, dsn: 0, uri: `${msn}.m4s`, initUri: 'init-0123456789ab.mp4', startsAtMs }
    return { ...common, durationSec: SEGMENT_SEC, isGap: false, parts: [] }
  })
}

/** Everything binary that is copied. */
function postedBytes(value: unknown): number {
  if (value instanceof Uint8Array) return value.buffer instanceof SharedArrayBuffer ? 0 : value.byteLength
  if (typeof value !== 'object' || value === null || value instanceof SharedArrayBuffer) return 0
  return Object.values(value).reduce((sum: number, each) => sum + postedBytes(each), 0)
}
