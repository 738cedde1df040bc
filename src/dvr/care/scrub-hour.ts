// Reads what one track recorded in one hour.
import { hourIndexKey, packKey, recordedSegmentKey } from '../../storage/keys.ts'
import type { ObjectInfo, ObjectKey, ObjectStore, StoreCall } from '../../storage/object-store.ts'
import { type IndexedSegment, parseHourIndex } from '../hour-index.ts'
import { IndexStore } from '../index-store.ts'
import type { Findings } from './finding.ts'
import { HourRepairer, rowsOfPack } from './hour-repairer.ts'
import { type DamagedSegment, SegmentHasher } from './judge-bytes.ts'
import type { HourListing } from './judge-hour.ts'
import { isDamaged, type ScrubReader } from './scrub-reader.ts'

const SEGMENTS_AT_ONCE = 4

interface HourScrub {
  readonly store: ObjectStore
  readonly reader: ScrubReader
  readonly findings: Findings
  readonly now: () => number
}

/** One object with the segments that lie in it. */
interface Body {
  readonly key: ObjectKey
  readonly segments: readonly IndexedSegment[]
}

export async function scrubHour(host: HourScrub, listing: HourListing, call: StoreCall): Promise<void> {
  const { reader, findings } = host
  const { track, hour } = listing
  const key = hourIndexKey(track, hour)
  const text = (await reader.whole(key, call))?.toString('utf8') ?? null
  let rows: readonly IndexedSegment[] = []
  if (text !== null) {
    if (isDamaged(() => parseHourIndex(text))) {
      findings.add({
        code: 'index_damaged',
        severity: 'error',
        key,
        message: 'The index cannot be read; "mirror fsck --repair" makes it anew',
        repair: null,
      })
    } else rows = parseHourIndex(text).segments
  }
  const repairer = new HourRepairer(host.store, new IndexStore(host.store, host.now))
  for (const [id, object] of listing.packs) {
    await reader.unlessArchived(async () => await scrubPack(host, repairer, { id, object }, rows, call))
  }
  const waiting = missingPacks(listing, rows).concat(ownObjects(listing, rows)).values()
  const worker = async () => {
    for (const body of waiting) {
      await reader.unlessArchived(async () => {
        const hasher = new SegmentHasher(body.segments)
        const isThere = await reader.read(body.key, (chunk) => hasher.push(chunk), call)
        if (isThere) tell(findings, body.key, hasher.finish())
        else await tellMissing(host, listing, body, call)
      })
    }
  }
  await Promise.all(Array.from({ length: SEGMENTS_AT_ONCE }, worker))
}

/** Also what only the pack itself knows of: media of another origin, or of an hour whose index is lost. */
async function scrubPack(
  { reader, findings }: HourScrub,
  repairer: HourRepairer,
  { id, object }: { readonly id: string; readonly object: ObjectInfo },
  rows: readonly IndexedSegment[],
  call: StoreCall,
): Promise<void> {
  const named = rows.filter(({ placement }) => placement?.kind === 'pack' && placement.id === id)
  const contents = await repairer.contentsOf(object, call)
  const own = contents === null ? [] : rowsOfPack(id, contents, object.sizeBytes)
  const numbers = new Set(named.map(({ msn }) => msn))
  const hasher = new SegmentHasher([
    ...named,
    ...own.filter(({ msn, sizeBytes }) => sizeBytes > 0 && !numbers.has(msn)),
  ])
  if (!(await reader.read(object.key, (chunk) => hasher.push(chunk), call))) return // Expired meanwhile.
  const damaged = hasher.finish()
  tell(findings, object.key, damaged)
  if (contents !== null || damaged.some(({ cause }) => cause === 'cut')) return
  findings.add({
    code: 'media_damaged',
    severity: 'error',
    key: object.key,
    message: `The end of ${object.sizeBytes} bytes, where the pack says what it holds, is damaged; its index still does`,
    repair: null,
  })
}

function ownObjects({ track, hour, segments: listed }: HourListing, rows: readonly IndexedSegment[]): Body[] {
  const extension = [...listed.keys()].some((name) => name.endsWith('.vtt')) ? 'vtt' : 'm4s'
  return rows
    .filter(({ placement }) => placement?.kind === 'object')
    .map((segment) => ({ key: recordedSegmentKey(track, hour, `${segment.msn}.${extension}`), segments: [segment] }))
}

function missingPacks({ track, hour, packs }: HourListing, rows: readonly IndexedSegment[]): Body[] {
  const missing = new Map<string, IndexedSegment[]>()
  for (const row of rows) {
    if (row.placement?.kind !== 'pack' || packs.has(row.placement.id)) continue
    const { id } = row.placement
    missing.set(id, [...(missing.get(id) ?? []), row])
  }
  return [...missing].map(([id, segments]) => ({ key: packKey(track, hour, id), segments }))
}

/** Unless it has expired meanwhile. */
async function tellMissing(
  { reader, findings }: HourScrub,
  { track, hour }: HourListing,
  { key, segments }: Body,
  call: StoreCall,
): Promise<void> {
  const text = (await reader.whole(hourIndexKey(track, hour), call))?.toString('utf8') ?? ''
  if (isDamaged(() => parseHourIndex(text))) return
  const still = new Set(
    parseHourIndex(text).segments.flatMap(({ msn, placement }) => (placement === null ? [] : [msn])),
  )
  const lost = segments.filter(({ msn }) => still.has(msn))
  if (lost.length === 0) return
  findings.add({
    code: 'media_missing',
    severity: 'error',
    key,
    message: `The object is not there; ${lost.length} segments lay in it, from ${lost[0]?.msn} on`,
    repair: null,
  })
}

function tell(findings: Findings, key: ObjectKey, damaged: readonly DamagedSegment[]): void {
  for (const { segment, start, end, cause } of damaged) {
    const what = cause === 'cut' ? 'the object ends before them' : 'their SHA-256 is not the one that was recorded'
    findings.add({
      code: 'media_damaged',
      severity: 'error',
      key,
      message: `Segment ${segment.msn} of ${new Date(segment.startsAtMs).toISOString()}, bytes ${start}–${end}: ${what}`,
      repair: null,
    })
  }
}
