// Bodies of audio and video tags: FLV 10.1 E.4.2 and E.4.3, Enhanced RTMP v2 "Enhancing Audio" and "Enhancing Video".
import { MirrorError } from '../../core/errors.ts'
import { ByteReader } from '../codecs/byte-reader.ts'
import type { AudioCodec, VideoCodec } from '../samples.ts'

/** What a tag carries for one track. `trackIndex` is the E-RTMP track id, 0 outside multitrack. */
export interface FlvMessage {
  readonly codec: VideoCodec | AudioCodec
  readonly trackIndex: number
  /** `config`: a sequence header. */
  readonly kind: 'config' | 'frames'
  /** Of the tag's frame type; always true for audio. */
  readonly isKeyframe: boolean
  readonly compositionOffsetMs: number
  readonly payload: Uint8Array
}

const LEGACY_VIDEO = ['', 'JPEG', 'Sorenson H.263', 'Screen video', 'On2 VP6', 'On2 VP6 with alpha', 'Screen video 2']
const LEGACY_AVC = 7
const LEGACY_AUDIO = [
  'linear PCM',
  'ADPCM',
  'MP3',
  'linear PCM',
  'Nellymoser 16 kHz',
  'Nellymoser 8 kHz',
  'Nellymoser',
  'G.711 A-law',
  'G.711 mu-law',
  '',
  'AAC',
  'Speex',
  '',
  '',
  'MP3 8 kHz',
  'device specific sound',
]
const LEGACY_AAC = 10
const EX_AUDIO = 9

const VIDEO_FOURCC: Readonly<Record<string, VideoCodec>> = { avc1: 'h264', hvc1: 'hevc', av01: 'av1' }
const AUDIO_FOURCC: Readonly<Record<string, AudioCodec>> = { mp4a: 'aac', Opus: 'opus' }

const FRAME_TYPE_KEY = 1
const FRAME_TYPE_COMMAND = 5

const SEQUENCE_START = 0
const CODED_FRAMES = 1
const CODED_FRAMES_X = 3
const VIDEO_METADATA = 4
const AUDIO_MULTITRACK = 5
const VIDEO_MULTITRACK = 6
const MOD_EX = 7

const ONE_TRACK = 0
const MANY_TRACKS_MANY_CODECS = 2

/** Throws `ingest_codec_unsupported` naming the codec, `ingest_malformed` when the body ends early. */
export function parseVideoBody(body: Uint8Array): readonly FlvMessage[] {
  if (body.length === 0) return []
  const reader = new ByteReader(body, 'an FLV video tag')
  const first = reader.u8()
  if ((first & 0x80) !== 0) return parseExVideo(reader, first)
  const frameType = first >>> 4
  if (frameType === FRAME_TYPE_COMMAND) return []
  const codecId = first & 0x0f
  if (codecId !== LEGACY_AVC) throw unsupported('video', LEGACY_VIDEO[codecId] || `FLV codec id ${codecId}`)
  const packetType = reader.u8()
  const compositionOffsetMs = reader.s24()
  if (packetType > 1) return [] // end of sequence
  return [
    {
      codec: 'h264',
      trackIndex: 0,
      kind: packetType === 0 ? 'config' : 'frames',
      isKeyframe: frameType === FRAME_TYPE_KEY,
      compositionOffsetMs,
      payload: reader.rest(),
    },
  ]
}

export function parseAudioBody(body: Uint8Array): readonly FlvMessage[] {
  if (body.length === 0) return []
  const reader = new ByteReader(body, 'an FLV audio tag')
  const first = reader.u8()
  const format = first >>> 4
  if (format === EX_AUDIO) return parseExAudio(reader, first & 0x0f)
  if (format !== LEGACY_AAC) throw unsupported('audio', LEGACY_AUDIO[format] || `FLV sound format ${format}`)
  const packetType = reader.u8()
  if (packetType > 1) return []
  return audioMessage('aac', 0, packetType === 0 ? SEQUENCE_START : CODED_FRAMES, reader.rest())
}

function parseExVideo(reader: ByteReader, first: number): readonly FlvMessage[] {
  const frameType = (first >>> 4) & 7
  const packetType = skipModifiers(reader, first & 0x0f)
  // With metadata there is no command, whatever the frame type says.
  if (frameType === FRAME_TYPE_COMMAND && packetType !== VIDEO_METADATA) return []
  return parseTracks(reader, packetType, VIDEO_MULTITRACK, (fourCc, trackIndex, type, payload) =>
    videoMessage(videoCodec(fourCc), trackIndex, type, frameType === FRAME_TYPE_KEY, payload),
  )
}

