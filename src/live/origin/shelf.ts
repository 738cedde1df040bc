// What one origin thread holds of one stream: references into slabs, rendered playlists, and the requests that wait.
import type { PlaylistBlock } from '../../hls/playlist-blocks.ts'
import type { Publication, RenderedPlaylist, RenderedText, Slice } from '../publication.ts'
import { AssembledText } from '../rendered-text.ts'

interface SlabRef {
  readonly memory: SharedArrayBuffer
  inFlight: number
  isRetired: boolean
}

/** Asked again after every change; true when the request has been answered. */
export type Waiter = () => boolean

/** Ready to be sent. */
export interface ShelvedPlaylist extends RenderedPlaylist {
  readonly full: RenderedText
}

export interface ShelfTrack {
  playlist: ShelvedPlaylist | null
  /** Of video: its keyframes alone. */
  iFrames: ShelvedPlaylist | null
  /** The playlist as it came, and the blocks it is made of. */
  published: RenderedPlaylist | null
  readonly blocks: Map<number, PlaylistBlock>
  readonly inits: Map<string, Uint8Array>
  readonly media: Map<string, readonly Slice[]>
  readonly waiters: Set<Waiter>
  /** Newest cell and newest decode time that have left memory: older names are gone for good. */
  droppedMsn: number
  droppedDts: number
}

/** What a dead owner had published, and who was told to fetch it may still want. */
interface Inherited {
  readonly slabs: readonly number[]
  readonly media: ReadonlyMap<ShelfTrack, ReadonlyMap<string, readonly Slice[]>>
}

const SEGMENT_NAME = /^(\d+)\.(?:m4s|vtt)$/
const PART_NAME = /^p\d+-(\d+)\.(?:m4s|vtt)$/

/** Bytes to send, and what to call when they have been sent or the client has gone. */
export interface LeasedMedia {
  readonly buffers: readonly Buffer[]
  readonly sizeBytes: number
  release(): void
}

export class Shelf {
  phase: 'offline' | 'starting' | 'live' | 'ended' = 'offline'
  /** Rises whenever the owner begins anew. */
  generation = 0
  multivariant: RenderedText | null = null
  readonly waiters = new Set<Waiter>()
  readonly #tracks = new Map<string, ShelfTrack>()
  readonly #slabs = new Map<number, SlabRef>()
  #inherited: Inherited | null = null
  readonly #onSlabReleased: (slabId: number) => void

  constructor(onSlabReleased: (slabId: number) => void) {
    this.#onSlabReleased = onSlabReleased
  }

  track(id: string): ShelfTrack | null {
    return this.#tracks.get(id) ?? null
  }

  /** The track that a player comes back to before the owner has begun it anew; null when no publisher is there. */
  trackOrExpected(id: string): ShelfTrack | null {
    return this.phase === 'starting' ? this.#ensureTrack(id) : this.track(id)
  }

