// Texts as they are sent: rendered and compressed once, shared by every request.
import { gzipSync } from 'node:zlib'
import { MirrorError } from '../core/errors.ts'
import { BLOCK_SEGMENTS, gzipOf, type PlaylistBlock, type PlaylistPieces, plainOf } from '../hls/playlist-blocks.ts'
import { NO_SKIP, type Skip, skippableSegments } from '../hls/playlist-lines.ts'
import type { BlockedText, RenderedPlaylist, RenderedText } from './publication.ts'

/** The forms in which a playlist is served. */
export function renderings(
  playlist: Parameters<typeof skippableSegments>[0],
  render: (skip: Skip) => string,
  whole: PlaylistPieces | null = null,
): Pick<RenderedPlaylist, 'full' | 'delta' | 'deltaV2'> {
  const segments = skippableSegments(playlist)
  return {
    full: whole === null ? compress(render(NO_SKIP)) : fullOf(whole),
    delta: segments > 0 ? compress(render({ segments, isV2: false })) : null,
    deltaV2: segments > 0 ? compress(render({ segments, isV2: true })) : null,
  }
}

/** A short playlist is made ready once for all; a long one is put together where it is asked for, which is seldom. */
function fullOf(whole: PlaylistPieces): RenderedText | BlockedText {
  const [oldest] = whole.blocks
  if (oldest === undefined) return { plain: plainOf(whole), gzip: gzipOf(whole) }
  return { first: whole.first, blocksFromMsn: oldest.msn, blocks: whole.blocks.length, last: whole.last }
}

/** The full text of a playlist of blocks; each form is made once, when it is asked for. */
export class AssembledText implements RenderedText {
  readonly #text: BlockedText
  readonly #blocks: ReadonlyMap<number, PlaylistBlock>
  #plain: Uint8Array | null = null
  #gzip: Uint8Array | null = null

  /** `blocks` by number: those that were published, as long as this is the newest playlist. */
  constructor(text: BlockedText, blocks: ReadonlyMap<number, PlaylistBlock>) {
    this.#text = text
    this.#blocks = blocks
  }

  get plain(): Uint8Array {
    this.#plain ??= plainOf(this.#pieces())
    return this.#plain
  }

  get gzip(): Uint8Array {
    this.#gzip ??= gzipOf(this.#pieces())
    return this.#gzip
  }

  #pieces(): PlaylistPieces {
    const { first, blocksFromMsn, blocks, last } = this.#text
    const found = Array.from({ length: blocks }, (_, index) => {
      const block = this.#blocks.get(blocksFromMsn + index * BLOCK_SEGMENTS)
      if (block === undefined) throw new MirrorError('internal', 'a block of a playlist was not published')
      return block
    })
    return { first, blocks: found, last }
  }
}

/** Level 6 costs 0.1 ms on a 30 s window and is paid once per update. */
export function compress(text: string): RenderedText {
  const plain = Buffer.from(text, 'utf8')
  return { plain, gzip: gzipSync(plain, { level: 6 }) }
}
