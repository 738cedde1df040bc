// A full playlist in pieces that stay as they are: blocks of segments far from both ends are rendered and compressed once,
// whatever the length of the playlist; only its head, its tail and what is new cost anything in an update.
import { assembleGzip, type DeflatedBlock, deflateBlock } from './gzip-blocks.ts'

/** Segments per block; a block begins at a media sequence number that this divides, on every origin. */
export const BLOCK_SEGMENTS = 64

/** What a block needs to know of the segments before it, and tells those behind it. */
export interface LineState {
  readonly dsn: number
  readonly initUri: string | null
}

export interface BlockedPlaylist<T extends { readonly msn: number }> {
  readonly segments: readonly T[]
  /** From here on segments are listed with their parts, or may still change: they belong to the tail. */
  readonly firstInTail: number
  /** Everything before the first segment. */
  readonly head: string
  readonly startState: LineState
  /** Lines of some segments, each ended by a line feed, and the state behind them. Depends on nothing else. */
  lines(segments: readonly T[], state: LineState): { readonly text: string; readonly state: LineState }
  /** The segments of the tail with everything behind them. */
  tail(state: LineState): string
}

/** Rendered and compressed once; its bytes lie in shared memory, so that every thread has the same. */
export interface PlaylistBlock extends DeflatedBlock {
  /** Of its first segment. */
  readonly msn: number
  readonly text: Uint8Array
}

/** A playlist: `first`, then blocks whose numbers follow one another, then `last`. */
export interface PlaylistPieces {
  readonly first: Uint8Array
  readonly blocks: readonly PlaylistBlock[]
  readonly last: Uint8Array
}

interface CachedBlock extends PlaylistBlock {
  readonly before: LineState
  readonly after: LineState
}

interface Laid<T> {
  readonly segments: readonly T[]
  readonly firstInTail: number
  readonly before: LineState
  readonly blocks: readonly CachedBlock[]
  readonly added: readonly CachedBlock[]
}

/** Of one playlist over time. */
export class PlaylistBlocks<T extends { readonly msn: number }> {
  #laid: Laid<T> | null = null
  #cached = new Map<number, CachedBlock>()

  /** Those of the last update. */
  get current(): readonly PlaylistBlock[] {
    return this.#laid?.blocks ?? []
  }

  get cachedBlocks(): number {
    return this.#cached.size
  }

  /** The playlist as it is now. `added`: the blocks that the update before did not have. */
  update(playlist: BlockedPlaylist<T>): PlaylistPieces & { readonly added: readonly PlaylistBlock[] } {
    const { segments, firstInTail } = playlist
    const firstMsn = segments[0]?.msn ?? 0
    // The first segment stands in no block: it says what those behind it only inherit.
    const start = Math.min(firstInTail, BLOCK_SEGMENTS - (firstMsn % BLOCK_SEGMENTS))
    const head = playlist.lines(segments.slice(0, start), playlist.startState)
    const { blocks, added } = this.#lay(playlist, start, head.state)
    const end = start + blocks.length * BLOCK_SEGMENTS
    const rest = playlist.lines(segments.slice(end, firstInTail), blocks.at(-1)?.after ?? head.state)
    return {
      first: Buffer.from(playlist.head + head.text, 'utf8'),
      blocks,
      last: Buffer.from(rest.text + playlist.tail(rest.state), 'utf8'),
      added,
    }
  }

  /** Most updates only change the tail: then nothing is looked at. */
  #lay(playlist: BlockedPlaylist<T>, start: number, before: LineState): Pick<Laid<T>, 'blocks' | 'added'> {
    const { segments, firstInTail } = playlist
    const laid = this.#laid
    const isSame = laid !== null && laid.segments === segments && laid.firstInTail === firstInTail
    if (isSame && isSameState(laid.before, before)) return { blocks: laid.blocks, added: [] }
    const blocks: CachedBlock[] = []
    const added: CachedBlock[] = []
    const kept = new Map<number, CachedBlock>()
    let state = before
    for (let index = start; index + BLOCK_SEGMENTS <= firstInTail; index += BLOCK_SEGMENTS) {
      const msn = (segments[0]?.msn ?? 0) + index
      const known = this.#cached.get(msn)
      const isKnown = known !== undefined && isSameState(known.before, state)
      const block = isKnown ? known : makeBlock(playlist, index, msn, state)
      if (!isKnown) added.push(block)
      blocks.push(block)
      kept.set(msn, block)
      state = block.after
    }
    this.#cached = kept
    this.#laid = { segments, firstInTail, before, blocks, added }
    return { blocks, added }
  }
}

export function plainOf({ first, blocks, last }: PlaylistPieces): Buffer {
  return Buffer.concat([first, ...blocks.map(({ text }) => text), last])
}

export function gzipOf({ first, blocks, last }: PlaylistPieces): Buffer {
  if (blocks.length === 0) return assembleGzip([], Buffer.concat([first, last]))
  return assembleGzip([deflateBlock(first), ...blocks], last)
}

function makeBlock<T extends { readonly msn: number }>(
  playlist: BlockedPlaylist<T>,
  index: number,
  msn: number,
  before: LineState,
): CachedBlock {
  const { text, state } = playlist.lines(playlist.segments.slice(index, index + BLOCK_SEGMENTS), before)
  const plain = Buffer.from(text, 'utf8')
  const { deflated, ...sums } = deflateBlock(plain)
  const memory = Buffer.from(new SharedArrayBuffer(plain.length + deflated.length))
  memory.set(plain)
  memory.set(deflated, plain.length)
  const shared = { text: memory.subarray(0, plain.length), deflated: memory.subarray(plain.length) }
  return { ...sums, ...shared, msn, before, after: state }
}

function isSameState(left: LineState, right: LineState): boolean {
  return left.dsn === right.dsn && left.initUri === right.initUri
}
