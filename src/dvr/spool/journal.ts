// The journal beside a pack in the spool: a header, then a row for each segment that is safely in the pack. JSON lines.
import { type Hour, parseHour, type TrackPath } from '../../storage/keys.ts'
import { type PackedSegment, rowOf, segmentOf } from '../segment-row.ts'
import type { TrackFacts } from '../track-facts.ts'

export interface JournalHeader {
  readonly track: TrackPath
  readonly hour: Hour
  /** What a playlist says about the track. */
  readonly facts: TrackFacts
  /** The one init segment of all segments of the pack; null: nothing but gaps. */
  readonly init: InitSegment | null
}

export interface InitSegment {
  /** `init-<hash>.mp4` */
  readonly name: string
  readonly bytes: Uint8Array
}

const FORMAT = 1

export function renderHeader(header: JournalHeader): string {
  const init = header.init && { name: header.init.name, base64: Buffer.from(header.init.bytes).toString('base64') }
  return `${JSON.stringify({ format: FORMAT, ...header, init })}\n`
}

export function renderRow(segment: PackedSegment): string {
  return `${JSON.stringify(rowOf(segment))}\n`
}

/**
 * Rows up to the first that is incomplete or reaches beyond `packBytes`: what a crash left unfinished was never
 * acknowledged. Null when not even the header is whole.
 */
export function parseJournal(
  text: string,
  packBytes: number,
): { readonly header: JournalHeader; readonly segments: readonly PackedSegment[] } | null {
  const lines = text.split('\n').slice(0, -1) // The last piece has no line end: nothing, or a torn row.
  const header = parseHeader(lines[0] ?? '')
  if (header === null) return null
  const segments: PackedSegment[] = []
  for (const line of lines.slice(1)) {
    const segment = segmentOf(parseJson(line))
    if (segment === null || segment.offset + segment.sizeBytes > packBytes) break
    segments.push(segment)
  }
  return { header, segments }
}

function parseHeader(line: string): JournalHeader | null {
  const json = parseJson(line)
  if (typeof json !== 'object' || json === null) return null
  const { format, track, hour, facts, init } = json as Partial<Record<keyof JournalHeader | 'format', unknown>>
  const parsedHour = typeof hour === 'string' ? parseHour(hour) : null
  if (format !== FORMAT || parsedHour === null || !isObject(track) || !isObject(facts)) return null
  // Only what renderHeader wrote is read here: a header that was cut short is no JSON.
  const { name, base64 } = (init ?? {}) as { readonly name?: string; readonly base64?: string }
  return {
    track: track as unknown as TrackPath,
    hour: parsedHour,
    facts: facts as unknown as TrackFacts,
    init: name === undefined || base64 === undefined ? null : { name, bytes: Buffer.from(base64, 'base64') },
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return null // Torn by a crash.
  }
}
