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

export interface PlaylistPieces {
  plain(): Buffer
  gzip(): Buffer
}

interface CachedBlock extends DeflatedBlock {
  readonly text: Buffer
  readonly before: LineState
  readonly after: LineState
}

/** Of one playlist over time. */
export class PlaylistBlocks<T extends { readonly msn: number }> {
  #cached = new Map<number, CachedBlock>()

  get cachedBlocks(): number {
    return this.#cached.size
  }

  /** The playlist as it is now; each form is made when it is asked for. */
  update(playlist: BlockedPlaylist<T>): PlaylistPieces {
    const { segments, firstInTail } = playlist
    const firstMsn = segments[0]?.msn ?? 0
    // The first segment stands in no block: it says what those behind it only inherit.
    let index = Math.min(firstInTail, BLOCK_SEGMENTS - (firstMsn % BLOCK_SEGMENTS))
    const head = playlist.lines(segments.slice(0, index), playlist.startState)
    let state = head.state
    const blocks: CachedBlock[] = []
    const kept = new Map<number, CachedBlock>()
    for (; index + BLOCK_SEGMENTS <= firstInTail; index += BLOCK_SEGMENTS) {
      const block = this.#block(playlist, index, state)
      blocks.push(block)
      kept.set(firstMsn + index, block)
      state = block.after
    }
    this.#cached = kept
    const rest = playlist.lines(segments.slice(index, firstInTail), state)
    const first = Buffer.from(playlist.head + head.text, 'utf8')
    const last = Buffer.from(rest.text + playlist.tail(rest.state), 'utf8')
    return {
      plain: () => Buffer.concat([first, ...blocks.map(({ text }) => text), last]),
      gzip: () =>
        blocks.length === 0
          ? assembleGzip([], Buffer.concat([first, last]))
          : assembleGzip([deflateBlock(first), ...blocks], last),
    }
  }

  #block(playlist: BlockedPlaylist<T>, index: number, before: LineState): CachedBlock {
    const { segments } = playlist
    const known = this.#cached.get((segments[0]?.msn ?? 0) + index)
    if (known !== undefined && known.before.dsn === before.dsn && known.before.initUri === before.initUri) return known
    const { text, state } = playlist.lines(segments.slice(index, index + BLOCK_SEGMENTS), before)
    const bytes = Buffer.from(text, 'utf8')
    return { ...deflateBlock(bytes), text: bytes, before, after: state }
  }
}
