// A sink that keeps everything a demuxer finds, in order.
import type { Demuxer, DemuxSink, InputSample, InputTrack, Repair } from '../../src/media/samples.ts'

export class DemuxRecorder implements DemuxSink {
  readonly tracks: InputTrack[] = []
  readonly known: (readonly string[])[] = []
  readonly samples: InputSample[] = []
  readonly repairs: Repair[] = []
  /** The track of each picture that came before the first keyframe. */
  readonly keyframesAwaited: string[] = []

  onTrack(track: InputTrack): void {
    this.tracks.push(track)
  }

  onTracksKnown(trackIds: readonly string[]): void {
    this.known.push(trackIds)
  }

  onSample(sample: InputSample): void {
    this.samples.push(sample)
  }

  onKeyframeAwaited(trackId: string): void {
    this.keyframesAwaited.push(trackId)
  }

  onRepair(repair: Repair): void {
    this.repairs.push(repair)
  }

  of(trackId: string): InputSample[] {
    return this.samples.filter((sample) => sample.trackId === trackId)
  }

  config(trackId: string): InputTrack['config'] {
    const track = this.tracks.find(({ id }) => id === trackId)
    if (track === undefined) throw new Error(`no track ${trackId}`)
    return track.config
  }
}

/** Feeds `bytes` in the given chunk sizes by turns. Each chunk is a copy: a demuxer owns what it is given. */
export function demuxInChunks(
  create: (sink: DemuxSink) => Demuxer,
  bytes: Uint8Array,
  chunkBytes: readonly number[] = [65_536],
): DemuxRecorder {
  const recorder = new DemuxRecorder()
  const demuxer = create(recorder)
  let at = 0
  for (let turn = 0; at < bytes.length; turn += 1) {
    const size = Math.max(1, chunkBytes[turn % chunkBytes.length] ?? 1)
    demuxer.push(bytes.slice(at, at + size))
    at += size
  }
  demuxer.end()
  return recorder
}