  apply(publication: Publication): void {
    switch (publication.kind) {
      case 'reset':
        this.#reset()
        break
      case 'renew':
        this.#renew()
        break
      case 'slab':
        this.#slabs.set(publication.slabId, { memory: publication.memory, inFlight: 0, isRetired: false })
        break
      case 'retire':
        this.#retire(publication.slabId)
        break
      case 'init':
        this.#ensureTrack(publication.trackId).inits.set(publication.name, publication.bytes)
        break
      case 'media':
        this.#ensureTrack(publication.trackId).media.set(publication.name, publication.slices)
        break
      case 'track':
      case 'segment':
        break // For the recorder.
      case 'drop':
        this.#drop(this.#ensureTrack(publication.trackId), publication.names)
        break
      case 'blocks':
        keepBlocks(this.#ensureTrack(publication.trackId).blocks, publication)
        break
      case 'playlist': {
        const track = this.#ensureTrack(publication.trackId)
        track.published = publication.playlist
        track.playlist = shelved(publication.playlist, track.blocks)
        wake(track.waiters)
        break
      }
      case 'iframes': {
        const track = this.#ensureTrack(publication.trackId)
        track.iFrames = shelved(publication.playlist, track.blocks)
        wake(track.waiters)
        break
      }
      case 'multivariant':
        this.multivariant = publication.text
        wake(this.waiters)
        break
      case 'phase':
        this.phase = publication.phase === 'reviving' ? this.#revivingPhase() : publication.phase
        // Nothing is left to show, also when an owner that was replaced has nobody to say so.
        if (publication.phase === 'offline') this.#forget()
        this.#wakeAll()
        break
      default:
        publication satisfies never
    }
  }

  /** For a thread that knows nothing of a stream whose owner died: everything that can be asked for; null when nothing can. */
  snapshot(streamId: string): readonly Publication[] | null {
    const { multivariant, phase } = this
    if (multivariant === null || (phase !== 'live' && phase !== 'ended')) return null
    return [
      ...[...this.#slabs].map(([slabId, { memory }]): Publication => ({ kind: 'slab', streamId, slabId, memory })),
      ...[...this.#tracks].flatMap(([trackId, track]) => trackSnapshot(streamId, trackId, track)),
      { kind: 'multivariant', streamId, text: multivariant },
      { kind: 'phase', streamId, phase },
    ]
  }

  /** Nothing here could answer a request. */
  get isEmpty(): boolean {
    return this.multivariant === null && this.#slabs.size === 0
  }

  /** Forgets what a dead owner had left behind, as far as its successor has not published it again. */
  settle(): void {
    const inherited = this.#inherited
    this.#inherited = null
    if (inherited === null) return
    for (const [track, media] of inherited.media) {
      this.#drop(
        track,
        [...media].filter(([name, slices]) => track.media.get(name) === slices).map(([name]) => name),
      )
    }
    for (const slabId of inherited.slabs) this.#slabs.delete(slabId)
  }

  /** The bytes of a segment or part, kept in place until released; null when they are not here. */
  lease(track: ShelfTrack, name: string): LeasedMedia | null {
    const slices = track.media.get(name)
    if (slices === undefined) return null
    const slabs: SlabRef[] = []
    const buffers: Buffer[] = []
    let sizeBytes = 0
    for (const { slabId, offset, length } of slices) {
      const slab = this.#slabs.get(slabId)
      if (slab === undefined) return null
      slabs.push(slab)
      buffers.push(Buffer.from(slab.memory, offset, length))
      sizeBytes += length
    }
    for (const slab of slabs) slab.inFlight++
    let isReleased = false
    const release = () => {
      if (isReleased) return
      isReleased = true
      for (const slab of slabs) slab.inFlight--
      for (const { slabId } of slices) this.#settleSlab(slabId)
    }
    return { buffers, sizeBytes, release }
  }

  /** Whether media of this name was here and has left the window. */
  isGone(track: ShelfTrack, name: string): boolean {
    const msn = SEGMENT_NAME.exec(name)?.[1]
    if (msn !== undefined) return Number(msn) <= track.droppedMsn
    const dts = PART_NAME.exec(name)?.[1]
    return dts !== undefined && Number(dts) <= track.droppedDts
  }

  /**
   * Whether media of this name may be on its way: the part after the hinted one or the next segment, which another origin
   * thread may have announced a moment before this one heard of it.
   */
  isAhead(track: ShelfTrack, name: string): boolean {
    const { playlist } = track
    if (playlist === null) return false
    const msn = SEGMENT_NAME.exec(name)?.[1]
    const { lastMsn, openMsn } = playlist.position
    if (msn !== undefined) return Number(msn) === (lastMsn === null ? openMsn : lastMsn + 1)
    const dts = PART_NAME.exec(name)?.[1]
    const hintedDts = PART_NAME.exec(playlist.preloadName ?? '')?.[1]
    return dts !== undefined && hintedDts !== undefined && Number(dts) > Number(hintedDts)
  }

  #ensureTrack(id: string): ShelfTrack {
    const existing = this.#tracks.get(id)
    if (existing !== undefined) return existing
    const track: ShelfTrack = {
      playlist: null,
      iFrames: null,
      published: null,
      blocks: new Map(),
      inits: new Map(),
      media: new Map(),
      waiters: new Set(),
      droppedMsn: -1,
      droppedDts: -1,
    }
    this.#tracks.set(id, track)
    return track
  }

  #drop(track: ShelfTrack, names: readonly string[]): void {
    for (const name of names) {
      track.media.delete(name)
      track.inits.delete(name)
      track.droppedMsn = Math.max(track.droppedMsn, Number(SEGMENT_NAME.exec(name)?.[1] ?? -1))
      track.droppedDts = Math.max(track.droppedDts, Number(PART_NAME.exec(name)?.[1] ?? -1))
    }
  }

