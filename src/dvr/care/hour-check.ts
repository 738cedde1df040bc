// Checks, and repairs, one track and hour.
import { isMirrorError } from '../../core/errors.ts'
import { collect } from '../../storage/collect.ts'
import { hourIndexKey, recordingsPrefix } from '../../storage/keys.ts'
import type { ObjectInfo, ObjectStore, StoreCall } from '../../storage/object-store.ts'
import { type HourIndex, type IndexedSegment, parseHourIndex, salvageHourIndex } from '../hour-index.ts'
import type { IndexStore } from '../index-store.ts'
import { isGap } from '../recorded-segment.ts'
import type { TrackFacts } from '../track-facts.ts'
import type { Findings } from './finding.ts'
import { type Adoption, HourRepairer } from './hour-repairer.ts'
import { type HourListing, type MediaFault, mediaFaults, orphansOf, repairedSegments } from './judge-hour.ts'

export interface HourCheckHost {
  readonly store: ObjectStore
  readonly indexes: IndexStore
  readonly findings: Findings
  readonly repair: boolean
  readonly graceMs: number
  readonly now: () => number
}

/** An index as it was found: whole, or what is left of it. */
interface Found {
  readonly state: 'whole' | 'damaged' | 'absent'
  readonly index: HourIndex | null
  readonly facts: TrackFacts | null
  readonly segments: readonly IndexedSegment[]
}

export class HourCheck {
  readonly #host: HourCheckHost
  readonly #repairer: HourRepairer

  constructor(host: HourCheckHost) {
    this.#host = host
    this.#repairer = new HourRepairer(host.store, host.indexes)
  }

