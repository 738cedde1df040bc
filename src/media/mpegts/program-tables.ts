// PAT and PMT: ISO 13818-1 2.4.4.3 and 2.4.4.8. Sections come with a right CRC.
import { languageTag } from '../codecs/language-tag.ts'
import type { TrackRole } from '../track-role.ts'

export interface Program {
  readonly number: number
  readonly mapPid: number
}

export interface ElementaryStream {
  readonly pid: number
  readonly streamType: number
  /** Null for what cannot be published. */
  readonly codec: 'h264' | 'hevc' | 'aac' | 'opus' | null
  readonly language: string
  readonly role: TrackRole | null
  /** Of the Opus extension descriptor; 2 when there is none. */
  readonly opusChannels: number
  /** What subtitles or pages a stream of private data holds; null when nothing says so. */
  readonly privateData: string | null
}

const PAT_TABLE_ID = 0
const PMT_TABLE_ID = 2

/** Programs in order, without the network PID; null when the section is no current PAT. */
export function parseProgramAssociation(section: Uint8Array): readonly Program[] | null {
  if (section[0] !== PAT_TABLE_ID || section.length < 12 || !isCurrent(section)) return null
  const programs: Program[] = []
  for (let at = 8; at + 4 <= section.length - 4; at += 4) {
    const number = u16(section, at)
    if (number !== 0) programs.push({ number, mapPid: u16(section, at + 2) & 0x1fff })
  }
  return programs
}

/** Null when the section is no current PMT of this program. */
export function parseProgramMap(section: Uint8Array, programNumber: number): readonly ElementaryStream[] | null {
  if (section[0] !== PMT_TABLE_ID || section.length < 16 || !isCurrent(section)) return null
  if (u16(section, 3) !== programNumber) return null
  const end = section.length - 4
  const streams: ElementaryStream[] = []
  let at = 12 + (u16(section, 10) & 0xfff)
  while (at + 5 <= end) {
    const streamType = section[at] ?? 0
    const pid = u16(section, at + 1) & 0x1fff
    const descriptorsEnd = Math.min(end, at + 5 + (u16(section, at + 3) & 0xfff))
    const { registration, ...described } = parseDescriptors(section, at + 5, descriptorsEnd)
    streams.push({ pid, streamType, ...described, codec: codecOf(streamType, registration) })
    at = descriptorsEnd
  }
  return streams
}

/** ISO 13818-1 table 2-34 and what ATSC and SMPTE registered beyond it: what encoders send and Mirror does not carry. */
const OTHER_TYPES: Readonly<Record<number, string>> = {
  1: 'MPEG-1 video',
  2: 'MPEG-2 video',
  3: 'MPEG-1 audio (MP2, MP3)',
  4: 'MPEG-2 audio (MP2, MP3)',
  6: 'private data',
  16: 'MPEG-4 part 2 video',
  17: 'AAC in LATM',
  51: 'VVC',
  129: 'AC-3',
  135: 'E-AC-3',
  234: 'VC-1',
}

/** For messages: what the stream holds, and its stream type. */
export function describeStream({ streamType, privateData }: ElementaryStream): string {
  const number = `0x${streamType.toString(16).padStart(2, '0')}`
  if (privateData !== null) return `${privateData} (${number})`
  const name = OTHER_TYPES[streamType]
  return name === undefined ? `stream type ${number}` : `${name} (${number})`
}

function codecOf(streamType: number, registration: string): ElementaryStream['codec'] {
  switch (streamType) {
    case 0x1b:
      return 'h264'
    case 0x24:
      return 'hevc'
    case 0x0f:
      return 'aac'
    case 0x06:
      return registration === 'Opus' ? 'opus' : null
    default:
      return null
  }
}

interface Descriptors {
  readonly language: string
  readonly role: TrackRole | null
  readonly registration: string
  readonly opusChannels: number
  readonly privateData: string | null
}

/** audio_type, 2.6.19. Clean effects (1) are the sound without speech: an alternate. */
const AUDIO_TYPE_ROLES: Readonly<Record<number, TrackRole>> = {
  1: 'alternate',
  2: 'enhanced-audio-intelligibility',
  3: 'description',
}

/** ETSI EN 300 468 table 12, and SCTE-35 by its registration (9.1 there): what comes as private data. */
const PRIVATE_DATA_TAGS: Readonly<Record<number, string>> = {
  86: 'DVB teletext',
  89: 'DVB bitmap subtitles',
  106: 'AC-3',
  122: 'E-AC-3',
}

/** 2.6: registration (5), ISO 639 language (10), extension (127, of which 0x80 is the channel configuration of Opus). */
function parseDescriptors(section: Uint8Array, start: number, end: number): Descriptors {
  let language = 'und'
  let role: TrackRole | null = null
  let registration = ''
  let opusChannels = 2
  let privateData: string | null = null
  for (let at = start; at + 2 <= end; ) {
    const tag = section[at] ?? 0
    const from = at + 2
    const to = from + (section[at + 1] ?? 0)
    if (to > end) break
    if (tag === 0x05 && to - from >= 4) registration = String.fromCharCode(...section.subarray(from, from + 4))
    if (tag === 0x0a && to - from >= 3) language = languageTag(String.fromCharCode(...section.subarray(from, from + 3)))
    if (tag === 0x0a && to - from >= 4) role = AUDIO_TYPE_ROLES[section[from + 3] ?? 0] ?? role
    if (tag === 0x7f && section[from] === 0x80 && to - from >= 2) opusChannels = section[from + 1] || 2
    privateData ??= PRIVATE_DATA_TAGS[tag] ?? null
    at = to
  }
  return { language, role, registration, opusChannels, privateData }
}

function isCurrent(section: Uint8Array): boolean {
  return ((section[5] ?? 0) & 1) === 1
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}
