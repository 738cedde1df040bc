// HEVC as Enhanced RTMP carries it: ffmpeg 5.1 cannot write it, so a fragmented MP4 is turned into FLV tags here.
import { Fmp4Demuxer } from '../../src/media/fmp4/demuxer.ts'
import { demuxInChunks } from './demux-recorder.ts'

const FLV_HEADER = Uint8Array.of(0x46, 0x4c, 0x56, 1, 5, 0, 0, 0, 9, 0, 0, 0, 0)
const FLV_AUDIO = 8
const FLV_VIDEO = 9
/** Enhanced RTMP v1: IsExHeader, frame type, packet type. */
const SEQUENCE_START = 0x90
const KEY_CODED_FRAMES = 0x91
const INTER_CODED_FRAMES = 0xa1
const AAC_SEQUENCE_HEADER = [0xaf, 0]
const AAC_RAW = [0xaf, 1]

interface Tag {
  readonly type: number
  readonly timestampMs: number
  readonly body: Buffer
}

/** Video `v0` (HEVC) and audio `a0` (AAC) of a fragmented MP4 as an FLV file. */
export function enhancedFlv(fragmentedMp4: Uint8Array): Uint8Array {
  const found = demuxInChunks((sink) => new Fmp4Demuxer(sink, { maxBoxBytes: 2 ** 25 }), fragmentedMp4)
  const timescaleOf = (id: string) => found.tracks.find((track) => track.id === id)?.clock.ticksPerSec ?? 1
  const videoScale = timescaleOf('v0')
  const audioScale = timescaleOf('a0')
  // B-frames let decoding begin before zero, which FLV cannot say.
  const startMs = Math.min(0, ((found.of('v0')[0]?.dts ?? 0) * 1000) / videoScale)
  const fourCc = Buffer.from('hvc1')
  const tags: Tag[] = found.of('v0').map(({ dts, cto, isKeyframe, data }) => {
    const offset = Buffer.alloc(3)
    offset.writeIntBE(Math.round((cto * 1000) / videoScale), 0, 3)
    const head = Buffer.of(isKeyframe ? KEY_CODED_FRAMES : INTER_CODED_FRAMES)
    return {
      type: FLV_VIDEO,
      timestampMs: Math.round((dts * 1000) / videoScale - startMs),
      body: Buffer.concat([head, fourCc, offset, data]),
    }
  })
  for (const { dts, data } of found.of('a0')) {
    const timestampMs = Math.max(0, Math.round((dts * 1000) / audioScale - startMs))
    tags.push({ type: FLV_AUDIO, timestampMs, body: Buffer.concat([Buffer.from(AAC_RAW), data]) })
  }
  const video = Buffer.concat([Buffer.of(SEQUENCE_START), fourCc, recordOf(found.config('v0'))])
  const audio = Buffer.concat([Buffer.from(AAC_SEQUENCE_HEADER), recordOf(found.config('a0'))])
  return Buffer.concat([
    FLV_HEADER,
    flvTag({ type: FLV_VIDEO, timestampMs: 0, body: video }),
    flvTag({ type: FLV_AUDIO, timestampMs: 0, body: audio }),
    ...tags.toSorted((a, b) => a.timestampMs - b.timestampMs).map(flvTag),
  ])
}

function recordOf(config: { readonly configRecord: Uint8Array }): Uint8Array {
  return config.configRecord
}

function flvTag({ type, timestampMs, body }: Tag): Buffer {
  const head = Buffer.alloc(11)
  head.writeUInt8(type, 0)
  head.writeUIntBE(body.length, 1, 3)
  head.writeUIntBE(timestampMs & 0xffffff, 4, 3)
  head.writeUInt8(timestampMs >>> 24, 7)
  const size = Buffer.alloc(4)
  size.writeUInt32BE(head.length + body.length)
  return Buffer.concat([head, body, size])
}
