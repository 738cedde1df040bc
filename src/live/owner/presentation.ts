// Everything viewers can see of one stream: its windows, its memory, and what origins are told of both.
import { isDeepStrictEqual } from 'node:util'

import { type Rational, toNumber } from '../../core/rational.ts'
import type { PlaylistPosition } from '../../hls/blocking-reload.ts'
import {
  type DateRange,
  type DateRangeLines,
  type DateRangeListing,
  NO_DATE_RANGES,
  sortDateRanges,
} from '../../hls/date-range.ts'
import { renderIFramePlaylist } from '../../hls/iframe-playlist.ts'
import {
  blockedMediaPlaylist,
  type MediaPlaylist,
  type PlaylistSegment,
  type RenditionReport,
  renderMediaPlaylist,
} from '../../hls/media-playlist.ts'
import type { PlaylistBlock } from '../../hls/playlist-blocks.ts'
import { type PlaylistTerms, skipBoundarySec } from '../../hls/playlist-lines.ts'
import { CaptionDetector } from '../../media/codecs/caption-detector.ts'
import { fragmentSize, writeFragmentInto } from '../../media/fmp4/fragment.ts'
import { initHash, writeInitSegment } from '../../media/fmp4/init-segment.ts'
import { TEXT_TIMESCALE, type TextPackagerSink, type TextPiece } from '../../media/packager/text-packager.ts'
import type { PackagedPart, PackagerSink } from '../../media/packager/track-packager.ts'
import type { InputTrack, Repair, TextTrack, TrackConfig } from '../../media/samples.ts'
import { writeWebVtt } from '../../media/text/webvtt-writer.ts'
import { targetDurationSec, ticksToEpochMs } from '../../media/timeline/cell.ts'
import { trackOrder } from '../../media/track-id.ts'
import type { TrackRole } from '../../media/track-role.ts'
import { initName, type Publication, partName, type RenderedText, type Slice } from '../publication.ts'
import { compress, renderings } from '../rendered-text.ts'
import type { DvrSettings, StreamSettings, TrackDescription } from '../settings.ts'
import { presentMultivariant } from './presented-multivariant.ts'
import { newPresented, type PresentedMedia, type PresentedText, type PresentedTrack } from './presented-track.ts'
import { recordedFacts } from './recorded-facts.ts'
import type { SlabPool } from './slab-pool.ts'
import { slicesOf, type TrackWindow, type WindowPart } from './track-window.ts'

export interface PresentationOptions {
  readonly streamId: string
  readonly settings: StreamSettings
  readonly dateRanges: readonly DateRange[]
  readonly cell: Rational
  readonly partTargetMs: number
  readonly slabs: SlabPool
  readonly publish: (publication: Publication) => void
  readonly onPart: (trackId: string, part: PackagedPart, publishedBytes: number, endsAtMs: number) => void
  readonly onRepair: (repair: Repair) => void
}

type ShownTrack = Pick<InputTrack, 'id' | 'config'> & { readonly role?: TrackRole | null }
/** The timeline entry that a track's media lies on. */
export interface PresentedEntry {
  readonly dsn: number
  /** Seconds that wall-clock time lies after media time in a segment. */
  driftSec(msn: number): number
}

/** A track without media delays the multivariant playlist by at most this many segments of another. */
const WAIT_FOR_TRACK_SEGMENTS = 3

export class Presentation {
  readonly targetDurationSec: number
  readonly partTargetSec: number
  readonly #options: PresentationOptions
  readonly #tracks = new Map<string, PresentedTrack>()
  readonly #captions = new CaptionDetector()
  #described: readonly TrackDescription[]
  #dvr: DvrSettings
  #multivariant: { readonly text: RenderedText; readonly source: string } | null = null
  /** Bit rates are known anew when a segment ends. */
  #isMultivariantDirty = false
  #isEnded = false
  #dateRanges: readonly DateRange[]
  readonly #rendered = new Map<string, Publication>()

