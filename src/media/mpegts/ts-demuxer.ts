// MPEG transport streams: ISO 13818-1 2.4. One program, tracks in the order of their PIDs.
import { MirrorError } from '../../core/errors.ts'
import { plainBytes } from '../codecs/plain-bytes.ts'
import type { Demuxer, DemuxSink, RepairCause } from '../samples.ts'
import { AdtsReader } from './adts-reader.ts'
import { OpusReader } from './opus-reader.ts'
import type { PayloadReader } from './payload-reader.ts'
import { PesReader } from './pes-reader.ts'
import { describeStream, type ElementaryStream, parseProgramAssociation, parseProgramMap } from './program-tables.ts'
import { SectionReader } from './section-reader.ts'
import { type CarriedStream, kindOf, type PlannedTrack, planTracks } from './track-plan.ts'
import { TrackSlot } from './track-slot.ts'
import { VideoReader } from './video-reader.ts'

const PACKET_BYTES = 188
const SYNC_BYTE = 0x47
/** Sync is believed after three sync bytes at packet distance. */
const SYNC_PROOF_BYTES = 2 * PACKET_BYTES + 1
const MAX_BYTES_BEFORE_SYNC = 64 * 1024
const MAX_BYTES_WITHOUT_SYNC = 2 ** 20
const PAT_PID = 0
const FIRST_FREE_PID = 0x10
const NULL_PID = 0x1fff

interface PidState {
  readonly reader: PayloadReader
  /** What the PID was registered for; a change of the PMT keeps readers whose purpose stays. */
  readonly purpose: string
  /** Last continuity counter, or -1 when any may follow. */
  counter: number
  wasDuplicate: boolean
}

export class TsDemuxer implements Demuxer {
  readonly #sink: DemuxSink
  readonly #pids = new Map<number, PidState>()
  readonly #slots = new Map<string, TrackSlot>()
  #mapPid: number | null = null
  #programNumber = 0
  #appliedMap: Uint8Array | null = null
  #areTracksKnown = false
  /** Every track that a map has had, also those of `#gone`. */
  #tracks: readonly PlannedTrack[] = []
  #gone: ReadonlySet<string> = new Set()
  readonly #reported = new Set<string>()

  /** Bytes that wait for more: less than a packet in sync, less than the proof while searching. */
  #tail = new Uint8Array(0)
  /** A packet that was cut by the end of a chunk. */
  readonly #packet = new Uint8Array(PACKET_BYTES)
  #isInSync = false
  #wasEverInSync = false
  #skippedBytes = 0

  constructor(sink: DemuxSink) {
    this.#sink = sink
    this.#register(PAT_PID, 'pat', () => new SectionReader((section) => this.#onAssociation(section)))
  }

  push(bytes: Uint8Array): void {
    let chunk = plainBytes(bytes)
    if (this.#tail.length > 0) {
      if (this.#isInSync) {
        const missing = PACKET_BYTES - this.#tail.length
        if (chunk.length < missing) {
          this.#tail = join(this.#tail, chunk)
          return
        }
        this.#packet.set(this.#tail)
        this.#packet.set(chunk.subarray(0, missing), this.#tail.length)
        this.#tail = new Uint8Array(0)
        this.#onPacket(this.#packet, 0)
        chunk = chunk.subarray(missing)
      } else {
        chunk = join(this.#tail, chunk)
      }
    }
    this.#tail = chunk.slice(this.#consume(chunk, SYNC_PROOF_BYTES))
  }

  end(): void {
    // At the end one packet must be proof enough.
    if (!this.#isInSync) this.#consume(this.#tail, PACKET_BYTES)
    this.#tail = new Uint8Array(0)
    if (!this.#wasEverInSync && this.#skippedBytes > 0) this.#failSync()
    for (const state of this.#pids.values()) state.reader.end()
  }

  /** Returns the offset of what is left over. */
  #consume(bytes: Uint8Array, proofBytes: number): number {
    let at = 0
    for (;;) {
      if (!this.#isInSync) {
        at = this.#findSync(bytes, at, proofBytes)
        if (!this.#isInSync) return at
      }
      const lastStart = bytes.length - PACKET_BYTES
      while (at <= lastStart && bytes[at] === SYNC_BYTE) {
        this.#onPacket(bytes, at)
        at += PACKET_BYTES
      }
      if (at >= bytes.length || bytes[at] === SYNC_BYTE) return at
      this.#isInSync = false
    }
  }

  /** Returns the offset of the first packet, or of the first byte that may still prove to be one. */
  #findSync(bytes: Uint8Array, start: number, proofBytes: number): number {
    let at = start
    for (;;) {
      const next = bytes.indexOf(SYNC_BYTE, at)
      const candidate = next < 0 ? bytes.length : next
      this.#skip(candidate - at)
      at = candidate
      if (at === bytes.length) return at
      const isRefuted = isNotSync(bytes, at + PACKET_BYTES) || isNotSync(bytes, at + 2 * PACKET_BYTES)
      if (!isRefuted) {
        if (at + proofBytes > bytes.length) return at
        this.#enterSync()
        return at
      }
      this.#skip(1)
      at += 1
    }
  }

  #skip(count: number): void {
    this.#skippedBytes += count
    const limit = this.#wasEverInSync ? MAX_BYTES_WITHOUT_SYNC : MAX_BYTES_BEFORE_SYNC
    if (this.#skippedBytes > limit) this.#failSync()
  }

  #enterSync(): void {
    if (this.#wasEverInSync) {
      this.#sink.onRepair({
        cause: 'ts_sync_lost',
        trackId: null,
        count: 1,
        detail: `${this.#skippedBytes} bytes without MPEG-TS packets were skipped`,
      })
    }
    this.#isInSync = true
    this.#wasEverInSync = true
    this.#skippedBytes = 0
  }

