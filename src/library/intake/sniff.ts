// What a file is, told from its first bytes. Names, extensions and declared types are never asked: they are whatever
// the sender wrote. Signatures: the specifications of the formats, and https://mimesniff.spec.whatwg.org for text.
import { sniffContainer } from './sniff-container.ts'
import { sniffText } from './sniff-text.ts'
import { type SniffedType, type, UNKNOWN_TYPE } from './sniffed-type.ts'

/** How many of the first bytes are worth keeping for `sniffType`; it works with fewer, and knows less then. */
export const SNIFF_BYTES = 8_192

/** Never throws: what cannot be recognised is `other`, `bin`. */
export function sniffType(head: Uint8Array): SniffedType {
  const bytes = Buffer.from(head.buffer, head.byteOffset, Math.min(head.byteLength, SNIFF_BYTES))
  if (bytes.length === 0) return UNKNOWN_TYPE
  const { bytes: behindTag, isTagged } = behindId3(bytes)
  return (
    SIGNATURES.find((one) => matches(bytes, one))?.is ??
    sniffContainer(bytes) ??
    sniffFrames(behindTag, isTagged) ??
    sniffText(bytes) ??
    UNKNOWN_TYPE
  )
}

interface Signature {
  readonly at: number
  readonly bytes: string
  readonly is: SniffedType
}

/** `bytes` are latin-1. Order matters only where one is the start of another. */
const SIGNATURES: readonly Signature[] = [
  sign('\xff\xd8\xff', type('image', 'jpeg', 'image/jpeg')),
  sign('\x89PNG\r\n\x1a\n', type('image', 'png', 'image/png')),
  sign('GIF87a', type('image', 'gif', 'image/gif')),
  sign('GIF89a', type('image', 'gif', 'image/gif')),
  sign('II*\0', type('image', 'tiff', 'image/tiff')),
  sign('MM\0*', type('image', 'tiff', 'image/tiff')),
  sign('II+\0', type('image', 'tiff', 'image/tiff')),
  sign('MM\0+', type('image', 'tiff', 'image/tiff')),
  sign('\0\0\0\x0cJXL \r\n\x87\n', type('image', 'jxl', 'image/jxl')),
  sign('\xff\x0a', type('image', 'jxl', 'image/jxl')),
  sign('\0\0\0\x0cjP  \r\n\x87\n', type('image', 'jp2', 'image/jp2')),
  sign('8BPS\0', type('image', 'psd', 'image/vnd.adobe.photoshop')),
  sign('\0\0\x01\0', type('image', 'ico', 'image/x-icon')),
  sign('fLaC', type('audio', 'flac', 'audio/flac')),
  sign('#!AMR', type('audio', 'amr', 'audio/amr')),
  sign('.snd\0\0\0', type('audio', 'au', 'audio/basic')),
  sign('caff\0\x01\0\0', type('audio', 'caf', 'audio/x-caf')),
  sign('wvpk', type('audio', 'wv', 'audio/wavpack')),
  sign('MThd\0\0\0\x06', type('audio', 'midi', 'audio/midi')),
  sign('FLV\x01', type('video', 'flv', 'video/x-flv')),
  sign('\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9', type('video', 'asf', 'video/x-ms-asf')),
  sign('\0\0\x01\xba', type('video', 'mpg', 'video/mpeg')),
  sign('\0\0\x01\xb3', type('video', 'mpg', 'video/mpeg')),
  sign('\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02', type('video', 'mxf', 'application/mxf')),
  sign('%PDF-', type('document', 'pdf', 'application/pdf')),
  sign('\xef\xbb\xbf%PDF-', type('document', 'pdf', 'application/pdf')),
  sign('%!PS', type('document', 'ps', 'application/postscript', true)),
  sign('{\\rtf', type('document', 'rtf', 'application/rtf')),
  sign('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', type('document', 'ole', 'application/x-ole-storage')),
  sign('PK\x05\x06', type('other', 'zip', 'application/zip')),
  sign('\x1f\x8b\x08', type('other', 'gz', 'application/gzip')),
  sign('1AY&SY', type('other', 'bz2', 'application/x-bzip2'), 4),
  sign('\xfd7zXZ\0', type('other', 'xz', 'application/x-xz')),
  sign('\x28\xb5\x2f\xfd', type('other', 'zst', 'application/zstd')),
  sign('7z\xbc\xaf\x27\x1c', type('other', '7z', 'application/x-7z-compressed')),
  sign('Rar!\x1a\x07', type('other', 'rar', 'application/vnd.rar')),
  sign('\x7fELF', type('other', 'elf', 'application/octet-stream')),
  sign('ustar', type('other', 'tar', 'application/x-tar'), 257),
]

function sign(bytes: string, is: SniffedType, at = 0): Signature {
  return { at, bytes, is }
}