  /** Gives the index as it is afterwards; null: there is none that could be read. */
  async check(listing: HourListing, streamFacts: TrackFacts | null, call: StoreCall): Promise<HourIndex | null> {
    const found = await this.#read(listing, call)
    const media = [...listing.segments.values(), ...listing.packs.values()]
    if (found.state === 'absent' && !(await this.#isLeft(media, call))) return null
    const facts = found.facts ?? streamFacts
    const suspects = mediaFaults(listing, found.segments, extensionOf(listing, facts))
    const faults = suspects.length === 0 ? [] : await this.#confirm(listing, suspects, call)
    if (faults === null) return null
    const wrongSize = new Set(faults.flatMap((fault) => (fault.kind === 'size' ? [fault.object.key] : [])))
    const orphans = orphansOf(listing, found.segments, { nowMs: this.#host.now(), graceMs: this.#host.graceMs })
    if (found.state === 'whole' && faults.length === 0 && orphans.length === 0) return found.index
    const lost = faults.flatMap(({ segments }) => segments)
    const lostNumbers = new Set(lost.map(({ msn }) => msn))
    const named = found.segments.filter(({ msn }) => !lostNumbers.has(msn))
    const known = found.state === 'damaged' && this.#host.repair ? await this.#certain(listing, named, call) : named
    // Without an index everything is looked at, however young: whatever was under way finds its rows there already.
    const unnamed = found.state === 'whole' ? orphans : media.filter((object) => !isNamed(object, known, listing))
    const candidates = [
      ...unnamed,
      ...media.filter(({ key }) => wrongSize.has(key) && !unnamed.some((o) => o.key === key)),
    ]
    const adoption = this.#host.repair ? await this.#repairer.adopt(listing, candidates, known, facts, call) : null
    if (adoption !== null) await this.#write(listing, found, { lost, known, adoption }, call)
    this.#tellIndex(listing, found, known, adoption)
    for (const fault of faults) this.#tellFault(fault, adoption)
    if (found.state === 'whole') for (const orphan of orphans) await this.#orphan(orphan, adoption, call)
    const index = await this.#host.indexes.hour(listing.track, listing.hour, call).catch(unlessDamaged)
    // What was made anew is not young: nobody else is about to name it.
    return index !== null && found.state !== 'whole' ? { ...index, updatedAtMs: 0 } : index
  }

  /** Whether media lies there that is not under way, and did not expire since it was listed: its index goes last. */
  async #isLeft(media: readonly ObjectInfo[], call: StoreCall): Promise<boolean> {
    const last = media.findLast((object) => this.#isOld(object))
    return last !== undefined && (await this.#host.store.head(last.key, call)) !== null
  }

  async #read({ track, hour }: HourListing, call: StoreCall): Promise<Found> {
    const object = await this.#host.store.get(hourIndexKey(track, hour), call)
    if (object === null) return ABSENT
    await using body = object
    return foundIn(Buffer.from(await collect(body.chunks)).toString('utf8'))
  }

  /** Null: the hour has gone meanwhile. */
  async #confirm(
    listing: HourListing,
    suspects: readonly MediaFault[],
    call: StoreCall,
  ): Promise<readonly MediaFault[] | null> {
    const fresh: HourListing = { ...listing, segments: new Map(listing.segments), packs: new Map(listing.packs) }
    for (const { key } of suspects) {
      const object = await this.#host.store.head(key, call)
      const name = key.slice(key.lastIndexOf('/') + 1)
      const map = name.endsWith('.pack') ? fresh.packs : fresh.segments
      const id = name.endsWith('.pack') ? name.slice(0, -'.pack'.length) : name
      if (object === null) map.delete(id)
      else map.set(id, object)
    }
    const again = await this.#read(listing, call)
    if (again.state === 'absent') return null
    const extension = suspects.some(({ key }) => key.endsWith('.vtt')) ? 'vtt' : 'm4s'
    const suspected = new Set(suspects.map(({ key }) => key))
    return mediaFaults(fresh, again.segments, extension).filter(({ key }) => suspected.has(key))
  }

  /** Of what was salvaged: packs tell better themselves what they hold, if they can. */
  async #certain(
    { packs }: HourListing,
    salvaged: readonly IndexedSegment[],
    call: StoreCall,
  ): Promise<readonly IndexedSegment[]> {
    const telling = new Set<string>()
    for (const [id, object] of packs) if ((await this.#repairer.contentsOf(object, call)) !== null) telling.add(id)
    return salvaged.filter(({ placement }) => placement?.kind !== 'pack' || !telling.has(placement.id))
  }

  async #write(
    { track, hour }: HourListing,
    found: Found,
    repair: {
      readonly lost: readonly IndexedSegment[]
      readonly known: readonly IndexedSegment[]
      readonly adoption: Adoption
    },
    call: StoreCall,
  ): Promise<void> {
    const { lost, known } = repair
    const { found: adopted, facts } = repair.adoption
    if (lost.length === 0 && adopted.length === 0 && found.state === 'whole') return
    const change = (text: string | null) => {
      const present = text === null ? ABSENT : foundIn(text)
      const rows = present.state === 'damaged' ? known : present.segments
      const segments = repairedSegments(rows, { lost, found: adopted })
      if (present.state === 'absent' && segments.length === 0) return null
      return { track, hour, facts: present.facts ?? facts, segments }
    }
    await this.#host.indexes.replaceHour(track, hour, change, call)
  }

  #tellIndex(listing: HourListing, found: Found, known: readonly IndexedSegment[], adoption: Adoption | null): void {
    if (found.state === 'whole') return
    const media = listing.segments.size + listing.packs.size
    const [code, message] =
      found.state === 'absent'
        ? (['index_missing', `${media} objects of this hour are named by no index and cannot be played`] as const)
        : (['index_damaged', `The index cannot be read, so nothing of this hour can be played`] as const)
    this.#host.findings.add({
      code,
      severity: 'error',
      key: hourIndexKey(listing.track, listing.hour),
      message,
      repair: adoption && rebuilt(known, adoption, media),
    })
  }