  #retire(slabId: number): void {
    const slab = this.#slabs.get(slabId)
    if (slab === undefined) return this.#onSlabReleased(slabId)
    slab.isRetired = true
    this.#settleSlab(slabId)
  }

  #settleSlab(slabId: number): void {
    const slab = this.#slabs.get(slabId)
    if (slab === undefined || !slab.isRetired || slab.inFlight > 0) return
    this.#slabs.delete(slabId)
    this.#onSlabReleased(slabId)
  }

  #revivingPhase(): 'starting' | 'live' {
    return this.multivariant === null ? 'starting' : 'live'
  }

  /** Players that were shown the old playlist may still fetch what it lists. */
  #renew(): void {
    this.generation++
    this.#inherited = {
      slabs: [...this.#slabs.keys()],
      media: new Map([...this.#tracks.values()].map((track) => [track, new Map(track.media)])),
    }
  }

  /** Requests that wait stay: the next session may answer them. Memory that is being sent lives on until it has been. */
  #reset(): void {
    this.#forget()
    this.#wakeAll()
  }

  #forget(): void {
    this.generation++
    this.multivariant = null
    this.#inherited = null
    this.#slabs.clear()
    for (const track of this.#tracks.values()) {
      track.playlist = null
      track.iFrames = null
      track.published = null
      track.blocks.clear()
      track.inits.clear()
      track.media.clear()
      track.droppedMsn = -1
      track.droppedDts = -1
    }
  }

  #wakeAll(): void {
    wake(this.waiters)
    for (const track of this.#tracks.values()) wake(track.waiters)
  }
}

function wake(waiters: Set<Waiter>): void {
  for (const waiter of waiters) if (waiter()) waiters.delete(waiter)
}

function trackSnapshot(streamId: string, trackId: string, track: ShelfTrack): Publication[] {
  return [
    ...[...track.inits].map(([name, bytes]): Publication => ({ kind: 'init', streamId, trackId, name, bytes })),
    ...[...track.media].map(([name, slices]): Publication => ({ kind: 'media', streamId, trackId, name, slices })),
    ...playlistSnapshot(streamId, trackId, track),
  ]
}

function playlistSnapshot(streamId: string, trackId: string, { published, blocks }: ShelfTrack): Publication[] {
  if (published === null) return []
  return [
    { kind: 'blocks', streamId, trackId, added: [...blocks.values()], fromMsn: 0 },
    { kind: 'playlist', streamId, trackId, playlist: published },
  ]
}

function shelved(playlist: RenderedPlaylist, blocks: ReadonlyMap<number, PlaylistBlock>): ShelvedPlaylist {
  const { full } = playlist
  if (!('plain' in full)) return { ...playlist, full: new AssembledText(full, blocks) }
  return playlist as ShelvedPlaylist
}

function keepBlocks(
  blocks: Map<number, PlaylistBlock>,
  { added, fromMsn }: Pick<Extract<Publication, { kind: 'blocks' }>, 'added' | 'fromMsn'>,
): void {
  for (const msn of blocks.keys()) if (msn < fromMsn) blocks.delete(msn)
  for (const block of added) blocks.set(block.msn, block)
}
