// What is wrong between the index of an hour and what lies in the store beside it. Pure.
import { type Hour, packKey, recordedSegmentKey, type TrackPath } from '../../storage/keys.ts'
import type { ObjectInfo, ObjectKey } from '../../storage/object-store.ts'
import { asGap, type IndexedSegment } from '../hour-index.ts'
import { isGap } from '../recorded-segment.ts'

/** Objects of one track and hour, as they were listed. */
export interface HourListing {
  readonly track: TrackPath
  readonly hour: Hour
  index: ObjectInfo | null
  /** By name: `<msn>.m4s`. */
  readonly segments: Map<string, ObjectInfo>
  /** By id. */
  readonly packs: Map<string, ObjectInfo>
}

export type MediaFault =
  | { readonly kind: 'missing'; readonly key: ObjectKey; readonly segments: readonly IndexedSegment[] }
  /** `segments` are those that are cut or wrong: of a pack only what lies beyond its end. */
  | {
      readonly kind: 'size'
      readonly key: ObjectKey
      readonly segments: readonly IndexedSegment[]
      readonly neededBytes: number
      readonly object: ObjectInfo
    }

export function emptyListing(track: TrackPath, hour: Hour): HourListing {
  return { track, hour, index: null, segments: new Map(), packs: new Map() }
}

/** An object with one segment has exactly its length; a pack has at least what is named of it (its trailer comes behind). */
export function mediaFaults(
  listing: HourListing,
  segments: readonly IndexedSegment[],
  extension: 'm4s' | 'vtt',
): readonly MediaFault[] {
  const faults: MediaFault[] = []
  const byPack = new Map<string, IndexedSegment[]>()
  for (const segment of segments) {
    const { msn, placement, sizeBytes } = segment
    if (placement?.kind === 'pack') {
      const members = byPack.get(placement.id)
      if (members === undefined) byPack.set(placement.id, [segment])
      else members.push(segment)
    }
    if (placement?.kind !== 'object') continue
    const name = `${msn}.${extension}`
    const key = recordedSegmentKey(listing.track, listing.hour, name)
    const object = listing.segments.get(name)
    if (object === undefined) faults.push({ kind: 'missing', key, segments: [segment] })
    else if (object.sizeBytes !== sizeBytes) {
      faults.push({ kind: 'size', key, segments: [segment], neededBytes: sizeBytes, object })
    }
  }
  for (const [id, members] of byPack) {
    const key = packKey(listing.track, listing.hour, id)
    const object = listing.packs.get(id)
    if (object === undefined) faults.push({ kind: 'missing', key, segments: members })
    else {
      const beyond = members.filter((member) => packEnd(member) > object.sizeBytes)
      if (beyond.length > 0) {
        const neededBytes = Math.max(...beyond.map(packEnd))
        faults.push({ kind: 'size', key, segments: beyond, neededBytes, object })
      }
    }
  }
  return faults
}

/** Objects that no segment of the index lies in, and that are older than `graceMs`: younger ones may be under way. */
export function orphansOf(
  listing: HourListing,
  segments: readonly IndexedSegment[],
  { nowMs, graceMs }: { readonly nowMs: number; readonly graceMs: number },
): readonly ObjectInfo[] {
  const named = new Set<string>()
  for (const { msn, placement } of segments) {
    if (placement?.kind === 'object') named.add(`${msn}`)
    if (placement?.kind === 'pack') named.add(`${placement.id}.pack`)
  }
  const isOld = ({ modifiedAtMs }: ObjectInfo) => nowMs - modifiedAtMs >= graceMs
  return [
    ...[...listing.segments].filter(([name]) => !named.has(name.split('.')[0] ?? '')),
    ...[...listing.packs].filter(([id]) => !named.has(`${id}.pack`)),
  ]
    .map(([, object]) => object)
    .filter(isOld)
}

/**
 * The rows of an index after a repair. `lost` become gaps, unless they have changed meanwhile; `found` is media that
 * fills gaps and holes.
 */
export function repairedSegments(
  present: readonly IndexedSegment[],
  { lost, found }: { readonly lost: readonly IndexedSegment[]; readonly found: readonly IndexedSegment[] },
): readonly IndexedSegment[] {
  const byMsn = new Map(present.map((segment) => [segment.msn, segment]))
  for (const segment of lost) {
    const now = byMsn.get(segment.msn)
    if (now !== undefined && isSamePlace(now, segment)) byMsn.set(segment.msn, asGap(now))
  }
  for (const segment of found) {
    const now = byMsn.get(segment.msn)
    if (now === undefined || isGap(now)) byMsn.set(segment.msn, segment)
  }
  return [...byMsn.values()].sort((left, right) => left.msn - right.msn)
}

function isSamePlace(left: IndexedSegment, right: IndexedSegment): boolean {
  return left.sha256 === right.sha256 && JSON.stringify(left.placement) === JSON.stringify(right.placement)
}

function packEnd({ placement }: IndexedSegment): number {
  return placement?.kind === 'pack' ? placement.offset + placement.length : 0
}
