// One encoder as the owner sees it: its open connections and the demuxers that read them. A publisher outlives a
// connection: CMAF encoders may send one request per fragment or per track, and reconnect within the grace time.
import { MirrorError } from '../../core/errors.ts'
import { isSameConfig } from '../../media/codecs/same-config.ts'
import { FlvDemuxer } from '../../media/flv/flv-demuxer.ts'
import { Fmp4Demuxer } from '../../media/fmp4/demuxer.ts'
import { TsDemuxer } from '../../media/mpegts/ts-demuxer.ts'
import type { Demuxer, DemuxSink, InputSample, InputTrack, Repair, TextSample, TextTrack } from '../../media/samples.ts'
import type { InputProtocol, InputStatus } from '../control.ts'
import type { Container, InputOpen, NetworkFigures } from '../ingest/protocol.ts'
import { InitMemory } from './init-memory.ts'

export interface PublisherEvents {
  onTrack(track: InputTrack): void
  onTracksKnown(trackIds: readonly string[]): void
  onSample(sample: InputSample): void
  onKeyframeAwaited(trackId: string): void
  onTextTrack(track: TextTrack): void
  onText(sample: TextSample): void
  onRepair(repair: Repair): void
}

interface Feed {
  readonly open: InputOpen
  readonly demuxer: Demuxer
  readonly init: InitMemory | null
  receivedBytes: number
}

export interface PublisherOptions {
  readonly maxFragmentBytes: number
  readonly events: PublisherEvents
}

export class Publisher {
  readonly protocol: InputProtocol
  readonly container: Container
  readonly connectedAtMs: number
  readonly #options: PublisherOptions
  readonly #feeds = new Map<string, Feed>()
  /** The header of each CMAF resource, for requests that bring only fragments. */
  readonly #inits = new Map<string, InitMemory>()
  readonly #tracks = new Map<string, InputTrack>()
  readonly #textTracks = new Map<string, TextTrack>()
  #expected = new Set<string>()
  #receivedBytes = 0
  #network: NetworkFigures | null = null

  constructor(first: InputOpen, options: PublisherOptions) {
    this.protocol = first.protocol
    this.container = first.container
    this.connectedAtMs = first.openedAtMs
    this.#options = options
  }