function parseExAudio(reader: ByteReader, first: number): readonly FlvMessage[] {
  const packetType = skipModifiers(reader, first)
  return parseTracks(reader, packetType, AUDIO_MULTITRACK, (fourCc, trackIndex, type, payload) =>
    audioMessage(audioCodec(fourCc), trackIndex, type, payload),
  )
}

/** ModEx prefixes (for example a nanosecond offset, finer than any clock here) are read over. Returns the real packet type. */
function skipModifiers(reader: ByteReader, packetType: number): number {
  let type = packetType
  while (type === MOD_EX) {
    let sizeBytes = reader.u8() + 1
    if (sizeBytes === 256) sizeBytes = reader.u16() + 1
    reader.view(sizeBytes)
    type = reader.u8() & 0x0f
  }
  return type
}

type ToMessages = (fourCc: string, trackIndex: number, type: number, payload: Uint8Array) => readonly FlvMessage[]

function parseTracks(
  reader: ByteReader,
  packetType: number,
  multitrackType: number,
  toMessages: ToMessages,
): readonly FlvMessage[] {
  if (packetType !== multitrackType) return toMessages(reader.fourCc(), 0, packetType, reader.rest())

  const layoutAndType = reader.u8()
  const layout = layoutAndType >>> 4
  const innerType = layoutAndType & 0x0f
  if (layout > MANY_TRACKS_MANY_CODECS) return [] // of a later version
  let fourCc = layout === MANY_TRACKS_MANY_CODECS ? '' : reader.fourCc()
  const messages: FlvMessage[] = []
  do {
    if (layout === MANY_TRACKS_MANY_CODECS) fourCc = reader.fourCc()
    const trackIndex = reader.u8()
    const payload = layout === ONE_TRACK ? reader.rest() : reader.view(reader.u24())
    messages.push(...toMessages(fourCc, trackIndex, innerType, payload))
  } while (reader.left > 0)
  return messages
}

function videoMessage(
  codec: VideoCodec,
  trackIndex: number,
  packetType: number,
  isKeyframe: boolean,
  payload: Uint8Array,
): readonly FlvMessage[] {
  const message = { codec, trackIndex, isKeyframe, compositionOffsetMs: 0, payload }
  if (packetType === SEQUENCE_START) return [{ ...message, kind: 'config' }]
  if (packetType === CODED_FRAMES_X) return [{ ...message, kind: 'frames' }]
  if (packetType !== CODED_FRAMES) return [] // end of sequence, metadata
  if (codec === 'av1') return [{ ...message, kind: 'frames' }]
  const reader = new ByteReader(payload, 'an FLV video tag')
  return [{ ...message, kind: 'frames', compositionOffsetMs: reader.s24(), payload: reader.rest() }]
}

function audioMessage(
  codec: AudioCodec,
  trackIndex: number,
  packetType: number,
  payload: Uint8Array,
): readonly FlvMessage[] {
  if (packetType !== SEQUENCE_START && packetType !== CODED_FRAMES) return []
  const kind = packetType === SEQUENCE_START ? 'config' : 'frames'
  return [{ codec, trackIndex, kind, isKeyframe: true, compositionOffsetMs: 0, payload }]
}

function videoCodec(fourCc: string): VideoCodec {
  const codec = Object.hasOwn(VIDEO_FOURCC, fourCc) ? VIDEO_FOURCC[fourCc] : undefined
  if (codec === undefined) throw unsupported('video', printable(fourCc))
  return codec
}

function audioCodec(fourCc: string): AudioCodec {
  const codec = Object.hasOwn(AUDIO_FOURCC, fourCc) ? AUDIO_FOURCC[fourCc] : undefined
  if (codec === undefined) throw unsupported('audio', printable(fourCc))
  return codec
}

function printable(fourCc: string): string {
  return fourCc.replaceAll(/[^ -~]/g, '?')
}

function unsupported(kind: 'video' | 'audio', codec: string): MirrorError {
  return new MirrorError('ingest_codec_unsupported', `the ${kind} codec ${codec} is not supported over RTMP`, {
    details: { codec },
  })
}
