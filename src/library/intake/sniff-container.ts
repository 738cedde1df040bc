// Containers whose first bytes name what is inside: RIFF and IFF chunks, ISO files, EBML, Ogg, transport streams.
import { type SniffedType, type } from './sniffed-type.ts'

export function sniffContainer(head: Buffer): SniffedType | null {
  return (
    sniffRiff(head) ??
    sniffBmp(head) ??
    sniffIsoFile(head) ??
    sniffEbml(head) ??
    sniffOgg(head) ??
    sniffTs(head) ??
    sniffZip(head)
  )
}

function word(head: Buffer, at: number, length = 4): string {
  return head.length >= at + length ? head.toString('latin1', at, at + length) : ''
}

function sniffRiff(head: Buffer): SniffedType | null {
  const form = word(head, 8)
  switch (word(head, 0)) {
    case 'RIFF':
    case 'RF64': // EBU Tech 3306: a WAV longer than 4 GiB
    case 'RIFX':
      if (form === 'WAVE') return type('audio', 'wav', 'audio/wav')
      if (form === 'AVI ') return type('video', 'avi', 'video/x-msvideo')
      if (form === 'WEBP') return type('image', 'webp', 'image/webp')
      return null
    case 'riff': // Sony Wave64 begins with a GUID of these letters
      return word(head, 24) === 'wave' ? type('audio', 'w64', 'audio/x-w64') : null
    case 'FORM':
      return form === 'AIFF' || form === 'AIFC' ? type('audio', 'aiff', 'audio/aiff') : null
    default:
      return null
  }
}

/** Two letters are little to go by: the header length must be one that exists. */
function sniffBmp(head: Buffer): SniffedType | null {
  if (word(head, 0, 2) !== 'BM' || head.length < 18) return null
  return [12, 40, 52, 56, 64, 108, 124].includes(head.readUInt32LE(14)) ? type('image', 'bmp', 'image/bmp') : null
}

const MP4 = type('video', 'mp4', 'video/mp4')
const MOV = type('video', 'mov', 'video/quicktime')

/** Brands: https://mp4ra.org/registered-types/brands; the major one decides, then the compatible ones. */
function sniffIsoFile(head: Buffer): SniffedType | null {
  const box = word(head, 4)
  // QuickTime files from before 2001 have no ftyp.
  if (['moov', 'mdat', 'wide', 'free', 'skip', 'pnot'].includes(box)) return isBoxLength(head) ? MOV : null
  if (box === 'styp') return MP4
  if (box !== 'ftyp' || head.length < 12) return null
  const end = Math.min(head.length, Math.max(16, head.readUInt32BE(0)))
  const brands = [word(head, 8)]
  for (let at = 16; at + 4 <= end; at += 4) brands.push(word(head, at))
  const named = brands.map(brandType).find((found) => found !== null)
  return named ?? MP4
}

function isBoxLength(head: Buffer): boolean {
  const length = head.readUInt32BE(0)
  return length === 0 || length === 1 || length >= 8
}

function brandType(brand: string): SniffedType | null {
  switch (brand.trimEnd()) {
    case 'avif':
      return type('image', 'avif', 'image/avif')
    case 'avis':
      return type('image', 'avif', 'image/avif')
    case 'heic':
    case 'heix':
    case 'heim':
    case 'heis':
    case 'hevc':
    case 'hevx':
      return type('image', 'heic', 'image/heic')
    case 'M4A':
    case 'M4B':
    case 'M4P':
      return type('audio', 'm4a', 'audio/mp4')
    case 'qt':
      return MOV
    case '3gp4':
    case '3gp5':
    case '3gp6':
    case '3g2a':
      return type('video', '3gp', 'video/3gpp')
    case 'crx':
      return type('image', 'cr3', 'image/x-canon-cr3')
    case 'isom':
    case 'iso2':
    case 'iso4':
    case 'iso5':
    case 'iso6':
    case 'mp41':
    case 'mp42':
    case 'M4V':
    case 'avc1':
    case 'dash':
    case 'cmfc':
      return MP4
    default:
      return null
  }
}

/** RFC 8794: the DocType element (0x4282) in the EBML header. */
function sniffEbml(head: Buffer): SniffedType | null {
  if (word(head, 0) !== '\x1a\x45\xdf\xa3') return null
  const at = head.subarray(0, 128).indexOf(Buffer.from([0x42, 0x82]))
  const length = (head[at + 2] ?? 0) & 0x7f
  const docType = at < 0 ? '' : word(head, at + 3, length).replace(/\0+$/, '')
  if (docType === 'webm') return type('video', 'webm', 'video/webm')
  return docType === 'matroska' ? type('video', 'mkv', 'video/matroska') : null
}

/** RFC 3533: every logical stream begins with a page of its own, before any data; pictures make it a video. */
function sniffOgg(head: Buffer): SniffedType | null {
  if (word(head, 0) !== 'OggS') return null
  let at = 0
  while (word(head, at) === 'OggS' && ((head[at + 5] ?? 0) & 2) !== 0) {
    const segments = head[at + 26] ?? 0
    const body = at + 27 + segments
    if (word(head, body, 7) === '\x80theora' || word(head, body, 5) === 'BBCD\0')
      return type('video', 'ogv', 'video/ogg')
    at = body + head.subarray(at + 27, body).reduce((sum, length) => sum + length, 0)
  }
  return type('audio', 'ogg', 'audio/ogg')
}

/** ISO/IEC 13818-1: packets of 188 bytes, or of 192 with a time before each (M2TS). */
function sniffTs(head: Buffer): SniffedType | null {
  for (const [offset, packetBytes] of [
    [0, 188],
    [4, 192],
  ] as const) {
    const syncs = [0, 1, 2].map((n) => offset + n * packetBytes)
    if (syncs.every((at) => head[at] === 0x47)) return type('video', 'ts', 'video/mp2t')
  }
  return null
}

/** APPNOTE.TXT 4.3.7. Office files and books are ZIPs whose first entry says so; of others only that they are ZIPs. */
function sniffZip(head: Buffer): SniffedType | null {
  if (word(head, 0) !== 'PK\x03\x04' || head.length < 30) return null
  const name = word(head, 30, head.readUInt16LE(26))
  const content = head.toString('latin1', 30 + head.readUInt16LE(26) + head.readUInt16LE(28)).slice(0, 80)
  if (name === 'mimetype' && content.startsWith('application/epub+zip')) {
    return type('document', 'epub', 'application/epub+zip')
  }
  const [, openDocument] =
    /^application\/vnd\.oasis\.opendocument\.(text|spreadsheet|presentation)(?!-)/.exec(content) ?? []
  if (name === 'mimetype' && openDocument !== undefined) {
    const format = { text: 'odt', spreadsheet: 'ods', presentation: 'odp' }[openDocument] ?? 'odf'
    return type('document', format, `application/vnd.oasis.opendocument.${openDocument}`)
  }
  if (name === '[Content_Types].xml') return type('document', 'ooxml', 'application/zip')
  return type('other', 'zip', 'application/zip')
}