  constructor(options: PresentationOptions) {
    this.#options = options
    this.#described = options.settings.tracks
    this.#dvr = options.settings.dvr
    this.#dateRanges = sortDateRanges(options.dateRanges)
    this.targetDurationSec = targetDurationSec(options.cell, options.settings.gop)
    this.partTargetSec = options.partTargetMs / 1000
  }

  get gop(): StreamSettings['gop'] {
    return this.#options.settings.gop
  }

  /** Of video and audio. */
  get trackIds(): readonly string[] {
    return this.#media().map(({ id }) => id)
  }

  get textTracks(): readonly TextTrack[] {
    return [...this.#tracks.values()].flatMap((track) => (track.kind === 'subtitles' ? [track.text] : []))
  }

  window(trackId: string): TrackWindow | null {
    return this.#tracks.get(trackId)?.window ?? null
  }

  config(trackId: string): TrackConfig | null {
    const track = this.#tracks.get(trackId)
    return track === undefined || track.kind === 'subtitles' ? null : track.config
  }

  /** A track begins, or goes on under another timeline entry with its own init segment. Returns where its packager reports to. */
  beginTrack(shown: ShownTrack, timescale: number, entry: PresentedEntry): PackagerSink {
    const { id, config } = shown
    const role = shown.role ?? null
    const bytes = writeInitSegment({ config, timescale })
    const name = initName(initHash(bytes))
    const existing = this.#media().find((track) => track.id === id)
    const track: PresentedMedia = existing ?? { kind: config.kind, config, role, timescale, ...newPresented(id) }
    Object.assign(track, { config, role, timescale, initUri: name })
    this.#tracks.set(id, track)
    if (!track.inits.has(name)) {
      track.inits.set(name, bytes)
      this.#publish({ kind: 'init', streamId: this.#options.streamId, trackId: id, name, bytes })
    }
    return this.#sinkOf(track, timescale, entry, name)
  }

  /** A track that the new timeline entry does not have: it keeps its configuration and goes on with gaps. */
  continueTrack(id: string, entry: PresentedEntry): { readonly timescale: number; readonly sink: PackagerSink } | null {
    const track = this.#media().find((candidate) => candidate.id === id)
    if (track === undefined) return null
    return { timescale: track.timescale, sink: this.beginTrack(track, track.timescale, entry) }
  }

  /** Subtitles begin, or go on under another timeline entry. */
  beginText(text: TextTrack, entry: PresentedEntry): TextPackagerSink {
    const existing = this.#tracks.get(text.id)
    const track: PresentedText =
      existing?.kind === 'subtitles' ? existing : { kind: 'subtitles', text, ...newPresented(text.id) }
    this.#tracks.set(text.id, track)
    return this.#textSinkOf(track, entry)
  }

  /** Date ranges as they are now: every playlist lists those that reach into it. */
  setDateRanges(ranges: readonly DateRange[]): void {
    this.#dateRanges = sortDateRanges(ranges)
    for (const track of this.#tracks.values()) {
      track.isDirty = true
      track.hasNewSegment = true
    }
  }

  /** What was recorded before the first cell, by track: the playlist reaches back over it. Before anything is published. */
  recall(past: ReadonlyMap<string, readonly PlaylistSegment[]>): void {
    for (const [trackId, segments] of past) {
      this.#tracks.get(trackId)?.window.recall(segments, this.#dvr.rewindMs / 1000)
    }
  }

  /** Recording was switched on or off, or the playlist is to reach further back from now on. */
  setDvr(dvr: DvrSettings): void {
    if (dvr.isEnabled && !this.#dvr.isEnabled) {
      // The recorder may hear of it a moment later.
      for (const track of this.#tracks.values()) track.recordedFromMsn = (track.window.newest?.msn ?? -2) + 2
    }
    if (!dvr.isEnabled) {
      for (const track of this.#tracks.values()) {
        track.window.forgetPast()
        track.isDirty = true
      }
    }
    this.#dvr = dvr
  }

  /** New names of tracks, for those who load the multivariant playlist from now on. */
  describe(tracks: readonly TrackDescription[]): void {
    this.#described = tracks
    if (this.#multivariant === null) return
    this.#renderMultivariant()
  }

  /** Renders what changed since the last call; once per batch of input, never per viewer. */
  flush(): void {
    const windowSec = Math.max(this.#options.settings.windowMs / 1000, 3 * this.targetDurationSec)
    for (const track of this.#tracks.values()) {
      if (!track.isDirty) continue
      track.isDirty = false
      this.#tellRecorder(track)
      this.#dropOld(track, 2 * windowSec)
      this.#renderTrack(track, windowSec)
      if (track.hasNewSegment && track.kind === 'video') this.#renderIFrames(track, windowSec)
      track.hasNewSegment = false
    }
    if (this.#isMultivariantDirty) this.#renderMultivariant()
  }

  /** Adds EXT-X-ENDLIST everywhere. */
  end(): void {
    this.#isEnded = true
    this.#isMultivariantDirty = true
    for (const track of this.#tracks.values()) {
      track.isDirty = true
      track.hasNewSegment = true
    }
    this.flush()
  }

  /** All that an origin needs which joins late. */
  snapshot(): readonly Publication[] {
    const { streamId, slabs } = this.#options
    const media: Publication[] = []
    for (const track of this.#tracks.values()) {
      const { id: trackId, inits, window } = track
      for (const [name, bytes] of inits) media.push({ kind: 'init', streamId, trackId, name, bytes })
      for (const segment of window.segments) {
        if (segment.isGap) continue
        media.push({
          kind: 'media',
          streamId,
          trackId,
          name: segment.uri,
          slices: slicesOf(segment),
        })
      }
      for (const part of [...window.segments.flatMap((segment) => segment.parts), ...window.openParts]) {
        if (part.slice !== null) media.push({ kind: 'media', streamId, trackId, name: part.uri, slices: [part.slice] })
      }
      if (track.told.facts !== null) media.push({ kind: 'track', streamId, trackId, facts: track.told.facts })
      media.push(...window.segments.map((segment) => completed(streamId, trackId, segment)))
    }
    const blocks = [...this.#tracks.values()].map((track): Publication => {
      const added = track.blocks.current.map(published)
      return { kind: 'blocks', streamId, trackId: track.id, added, fromMsn: track.blocksFromMsn }
    })
    return [
      ...slabs.known().map(({ id, memory }): Publication => ({ kind: 'slab', streamId, slabId: id, memory })),
      ...media,
      ...blocks,
      ...this.#rendered.values(),
    ]
  }

  #sinkOf(track: PresentedMedia, timescale: number, entry: PresentedEntry, initUri: string): PackagerSink {
    const { window } = track
    const { dsn } = entry
    const wallMs = (msn: number, ticks: number) => ticksToEpochMs(ticks, timescale) + entry.driftSec(msn) * 1000
    return {
      onSegmentStart: ({ msn, startPts }) => {
        window.startSegment({ msn, dsn, initUri, startsAtMs: wallMs(msn, startPts) })
      },
      onPart: (part) => this.#addPart(track, part, timescale, dsn, wallMs(part.msn, part.endDts)),
      onSegmentEnd: ({ startDts, endDts }) => {
        const segment = window.endSegment((endDts - startDts) / timescale)
        if (segment === null) return
        this.#publish({ kind: 'media', streamId: this.#options.streamId, trackId: track.id, ...segment })
        track.isDirty = true
        track.hasNewSegment = true
        this.#isMultivariantDirty = true
      },
      onGap: ({ msn, startDts, endDts }) => {
        this.#isMultivariantDirty = true
        window.addGap(
          { msn, dsn, initUri, startsAtMs: wallMs(msn, startDts) },
          (endDts - startDts) / timescale,
          this.#gapParts(startDts, endDts, timescale, dsn),
        )
        track.preloadUri = null
        track.isDirty = true
        track.hasNewSegment = true
      },
      onRepair: this.#options.onRepair,
    }
  }

  #gapParts(startDts: number, endDts: number, timescale: number, dsn: number): readonly WindowPart[] {
    const targetTicks = Math.max(1, Math.floor(this.partTargetSec * timescale))
    const parts: WindowPart[] = []
    for (let dts = startDts; dts < endDts; dts += targetTicks)
      parts.push(gapPart(partName(dsn, dts), (Math.min(dts + targetTicks, endDts) - dts) / timescale))
    return parts
  }

  #textSinkOf(track: PresentedText, entry: PresentedEntry): TextPackagerSink {
    const { dsn } = entry
    const { window, id: trackId } = track
    const { streamId } = this.#options
    return {
      onSegmentStart: ({ msn, startDts }) => {
        const startsAtMs = ticksToEpochMs(startDts, TEXT_TIMESCALE) + entry.driftSec(msn) * 1000
        window.startSegment({ msn, dsn, initUri: null, startsAtMs })
      },
      onPart: (piece) => {
        const slice = this.#writeText(piece)
        const name = partName(dsn, piece.startDts, 'vtt')
        window.addPart({
          uri: name,
          durationSec: durationOf(piece),
          isIndependent: true,
          isGap: false,
          keyframeBytes: null,
          slice,
        })
        track.preloadUri = partName(dsn, piece.endDts, 'vtt')
        track.isDirty = true
        this.#publish({ kind: 'media', streamId, trackId, name, slices: [slice] })
      },
      onSegmentEnd: (piece) => {
        const segment = window.endSegment(durationOf(piece), this.#writeText(piece), 'vtt')
        track.isDirty = true
        this.#isMultivariantDirty = true
        if (segment !== null) this.#publish({ kind: 'media', streamId, trackId, ...segment })
      },
      onRepair: this.#options.onRepair,
    }
  }

  /** A segment is more than its parts one after the other: each has a header of its own. */
  #writeText({ startDts, cues }: TextPiece): Slice {
    const bytes = Buffer.from(writeWebVtt(startDts, cues), 'utf8')
    const { slice, target } = this.#options.slabs.allocate(bytes.length)
    target.set(bytes, slice.offset)
    return slice
  }

  #media(): readonly PresentedMedia[] {
    return [...this.#tracks.values()].filter((track) => track.kind !== 'subtitles')
  }

  #addPart(track: PresentedMedia, part: PackagedPart, timescale: number, dsn: number, endsAtMs: number): void {
    const { codec } = track.config
    if (codec === 'h264' || codec === 'hevc') {
      for (const { data } of part.samples) if (this.#captions.take(codec, data)) this.#isMultivariantDirty = true
    }
    const fragment = {
      kind: track.kind,
      sequenceNumber: part.index + 1,
      baseDecodeTime: part.samples[0]?.dts ?? part.startDts,
      samples: part.samples,
    }
    const { slice, target } = this.#options.slabs.allocate(fragmentSize(fragment))
    writeFragmentInto(fragment, target, slice.offset)
    const name = partName(dsn, part.startDts)
    const durationSec = (part.endDts - part.startDts) / timescale
    track.window.addPart({
      uri: name,
      durationSec,
      isIndependent: part.isIndependent,
      isGap: false,
      slice,
      keyframeBytes: keyframeBytes(part, slice.length),
    })
    track.preloadUri = partName(dsn, part.endDts)
    track.isDirty = true
    this.#publish({ kind: 'media', streamId: this.#options.streamId, trackId: track.id, name, slices: [slice] })
    this.#options.onPart(track.id, part, slice.length, endsAtMs)
  }

  #dropOld(track: PresentedTrack, keepSec: number): void {
    const removed = track.window.prune(keepSec)
    if (removed.length === 0) return
    this.#keepPast(track, removed)
    const names = removed.flatMap((segment) => [segment.uri, ...segment.parts.map((part) => part.uri)])
    const needed = track.window.initUris
    for (const name of track.inits.keys()) {
      if (name === track.initUri || needed.has(name)) continue
      track.inits.delete(name)
      names.push(name)
    }
    this.#publish({ kind: 'drop', streamId: this.#options.streamId, trackId: track.id, names })
    for (const { own, parts } of removed) {
      for (const { slice } of [{ slice: own }, ...parts]) if (slice !== null) this.#options.slabs.release(slice)
    }
  }

