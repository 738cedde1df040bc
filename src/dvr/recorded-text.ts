// Long playlists of recordings, compressed: what an hour index says is rendered and compressed once, as long as the index
// is kept; only the ends cost anything when the playlist is asked for again, by anybody and from whatever moment.
import { assembleGzip, type DeflatedBlock, deflateBlock } from '../hls/gzip-blocks.ts'
import {
  type RecordedPlaylistSegment,
  type RecordedState,
  recordedEnd,
  recordedHead,
  recordedLines,
  recordedStart,
  recordedVersion,
} from '../hls/recorded-playlist.ts'
import { gapsBetween, type Listed, type RecordedType } from './recorded-presentation.ts'
import { isGap, type RecordedSegment } from './recorded-segment.ts'
import { segmentExtension, type TrackFacts } from './track-facts.ts'

/** Segments in order; those of a whole hour are the same array as long as nothing changes there. */
export type Spans = readonly (readonly RecordedSegment[])[]

interface PieceState extends RecordedState {
  /** The segment before; null at the start. */
  readonly previous: Listed | null
}

interface Piece extends DeflatedBlock {
  readonly extension: string
  readonly before: PieceState
  readonly after: PieceState
}

export class RecordedTexts {
  /** Gone together with the index. */
  readonly #pieces = new WeakMap<readonly RecordedSegment[], Piece>()

  /** The playlist of one track as gzip. */
  gzip(
    { facts, spans }: { readonly facts: TrackFacts; readonly spans: Spans },
    { type, isEnded, isDated }: { readonly type: RecordedType; readonly isEnded: boolean; readonly isDated: boolean },
  ): Uint8Array {
    const first = spans[0]?.[0] ?? null
    // What has no time of day is an asset: all of it is there.
    const version = recordedVersion({ mayHaveGaps: isDated, hasInit: facts.kind !== 'subtitles' })
    const head = recordedHead({ type, targetDurationSec: facts.targetDurationSec }, first, version)
    const blocks: DeflatedBlock[] = [deflateBlock(Buffer.from(head))]
    let state: PieceState = { ...recordedStart(first, isDated), previous: null }
    for (const span of spans) {
      const piece = this.#piece(span, facts, state)
      blocks.push(piece)
      state = piece.after
    }
    return assembleGzip(blocks, Buffer.from(recordedEnd({ isEnded })))
  }

  #piece(span: readonly RecordedSegment[], facts: TrackFacts, before: PieceState): Piece {
    const extension = segmentExtension(facts)
    const known = this.#pieces.get(span)
    if (known !== undefined && known.extension === extension && isSame(known.before, before)) return known
    const { text, state } = recordedLines(linesOf(span, facts, before.previous), before)
    const after = { ...state, previous: span.at(-1) ?? before.previous }
    const piece: Piece = { ...deflateBlock(Buffer.from(text)), extension, before, after }
    this.#pieces.set(span, piece)
    return piece
  }
}

/** With a gap for every number that is missing. */
function* linesOf(
  span: readonly Listed[],
  facts: TrackFacts,
  before: Listed | null,
): Generator<RecordedPlaylistSegment, void, void> {
  const extension = segmentExtension(facts)
  let previous = before
  for (const segment of span) {
    if (previous !== null && segment.msn !== previous.msn + 1) {
      for (const gap of gapsBetween(previous, segment, facts)) yield lined(gap, extension)
    }
    yield lined(segment, extension)
    previous = segment
  }
}

function lined(segment: Listed, extension: string): RecordedPlaylistSegment {
  const { msn, dsn, startsAtMs, durationSec, initName } = segment
  return { msn, dsn, startsAtMs, durationSec, uri: `${msn}.${extension}`, initUri: initName, isGap: isGap(segment) }
}

/** Of the segment before, gaps need only where it ends. */
function isSame(left: PieceState, right: PieceState): boolean {
  return (
    left.dsn === right.dsn &&
    left.initUri === right.initUri &&
    Object.is(left.expectedMs, right.expectedMs) &&
    left.previous?.msn === right.previous?.msn &&
    left.previous?.startsAtMs === right.previous?.startsAtMs &&
    left.previous?.durationSec === right.previous?.durationSec &&
    left.previous?.initName === right.previous?.initName
  )
}