  get inputIds(): readonly string[] {
    return [...this.#feeds.keys()]
  }

  get isConnected(): boolean {
    return this.#feeds.size > 0
  }

  /** Tracks as configured now. */
  get tracks(): readonly InputTrack[] {
    return [...this.#tracks.values()]
  }

  get textTracks(): readonly TextTrack[] {
    return [...this.#textTracks.values()]
  }

  get expectedTracks(): readonly string[] {
    return [...this.#expected]
  }

  /** Another connection of the same encoder: a further CMAF track, or the next request for one whose last is done. */
  canTake(open: InputOpen): boolean {
    if (open.protocol !== 'cmaf' || this.protocol !== 'cmaf') return false
    const resource = open.trackId ?? ''
    const taken = [...this.#feeds.values()].map((feed) => feed.open.trackId ?? '')
    if (taken.includes(resource)) return false
    // A muxed body and single tracks do not mix.
    return !this.isConnected || (resource === '') === taken.includes('')
  }

  add(open: InputOpen): void {
    const init = open.container === 'fmp4' ? this.#initOf(open.trackId) : null
    this.#feeds.set(open.inputId, { open, demuxer: this.#makeDemuxer(open), init, receivedBytes: 0 })
  }

  /** Throws what the demuxer throws; the input must then be removed. */
  push(inputId: string, bytes: Uint8Array): void {
    const feed = this.#feeds.get(inputId)
    if (feed === undefined) return
    feed.receivedBytes += bytes.length
    this.#receivedBytes += bytes.length
    if (feed.init === null) feed.demuxer.push(bytes)
    else for (const chunk of feed.init.completed(inputId, bytes)) feed.demuxer.push(chunk)
  }

  /** Bytes received on this input, or 0 when it is not open. */
  receivedBytes(inputId: string): number {
    return this.#feeds.get(inputId)?.receivedBytes ?? 0
  }

  /** Ends one connection; `isClean` lets the demuxer say whether something was cut off. */
  remove(inputId: string, isClean: boolean): void {
    const feed = this.#feeds.get(inputId)
    this.#feeds.delete(inputId)
    if (feed === undefined || !isClean) return
    const rest = feed.init?.rest(inputId) ?? null
    if (rest !== null) feed.demuxer.push(rest)
    feed.demuxer.end()
  }

  /** Returns how many packets were lost for good since the last report. */
  reportNetwork(figures: NetworkFigures): number {
    const dropped = figures.packetsDropped - (this.#network?.packetsDropped ?? 0)
    this.#network = figures
    return Math.max(0, dropped)
  }

  status(): InputStatus {
    return {
      protocol: this.protocol,
      connectedAtMs: this.connectedAtMs,
      receivedBytes: this.#receivedBytes,
      rttMs: this.#network?.rttMs ?? null,
      packetsLost: this.#network?.packetsLost ?? null,
      packetsRetransmitted: this.#network?.packetsRetransmitted ?? null,
      packetsDropped: this.#network?.packetsDropped ?? null,
    }
  }

  #initOf(trackId: string | null): InitMemory {
    const resource = trackId ?? ''
    const init = this.#inits.get(resource) ?? new InitMemory()
    this.#inits.set(resource, init)
    return init
  }

  #makeDemuxer(open: InputOpen): Demuxer {
    const sink = this.#sinkFor(open.trackId)
    switch (open.container) {
      case 'ts':
        return new TsDemuxer(sink)
      case 'flv':
        return new FlvDemuxer(sink)
      case 'fmp4':
        return new Fmp4Demuxer(sink, { maxBoxBytes: this.#options.maxFragmentBytes })
      case 'vtt':
        throw new Error('subtitles beside a publisher have no demuxer')
    }
  }

  /** With one track per URL the URL names the track, whatever the file inside calls it. */
  #sinkFor(resource: string | null): DemuxSink {
    const { events } = this.#options
    const rename = (trackId: string) => {
      if (resource === null) return trackId
      if (trackId[0] !== resource[0] || trackId.slice(1) !== '0') {
        throw new MirrorError(
          'ingest_type_unsupported',
          `the body sent to track ${resource} carries track ${trackId}; send exactly one track of that kind`,
        )
      }
      return resource
    }
    return {
      onTrack: (track) => {
        const named = { ...track, id: rename(track.id) }
        const known = this.#tracks.get(named.id)
        this.#tracks.set(named.id, named)
        // Every request of an encoder that sends one per fragment brings the same header.
        if (known === undefined || !isSameTrack(known, named)) events.onTrack(named)
      },
      onTracksKnown: (ids) => {
        this.#expected = new Set([...(resource === null ? [] : this.#expected), ...ids.map(rename)])
        events.onTracksKnown(this.expectedTracks)
      },
      onSample: (sample) =>
        events.onSample(resource === null ? sample : { ...sample, trackId: rename(sample.trackId) }),
      onKeyframeAwaited: (trackId) => events.onKeyframeAwaited(rename(trackId)),
      onTextTrack: (track) => {
        const named = { ...track, id: rename(track.id) }
        const isNew = !this.#textTracks.has(named.id)
        this.#textTracks.set(named.id, named)
        if (isNew) events.onTextTrack(named)
      },
      onText: (sample) => events.onText({ ...sample, trackId: rename(sample.trackId) }),
      onRepair: (repair) => events.onRepair(repair),
    }
  }
}

function isSameTrack(a: InputTrack, b: InputTrack): boolean {
  return a.clock.ticksPerSec === b.clock.ticksPerSec && isSameConfig(a.config, b.config)
}