  /** Of a stream that is recorded, segments stay listed when they have left memory. */
  #keepPast({ window, recordedFromMsn }: PresentedTrack, removed: readonly PlaylistSegment[]): void {
    if (!this.#dvr.isEnabled) return
    // What was complete before recording began is gone for good.
    const recorded = removed.filter(({ msn }) => msn >= recordedFromMsn)
    if (recorded.length > 0) window.rememberPast(recorded, this.#dvr.rewindMs / 1000)
  }

  #renderTrack(track: PresentedTrack, windowSec: number): void {
    const segments = track.window.listed(windowSec)
    const playlist: MediaPlaylist = {
      ...this.#terms,
      segments,
      removedDsn: track.window.removedDsn(windowSec),
      open: track.window.open,
      preloadUri: track.preloadUri,
      reports: this.#reportsBeside(track),
      dateRanges: this.#dateRangesOf(track, track.dateRanges, segments),
      isEnded: this.#isEnded,
    }
    const pieces = track.blocks.update(blockedMediaPlaylist(playlist))
    this.#publishBlocks(track, pieces)
    this.#publishRendered({
      kind: 'playlist',
      streamId: this.#options.streamId,
      trackId: track.id,
      playlist: {
        ...renderings(playlist, (skip) => renderMediaPlaylist(playlist, skip), pieces),
        position: this.#positionOf(track),
        targetDurationSec: this.targetDurationSec,
        preloadName: this.#isEnded ? null : track.preloadUri,
      },
    })
  }

  /** Before the playlist that is made of them. */
  #publishBlocks(track: PresentedTrack, { blocks, added }: ReturnType<PresentedTrack['blocks']['update']>): void {
    const fromMsn = blocks[0]?.msn ?? Number.MAX_SAFE_INTEGER
    if (added.length === 0 && fromMsn === track.blocksFromMsn) return
    track.blocksFromMsn = fromMsn
    const { streamId } = this.#options
    this.#publish({ kind: 'blocks', streamId, trackId: track.id, added: added.map(published), fromMsn })
  }

  #renderIFrames(track: PresentedTrack, windowSec: number): void {
    const segments = track.window.iFrames(windowSec)
    const dateRanges = this.#dateRangesOf(track, track.iFrameDateRanges, segments)
    const removedDsn = track.window.removedDsn(windowSec)
    const playlist = { ...this.#terms, segments, removedDsn, dateRanges, isEnded: this.#isEnded }
    const position = { ...this.#positionOf(track), lastMsnParts: 0, openMsn: null, openParts: 0 }
    this.#publishRendered({
      kind: 'iframes',
      streamId: this.#options.streamId,
      trackId: track.id,
      playlist: {
        ...renderings(playlist, (skip) => renderIFramePlaylist(playlist, skip)),
        position,
        targetDurationSec: this.targetDurationSec,
        preloadName: null,
      },
    })
  }

  #dateRangesOf(
    { window }: PresentedTrack,
    listing: DateRangeListing,
    segments: readonly { readonly startsAtMs: number }[],
  ): DateRangeLines {
    const newest = window.newest
    const startMs = segments[0]?.startsAtMs ?? window.open?.startsAtMs
    if (startMs === undefined) return NO_DATE_RANGES
    const edgeMs = newest === null ? startMs : newest.startsAtMs + 1000 * newest.durationSec
    return listing.update(this.#dateRanges, startMs, edgeMs, 1000 * skipBoundarySec(this.targetDurationSec))
  }

  get #terms(): PlaylistTerms {
    const { targetDurationSec, partTargetSec } = this
    return { targetDurationSec, partTargetSec, hasIndependentSegments: this.#options.settings.gop === 'fixed' }
  }

  /** Cells that are complete since the last call. */
  #tellRecorder(track: PresentedTrack): void {
    const { streamId, cell, settings } = this.#options
    const { id: trackId, window, told } = track
    const segments = window.after(told.msn)
    if (segments.length === 0) return
    const common = { cell, targetDurationSec: this.targetDurationSec, hasIndependentSegments: settings.gop === 'fixed' }
    const facts = recordedFacts(track, common, this.#described)
    if (!isDeepStrictEqual(facts, told.facts)) this.#publish({ kind: 'track', streamId, trackId, facts })
    for (const segment of segments) this.#publish(completed(streamId, trackId, segment))
    track.told = { msn: segments.at(-1)?.msn ?? told.msn, facts }
  }

  #positionOf({ window }: PresentedTrack): PlaylistPosition {
    const openParts = window.openParts.length
    return {
      lastMsn: window.newest?.msn ?? null,
      lastMsnParts: window.newest?.parts.length ?? 0,
      openMsn: openParts > 0 ? (window.open?.msn ?? null) : null,
      openParts,
      partTargetSec: this.partTargetSec,
      targetDurationSec: this.targetDurationSec,
      isEnded: this.#isEnded,
    }
  }

  #reportsBeside(track: PresentedTrack): readonly RenditionReport[] {
    const reports: RenditionReport[] = []
    for (const other of this.#tracks.values()) {
      if (other === track) continue
      const { openMsn, openParts, lastMsn, lastMsnParts } = this.#positionOf(other)
      const newest = openMsn ?? lastMsn
      if (newest === null) continue
      const parts = openMsn === null ? lastMsnParts : openParts
      reports.push({ uri: `../${other.id}/playlist.m3u8`, lastMsn: newest, lastPart: parts > 0 ? parts - 1 : null })
    }
    return reports
  }

  /** Comes once every track has a segment, because only then are bit rates known; again when a peak has grown. */
  #renderMultivariant(): void {
    this.#isMultivariantDirty = false
    const tracks = this.#media().toSorted((a, b) => trackOrder(a.id) - trackOrder(b.id))
    const isMeasured = tracks.every((track) => track.window.peakBps > 0)
    const isLate = tracks.some((track) => track.window.segments.length >= WAIT_FOR_TRACK_SEGMENTS)
    if (!isMeasured && !isLate && !this.#isEnded && this.#multivariant === null) return
    const presented = tracks.filter((track) => track.window.peakBps > 0)
    if (presented.length === 0) return
    const texts = [...this.#tracks.values()].flatMap((track) =>
      track.kind === 'subtitles' && track.window.newest !== null ? [track.text] : [],
    )
    const source = presentMultivariant({
      media: presented,
      texts,
      captions: this.#captions,
      described: this.#described,
      terms: this.#terms,
      cellSec: toNumber(this.#options.cell),
    })
    if (source === this.#multivariant?.source) return
    this.#multivariant = { text: compress(source), source }
    this.#publishRendered({ kind: 'multivariant', streamId: this.#options.streamId, text: this.#multivariant.text })
  }

  #publish(publication: Publication): void {
    this.#options.publish(publication)
  }

  #publishRendered(publication: Extract<Publication, { kind: 'playlist' | 'iframes' | 'multivariant' }>): void {
    const of = publication.kind === 'multivariant' ? '' : publication.trackId
    this.#rendered.set(`${publication.kind} ${of}`, publication)
    this.#publish(publication)
  }
}

/** Without what only the next update needs. */
function published({ msn, text, deflated, sizeBytes, crc, shift }: PlaylistBlock): PlaylistBlock {
  return { msn, text, deflated, sizeBytes, crc, shift }
}

function gapPart(uri: string, durationSec: number): WindowPart {
  return { uri, durationSec, isIndependent: false, isGap: true, slice: null, keyframeBytes: null }
}

function completed(streamId: string, trackId: string, segment: PlaylistSegment): Publication {
  const { uri: name, msn, dsn, startsAtMs, durationSec, initUri: initName, isGap } = segment
  return { kind: 'segment', streamId, trackId, name, msn, dsn, startsAtMs, durationSec, initName, isGap }
}

function durationOf({ startDts, endDts }: TextPiece): number {
  return (endDts - startDts) / TEXT_TIMESCALE
}

/** From the start of `moof` to the end of the first picture: samples stand in `mdat` in their order, at the end. */
function keyframeBytes({ samples }: PackagedPart, sizeBytes: number): number | null {
  const first = samples[0]
  if (first === undefined || !first.isKeyframe) return null
  return sizeBytes - samples.reduce((sum, { data }) => sum + data.length, 0) + first.data.length
}
