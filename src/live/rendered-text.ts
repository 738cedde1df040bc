// Texts as they are sent: rendered and compressed once, shared by every request.
import { gzipSync } from 'node:zlib'
import type { PlaylistPieces } from '../hls/playlist-blocks.ts'
import { NO_SKIP, type Skip, skippableSegments } from '../hls/playlist-lines.ts'
import type { RenderedPlaylist, RenderedText } from './publication.ts'

/** The forms in which a playlist is served. */
export function renderings(
  playlist: Parameters<typeof skippableSegments>[0],
  render: (skip: Skip) => string,
  whole: PlaylistPieces | null = null,
): Pick<RenderedPlaylist, 'full' | 'delta' | 'deltaV2'> {
  const segments = skippableSegments(playlist)
  return {
    full: whole === null ? compress(render(NO_SKIP)) : { plain: whole.plain(), gzip: whole.gzip() },
    delta: segments > 0 ? compress(render({ segments, isV2: false })) : null,
    deltaV2: segments > 0 ? compress(render({ segments, isV2: true })) : null,
  }
}

/** Level 6 costs 0.1 ms on a 30 s window and is paid once per update. */
export function compress(text: string): RenderedText {
  const plain = Buffer.from(text, 'utf8')
  return { plain, gzip: gzipSync(plain, { level: 6 }) }
}
