// What a pack says about itself, behind its media: with it an hour index can be made again from the packs alone. Pure.
import { createHash } from 'node:crypto'
import { type Hour, parseHour, type TrackPath } from '../storage/keys.ts'
import { type PackedSegment, rowOf, segmentOf } from './segment-row.ts'
import type { SealedPack } from './spool/spool.ts'
import { parseTrackFacts, type TrackFacts } from './track-facts.ts'

/** JSON, then its length (4 bytes, big-endian), its SHA-256 and eight bytes that tell that there is a trailer. */
const MAGIC = Buffer.from('MIRRPACK')
const LENGTH_BYTES = 4
const HASH_BYTES = 32
export const PACK_FOOTER_BYTES = LENGTH_BYTES + HASH_BYTES + MAGIC.length
const FORMAT = 1

export interface PackContents {
  readonly track: TrackPath
  readonly hour: Hour
  readonly facts: TrackFacts
  readonly segments: readonly PackedSegment[]
}

export function renderPackTrailer({ track, hour, facts, segments }: Pick<SealedPack, keyof PackContents>): Buffer {
  const json = Buffer.from(JSON.stringify({ format: FORMAT, track, hour, facts, segments: segments.map(rowOf) }))
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32BE(json.length)
  return Buffer.concat([json, length, hashOf(json), MAGIC])
}

/** How many bytes before the footer are the trailer's JSON; null: this is no footer. */
export function trailerLength(footer: Uint8Array): number | null {
  const bytes = Buffer.from(footer)
  if (bytes.length !== PACK_FOOTER_BYTES || !bytes.subarray(-MAGIC.length).equals(MAGIC)) return null
  return bytes.readUInt32BE(0)
}

/** `trailer`: JSON and footer, as `renderPackTrailer` made them. Null when a byte of it is not as it was written. */
export function parsePackTrailer(trailer: Uint8Array): PackContents | null {
  const bytes = Buffer.from(trailer)
  const length = trailerLength(bytes.subarray(-PACK_FOOTER_BYTES))
  if (length === null || length + PACK_FOOTER_BYTES !== bytes.length) return null
  const json = bytes.subarray(0, length)
  if (!hashOf(json).equals(bytes.subarray(length + LENGTH_BYTES, length + LENGTH_BYTES + HASH_BYTES))) return null
  // The hash holds, so this is what was written; a newer format has another.
  const written = JSON.parse(json.toString('utf8')) as {
    readonly format: number
    readonly track: TrackPath
    readonly hour: string
    readonly facts: unknown
    readonly segments: readonly unknown[]
  }
  const hour = parseHour(written.hour)
  const facts = parseTrackFacts(written.facts)
  if (written.format !== FORMAT || hour === null || facts === null) return null
  const segments = written.segments.map(segmentOf).filter((segment) => segment !== null)
  if (segments.length < written.segments.length) return null
  return { track: written.track, hour, facts, segments }
}

function hashOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}
