// FLV as it comes over RTMP: tags without a file header, legacy and Enhanced RTMP bodies.
import { MirrorError } from '../../core/errors.ts'
import type { Demuxer, DemuxSink } from '../samples.ts'
import { MAX_AUDIO_TRACKS, MAX_VIDEO_TRACKS, trackOrder } from '../track-id.ts'
import { type FlvMessage, parseAudioBody, parseVideoBody } from './flv-message.ts'
import { type FlvMetadata, parseFlvMetadata } from './flv-metadata.ts'
import { FLV_SCRIPT, FLV_VIDEO, FlvTagReader, type FlvTagType } from './flv-tag.ts'
import { createFlvTrack, type FlvTrack } from './flv-track.ts'

/** After so much media the tracks seen so far are all there are. */
const KNOWN_AFTER_MS = 500

/** Track names have two digits. */
const MAX_TRACK_INDEX = 99

interface KnownTrack {
  readonly track: FlvTrack
  readonly codec: FlvMessage['codec']
}

export class FlvDemuxer implements Demuxer {
  readonly #sink: DemuxSink
  readonly #tags = new FlvTagReader((type, timestampMs, body) => this.#onTag(type, timestampMs, body))
  /** By kind and E-RTMP track index: `v0`, `a3`. */
  readonly #tracks = new Map<string, KnownTrack>()
  #metadata: FlvMetadata | null = null
  #firstTimestampMs: number | null = null
  #areTracksKnown = false

  constructor(sink: DemuxSink) {
    this.#sink = sink
  }

  push(bytes: Uint8Array): void {
    this.#tags.push(bytes)
  }

  end(): void {
    this.#declareTracks()
    if (this.#tags.isCut) throw new MirrorError('ingest_truncated', 'the FLV input ended inside a tag')
  }

  #onTag(type: FlvTagType, timestampMs: number, body: Uint8Array): void {
    if (type === FLV_SCRIPT) {
      this.#metadata = parseFlvMetadata(body) ?? this.#metadata
      return
    }
    const isVideo = type === FLV_VIDEO
    for (const message of isVideo ? parseVideoBody(body) : parseAudioBody(body)) {
      if (message.kind === 'frames' && !this.#areTracksKnown) this.#considerTracks(timestampMs)
      this.#trackOf(isVideo ? 'v' : 'a', message)?.take(message, timestampMs)
    }
  }

  /** Null when there are too many tracks, or for a number that no track has. */
  #trackOf(kind: 'v' | 'a', { codec, trackIndex }: FlvMessage): FlvTrack | null {
    const key = `${kind}${trackIndex}`
    const known = this.#tracks.get(key)
    if (known?.codec === codec) return known.track
    // A publisher that changes the codec keeps its track: the new sequence header announces it again.
    if (known === undefined && (this.#isFull(kind) || trackIndex > MAX_TRACK_INDEX)) return null
    // E-RTMP numbers tracks itself: the name must not depend on which sequence header came first.
    const track = createFlvTrack(key, codec, this.#sink, () => this.#metadata?.frameRate ?? null)
    this.#tracks.set(key, { track, codec })
    return track
  }

  #isFull(kind: 'v' | 'a'): boolean {
    const count = [...this.#tracks.keys()].filter((key) => key.startsWith(kind)).length
    return count === (kind === 'v' ? MAX_VIDEO_TRACKS : MAX_AUDIO_TRACKS)
  }

  /**
   * Publishers send all sequence headers before the first frame. With the first frame the tracks are known when every
   * kind that the metadata declares (without metadata: audio and video) has had one.
   */
  #considerTracks(timestampMs: number): void {
    this.#firstTimestampMs ??= timestampMs
    const kinds = this.#metadata?.kinds ?? { video: true, audio: true }
    const hasAll = (!kinds.video || this.#has('v')) && (!kinds.audio || this.#has('a'))
    const elapsedMs = (timestampMs - this.#firstTimestampMs) | 0 // modulo 2^32, signed
    if (hasAll || (elapsedMs >= KNOWN_AFTER_MS && (this.#has('v') || this.#has('a')))) this.#declareTracks()
  }

  #has(kind: 'v' | 'a'): boolean {
    for (const [key, { track }] of this.#tracks) if (key.startsWith(kind) && track.hasConfig) return true
    return false
  }

  #declareTracks(): void {
    if (this.#areTracksKnown) return
    const ids = [...this.#tracks.values()].filter(({ track }) => track.hasConfig).map(({ track }) => track.id)
    if (ids.length === 0) return
    this.#areTracksKnown = true
    this.#sink.onTracksKnown(ids.toSorted((a, b) => trackOrder(a) - trackOrder(b)))
  }
}
