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

/** Of one playlist over time. */
export class PlaylistBlocks<T extends { readonly msn: number }> {
  #blocks: readonly CachedBlock[] = []

  /** Those of the last update. */
  get current(): readonly PlaylistBlock[] {
    return this.#blocks
  }

  /** The playlist as it is now. `added`: the blocks that the update before did not have. */
  update(playlist: BlockedPlaylist<T>): PlaylistPieces & { readonly added: readonly PlaylistBlock[] } {
    const { segments, firstInTail } = playlist
    const firstMsn = segments[0]?.msn ?? 0
    // The first segment stands in no block: it says what those behind it only inherit.
    const start = Math.min(firstInTail, BLOCK_SEGMENTS - (firstMsn % BLOCK_SEGMENTS))
    const head = playlist.lines(segments.slice(0, start), playlist.startState)
    const known = this.#known(firstMsn + start, Math.floor((firstInTail - start) / BLOCK_SEGMENTS), head.state)
    const added = makeBlocks(playlist, start + known.length * BLOCK_SEGMENTS, known.at(-1)?.after ?? head.state)
    if (added.length > 0 || known.length !== this.#blocks.length) this.#blocks = [...known, ...added]
    const blocks = this.#blocks
    const end = start + blocks.length * BLOCK_SEGMENTS
    const rest = playlist.lines(segments.slice(end, firstInTail), blocks.at(-1)?.after ?? head.state)
    return {
      first: Buffer.from(playlist.head + head.text, 'utf8'),
      blocks,
      last: Buffer.from(rest.text + playlist.tail(rest.state), 'utf8'),
      added,
    }
  }

  /** Blocks follow from one another: when the first one holds, so do the others. At most `count`. */
  #known(msn: number, count: number, before: LineState): readonly CachedBlock[] {
    const first = (msn - (this.#blocks[0]?.msn ?? 0)) / BLOCK_SEGMENTS
    const block = this.#blocks[first]
    if (block === undefined || block.msn !== msn || !isSameState(block.before, before)) return []
    return first === 0 && count >= this.#blocks.length ? this.#blocks : this.#blocks.slice(first, first + count)
  }
}

export function plainOf({ first, blocks, last }: PlaylistPieces): Buffer {
  return Buffer.concat([first, ...blocks.map(({ text }) => text), last])
}

export function gzipOf({ first, blocks, last }: PlaylistPieces): Buffer {
  if (blocks.length === 0) return assembleGzip([], Buffer.concat([first, last]))
  return assembleGzip([deflateBlock(first), ...blocks], last)
}

/** Of all segments from `start` on that do not belong to the tail, as far as they fill blocks. */
function makeBlocks<T extends { readonly msn: number }>(
  playlist: BlockedPlaylist<T>,
  start: number,
  before: LineState,
): readonly CachedBlock[] {
  const blocks: CachedBlock[] = []
  let state = before
  for (let index = start; index + BLOCK_SEGMENTS <= playlist.firstInTail; index += BLOCK_SEGMENTS) {
    const block = makeBlock(playlist, index, state)
    blocks.push(block)
    state = block.after
  }
  return blocks
}

function makeBlock<T extends { readonly msn: number }>(
  playlist: BlockedPlaylist<T>,
  index: number,
  before: LineState,
): CachedBlock {
  const segments = playlist.segments.slice(index, index + BLOCK_SEGMENTS)
  const { text, state } = playlist.lines(segments, before)
  const plain = Buffer.from(text, 'utf8')
  const { deflated, ...sums } = deflateBlock(plain)
  const memory = Buffer.from(new SharedArrayBuffer(plain.length + deflated.length))
  memory.set(plain)
  memory.set(deflated, plain.length)
  const shared = { text: memory.subarray(0, plain.length), deflated: memory.subarray(plain.length) }
  return { ...sums, ...shared, msn: segments[0]?.msn ?? 0, before, after: state }
}

function isSameState(left: LineState, right: LineState): boolean {
  return left.dsn === right.dsn && left.initUri === right.initUri
}