  #failSync(): never {
    const skipped = `${this.#skippedBytes} bytes hold no MPEG-TS packets (188 bytes, sync byte 0x47)`
    throw new MirrorError('ingest_malformed', skipped, { details: { skippedBytes: this.#skippedBytes } })
  }

  /** 2.4.3.2 */
  #onPacket(bytes: Uint8Array, at: number): void {
    const second = bytes[at + 1] ?? 0
    const state = this.#pids.get(((second & 0x1f) << 8) | (bytes[at + 2] ?? 0))
    // A packet with transport_error_indicator counts as lost; scrambled ones are of no use.
    if (state === undefined || second >= 0x80) return
    const fourth = bytes[at + 3] ?? 0
    if (fourth >= 0x40) return

    let from = at + 4
    if ((fourth & 0x20) !== 0) {
      const adaptationBytes = bytes[from] ?? 0
      if (adaptationBytes > 0 && ((bytes[from + 1] ?? 0) & 0x80) !== 0) state.counter = -1
      from += 1 + adaptationBytes
    }
    const to = at + PACKET_BYTES
    if ((fourth & 0x10) === 0 || from > to) return
    if (!this.#checkContinuity(state, fourth & 0x0f)) return
    if (from < to) state.reader.payload(bytes, from, to, (second & 0x40) !== 0)
  }

  /** False for a repeated packet, which 2.4.3.3 allows once. */
  #checkContinuity(state: PidState, counter: number): boolean {
    const expected = (state.counter + 1) & 0x0f
    if (state.counter >= 0 && counter !== expected) {
      if (counter === state.counter && !state.wasDuplicate) {
        state.wasDuplicate = true
        return false
      }
      this.#sink.onRepair({
        cause: 'ts_packet_lost',
        trackId: state.reader.trackId,
        count: (counter - expected) & 0x0f,
        detail: `packets were lost: continuity counter ${counter} instead of ${expected}`,
      })
      state.reader.lost()
    }
    state.counter = counter
    state.wasDuplicate = false
    return true
  }

  #onAssociation(section: Uint8Array): void {
    const program = parseProgramAssociation(section)?.find(({ mapPid }) => isUsablePid(mapPid))
    if (program === undefined) return
    if (program.mapPid === this.#mapPid && program.number === this.#programNumber) return
    if (this.#mapPid !== null) this.#pids.delete(this.#mapPid)
    this.#mapPid = program.mapPid
    this.#programNumber = program.number
    this.#appliedMap = null
    this.#register(program.mapPid, 'pmt', () => new SectionReader((map) => this.#onMap(map)))
  }

  #onMap(section: Uint8Array): void {
    if (this.#appliedMap !== null && Buffer.compare(this.#appliedMap, section) === 0) return
    const streams = parseProgramMap(section, this.#programNumber)
    if (streams === null) return
    this.#appliedMap = section
    if (streams.length === 0) throw new MirrorError('ingest_no_media', 'the MPEG-TS program has no streams')

    const trackIds = this.#registerStreams(streams)
    if (trackIds.length === 0) {
      const found = [...new Set(streams.map(describeStream))].join(', ')
      throw new MirrorError('ingest_codec_unsupported', `nothing in the MPEG-TS program is supported: found ${found}`)
    }
    if (!this.#areTracksKnown) {
      this.#areTracksKnown = true
      this.#sink.onTracksKnown(trackIds)
    }
  }

  #registerStreams(streams: readonly ElementaryStream[]): string[] {
    const isFirst = this.#tracks.length === 0
    const used = new Set<number>([PAT_PID, this.#mapPid ?? PAT_PID])
    const usable = streams.filter(({ pid }) => isUsablePid(pid) && !used.has(pid) && used.add(pid))
    const { tracks, gone, late } = planTracks(usable, this.#tracks)
    used.clear()
    for (const { trackId, stream } of tracks) {
      used.add(stream.pid)
      const slot = this.#slot(trackId)
      slot.role = stream.role
      const purpose = `${trackId} ${stream.codec} ${stream.language} ${stream.opusChannels}`
      this.#register(stream.pid, purpose, () => new PesReader(createConsumer(slot, stream)))
    }
    for (const [pid, { reader }] of this.#pids) {
      if (used.has(pid) || pid === PAT_PID || pid === this.#mapPid) continue
      reader.end()
      this.#pids.delete(pid)
    }
    const left = gone.filter(({ trackId }) => !this.#gone.has(trackId))
    for (const { trackId, stream } of left) {
      const detail = `${nameOf(stream)} has left the program`
      this.#sink.onRepair({ cause: 'track_gone', trackId, count: 1, detail })
    }
    const why = isFirst ? 'there are too many' : 'tracks are fixed when a publisher connects; let it connect again'
    this.#reportNew('track_late', late, why)
    this.#reportNew(
      'track_unsupported',
      usable.filter(({ codec }) => codec === null),
      'not supported',
    )
    this.#gone = new Set(gone.map(({ trackId }) => trackId))
    this.#tracks = [...tracks, ...gone]
    return tracks.map(({ trackId }) => trackId)
  }

  /** One event for all that are left out; encoders change the map for many reasons, so the same stream is no news. */
  #reportNew(cause: RepairCause, streams: readonly ElementaryStream[], why: string): void {
    const news = streams.filter((stream) => !this.#reported.has(`${cause} ${stream.pid} ${stream.streamType}`))
    if (news.length === 0) return
    for (const { pid, streamType } of news) this.#reported.add(`${cause} ${pid} ${streamType}`)
    const detail = `Left out: ${news.map(nameOf).join(', ')} (${why})`
    this.#sink.onRepair({ cause, trackId: null, count: news.length, detail })
  }

  #register(pid: number, purpose: string, createReader: () => PayloadReader): void {
    const known = this.#pids.get(pid)
    if (known?.purpose === purpose) return
    known?.reader.end()
    this.#pids.set(pid, { reader: createReader(), purpose, counter: -1, wasDuplicate: false })
  }

  #slot(id: string): TrackSlot {
    const slot = this.#slots.get(id) ?? new TrackSlot(id, this.#sink)
    this.#slots.set(id, slot)
    return slot
  }
}

function createConsumer(slot: TrackSlot, stream: CarriedStream) {
  switch (stream.codec) {
    case 'h264':
    case 'hevc':
      return new VideoReader(slot, stream.codec)
    case 'aac':
      return new AdtsReader(slot, stream.language)
    case 'opus':
      return new OpusReader(slot, stream.language, stream.opusChannels)
    default:
      return stream.codec satisfies never
  }
}

/** `audio in fr on PID 258`, `DVB teletext (0x06) on PID 300`. */
function nameOf(stream: ElementaryStream): string {
  const what = isCarried(stream) ? (kindOf(stream) === 'v' ? 'video' : 'audio') : describeStream(stream)
  const language = stream.language === 'und' ? '' : ` in ${stream.language}`
  return `${what}${language} on PID ${stream.pid}`
}

function isCarried(stream: ElementaryStream): stream is CarriedStream {
  return stream.codec !== null
}

function isUsablePid(pid: number): boolean {
  return pid >= FIRST_FREE_PID && pid < NULL_PID
}

function isNotSync(bytes: Uint8Array, at: number): boolean {
  return at < bytes.length && bytes[at] !== SYNC_BYTE
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(a.length + b.length)
  joined.set(a)
  joined.set(b, a.length)
  return joined
}