  #tellFault(fault: MediaFault, adoption: Adoption | null): void {
    const { key, segments } = fault
    const missing = segments.filter(({ msn }) => adoption?.found.every((row) => row.msn !== msn || isGap(row)) ?? true)
    const numbers = numbersOf(segments)
    const message =
      fault.kind === 'missing'
        ? `The object is not there; the index has ${numbers} in it`
        : `The object has ${fault.object.sizeBytes} bytes, the index needs ${fault.neededBytes} for ${numbers}`
    const recovered = segments.length - missing.length
    this.#host.findings.add({
      code: fault.kind === 'missing' ? 'media_missing' : 'media_size',
      severity: 'error',
      key,
      message,
      repair:
        adoption &&
        [
          ...(recovered > 0 ? [`${recovered} found in the store and named anew`] : []),
          ...(missing.length > 0 ? [`${numbersOf(missing)} lost: marked as a gap`] : []),
        ].join('; '),
    })
  }

  async #orphan({ key, sizeBytes }: ObjectInfo, adoption: Adoption | null, call: StoreCall): Promise<void> {
    let repair: string | null = null
    if (adoption?.used.has(key) === true) repair = 'its media filled a gap: now named by the index'
    else if (adoption?.redundant.has(key) === true) {
      await this.#host.store.delete([key], call)
      repair = 'deleted: the index has other media of the same times, or it could not be played'
    } else if (adoption !== null) repair = 'kept: it does not say what it holds; delete it by hand if it is not needed'
    this.#host.findings.add({
      code: 'orphan',
      severity: 'warning',
      key,
      message: `No index names this object of ${sizeBytes} bytes`,
      repair,
    })
  }

  #isOld({ modifiedAtMs }: ObjectInfo): boolean {
    return this.#host.now() - modifiedAtMs >= this.#host.graceMs
  }
}

const ABSENT: Found = { state: 'absent', index: null, facts: null, segments: [] }

function foundIn(text: string): Found {
  try {
    const index = parseHourIndex(text)
    return { state: 'whole', index, facts: index.facts, segments: index.segments }
  } catch (error) {
    if (!isMirrorError(error, 'index_damaged')) throw error
    return { state: 'damaged', index: null, ...(salvageHourIndex(text) ?? { facts: null, segments: [] }) }
  }
}

function unlessDamaged(error: unknown): null {
  if (isMirrorError(error, 'index_damaged')) return null
  throw error
}

function rebuilt(known: readonly IndexedSegment[], { found, used, redundant }: Adoption, media: number): string {
  const own = known.filter((segment) => !isGap(segment)).length
  const learnt = found.filter((segment) => !isGap(segment)).length
  if (own + learnt === 0) return 'not repaired: nothing in this hour says what it holds'
  const silent = Math.max(0, media - used.size - redundant.size - own)
  const rest = silent > 0 && own === 0 ? `; ${silent} objects do not say what they hold` : ''
  return `made anew: ${own} segments from what is left of it, ${learnt} from the media${rest}; what is missing shows as a gap`
}

function isNamed({ key }: ObjectInfo, rows: readonly IndexedSegment[], { track }: HourListing): boolean {
  const name = key.slice(key.lastIndexOf('/') + 1)
  if (!key.startsWith(recordingsPrefix(track))) return false
  return rows.some(({ msn, placement }) =>
    placement?.kind === 'pack' ? name === `${placement.id}.pack` : placement !== null && name.startsWith(`${msn}.`),
  )
}

function extensionOf({ segments }: HourListing, facts: TrackFacts | null): 'm4s' | 'vtt' {
  if (facts !== null) return facts.kind === 'subtitles' ? 'vtt' : 'm4s'
  return [...segments.keys()].some((name) => name.endsWith('.vtt')) ? 'vtt' : 'm4s'
}

/** `segment 12` or `segments 12–15, 17`. */
export function numbersOf(segments: readonly { readonly msn: number }[]): string {
  const runs: { from: number; to: number }[] = []
  for (const { msn } of segments) {
    const last = runs.at(-1)
    if (last !== undefined && msn === last.to + 1) last.to = msn
    else runs.push({ from: msn, to: msn })
  }
  const shown = runs.slice(0, 10).map(({ from, to }) => (from === to ? `${from}` : `${from}–${to}`))
  const rest = runs.length > 10 ? ` and ${runs.length - 10} more runs` : ''
  return `${segments.length === 1 ? 'segment' : 'segments'} ${shown.join(', ')}${rest}`
}