function matches(head: Buffer, { at, bytes }: Signature): boolean {
  return head.length >= at + bytes.length && head.toString('latin1', at, at + bytes.length) === bytes
}

/** An ID3v2 tag stands before MP3, and sometimes before ADTS or FLAC. Its length is four times seven bits. */
function behindId3(head: Buffer): { readonly bytes: Buffer; readonly isTagged: boolean } {
  const isTagged = head.length >= 10 && head.toString('latin1', 0, 3) === 'ID3' && (head[3] ?? 255) < 5
  if (!isTagged) return { bytes: head, isTagged }
  const lengthBytes = [6, 7, 8, 9].reduce((sum, at) => sum * 128 + ((head[at] ?? 0) & 127), 0)
  return { bytes: head.subarray(Math.min(head.length, 10 + lengthBytes)), isTagged }
}

const MP3 = type('audio', 'mp3', 'audio/mpeg')
const AAC = type('audio', 'aac', 'audio/aac')

/** Formats without a header of their own: frames that follow each other, each saying how long it is. */
function sniffFrames(head: Buffer, isTagged: boolean): SniffedType | null {
  if (isFrameRun(head, adtsFrameBytes)) return AAC
  if (isFrameRun(head, mpegAudioFrameBytes)) return MP3
  if (isFrameRun(head, ac3FrameBytes)) return type('audio', 'ac3', 'audio/ac3')
  if (head.toString('latin1', 0, 4) === 'fLaC') return type('audio', 'flac', 'audio/flac')
  // A tag with a picture can be longer than what was kept, or leave no room for three frames; MP3 is what carries it.
  return isTagged && (head.length < 4 || mpegAudioFrameBytes(head, 0) > 0) ? MP3 : null
}

/** Two whole frames and the start of a third; of a shorter file, frames to its very end. */
function isFrameRun(head: Buffer, frameBytes: (head: Buffer, at: number) => number): boolean {
  let at = 0
  for (let frames = 0; frames < 3; frames++) {
    if (frames > 0 && at >= head.length) return at === head.length || frames === 2
    const length = frameBytes(head, at)
    if (length <= 0) return false
    at += length
  }
  return true
}

/** ISO/IEC 13818-7, 6.2. */
function adtsFrameBytes(head: Buffer, at: number): number {
  if (head.length < at + 7 || head[at] !== 0xff || ((head[at + 1] ?? 0) & 0xf6) !== 0xf0) return 0
  const length = (((head[at + 3] ?? 0) & 3) << 11) | ((head[at + 4] ?? 0) << 3) | ((head[at + 5] ?? 0) >> 5)
  return length > 7 ? length : 0
}

/** kbit/s, ISO/IEC 11172-3 2.4.2.3 and 13818-3 2.4.2.3; index 0 (free format) and 15 are not taken. */
const BIT_RATES = {
  '1-1': [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  '1-2': [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  '1-3': [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  '2-1': [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
  '2-2': [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
} as const
const SAMPLE_RATES = [44_100, 48_000, 32_000] as const

function mpegAudioFrameBytes(head: Buffer, at: number): number {
  const [sync = 0, flags = 0, rates = 0] = head.subarray(at, at + 4)
  if (head.length < at + 4 || sync !== 0xff || (flags & 0xe0) !== 0xe0) return 0
  const version = (flags >> 3) & 3 // 0: MPEG-2.5, 2: MPEG-2, 3: MPEG-1
  const layer = 4 - ((flags >> 1) & 3)
  const sampleRate = SAMPLE_RATES[(rates >> 2) & 3]
  if (version === 1 || layer === 4 || sampleRate === undefined) return 0
  const table = version === 3 ? BIT_RATES[`1-${layer as 1 | 2 | 3}`] : BIT_RATES[layer === 1 ? '2-1' : '2-2']
  const kbps = table[(rates >> 4) - 1]
  if (kbps === undefined) return 0
  const hz = sampleRate / (version === 3 ? 1 : version === 2 ? 2 : 4)
  const padding = (rates >> 1) & 1
  if (layer === 1) return (Math.floor((12_000 * kbps) / hz) + padding) * 4
  return Math.floor(((layer === 3 && version !== 3 ? 72_000 : 144_000) * kbps) / hz) + padding
}

/** ATSC A/52 table 5.18; only that the next frame begins there matters. */
function ac3FrameBytes(head: Buffer, at: number): number {
  if (head.length < at + 5 || head[at] !== 0x0b || head[at + 1] !== 0x77) return 0
  const code = head[at + 4] ?? 0
  const kbps = AC3_KBPS[(code & 63) >> 1]
  if (kbps === undefined) return 0
  switch (code >> 6) {
    case 0:
      return kbps * 4
    case 1:
      return 2 * (Math.floor((kbps * 320) / 147) + (code & 1))
    case 2:
      return kbps * 6
    default:
      return 0
  }
}
const AC3_KBPS = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640]
