// Checks, and repairs, the index of one stream, after its hours have been looked at.
import { isMirrorError } from '../../core/errors.ts'
import { type Hour, hourIndexKey, recordedInitKey, streamIndexKey, type TrackPath } from '../../storage/keys.ts'
import type { ObjectStore, StoreCall } from '../../storage/object-store.ts'
import type { HourIndex } from '../hour-index.ts'
import type { IndexStore } from '../index-store.ts'
import { isGap } from '../recorded-segment.ts'
import { parseStreamIndex, type StreamIndex, withHour } from '../stream-index.ts'
import type { TrackFacts } from '../track-facts.ts'
import type { Findings } from './finding.ts'
import { judgeStream, type SeenHour, withoutLost } from './judge-stream.ts'
import type { StreamPath } from './walk-recordings.ts'

export interface StreamCheckHost {
  readonly store: ObjectStore
  readonly indexes: IndexStore
  readonly findings: Findings
  readonly stream: StreamPath
  readonly repair: boolean
  readonly graceMs: number
  readonly now: () => number
}

export class StreamCheck {
  readonly #host: StreamCheckHost
  readonly #seen = new Map<string, SeenHour[]>()
  readonly #inits = new Set<string>()
  /** Segments that need an init segment, by its key. */
  readonly #needed = new Map<string, { readonly track: TrackPath; readonly name: string; segments: number }>()
  /** By track: what hours say of it, where the stream's index does not. */
  readonly #facts = new Map<string, TrackFacts>()
  #before: StreamIndex | null = null

  constructor(host: StreamCheckHost) {
    this.#host = host
  }

  async begin(call: StoreCall): Promise<void> {
    this.#before = (await this.#read(call)).index
  }

  factsOf(trackId: string): TrackFacts | null {
    return this.#before?.tracks[trackId]?.facts ?? this.#facts.get(trackId) ?? null
  }

  isExpiring(trackId: string, hour: Hour): boolean {
    return this.#before?.tracks[trackId]?.expiring.includes(hour) === true
  }

  sawInit(track: TrackPath, name: string): void {
    this.#inits.add(recordedInitKey(track, name))
  }

  /** `index` null: it cannot be read, or is not there. */
  sawHour(track: TrackPath, hour: Hour, index: HourIndex | null): void {
    if (index?.facts != null) this.#facts.set(track.trackId, index.facts)
    const hours = this.#seen.get(track.trackId)
    const seen = { hour, index: index && { facts: index.facts, updatedAtMs: index.updatedAtMs } }
    if (hours === undefined) this.#seen.set(track.trackId, [seen])
    else hours.push(seen)
    for (const segment of index?.segments ?? []) {
      if (isGap(segment) || segment.initName === null) continue
      const key = recordedInitKey(track, segment.initName)
      const needed = this.#needed.get(key)
      if (needed === undefined) this.#needed.set(key, { track, name: segment.initName, segments: 1 })
      else needed.segments += 1
    }
  }

  /** After the last object of the stream. */
  async finish(call: StoreCall): Promise<void> {
    await this.#checkInits(call)
    const { index: after, isDamaged } = await this.#read(call)
    const clock = { nowMs: this.#host.now(), graceMs: this.#host.graceMs }
    const faults = judgeStream({ before: this.#before, after }, this.#seen, clock)
    const unlisted = faults.unlisted.map((hour) => ({ ...hour, facts: hour.facts ?? this.factsOf(hour.trackId) }))
    const listable = unlisted.flatMap(({ facts, ...hour }) => (facts === null ? [] : [{ ...hour, facts }]))
    const isRepaired = this.#host.repair && (isDamaged || faults.lost.length > 0 || listable.length > 0)
    if (isRepaired) {
      const change = (text: string | null): StreamIndex | null => {
        const present = text === null ? null : parsed(text)
        let index = present ?? { ...this.#host.stream, updatedAtMs: 0, tracks: {} }
        for (const { trackId, hour, facts } of listable) index = withHour(index, trackId, facts, hour)
        index = withoutLost(index, faults.lost)
        return text === null && Object.keys(index.tracks).length === 0 ? null : index
      }
      await this.#host.indexes.replaceStream(this.#host.stream, change, call)
    }
    this.#tellIndex(after, isDamaged, unlisted.length)
    for (const { trackId, hour, facts } of unlisted) {
      const isListed = facts !== null
      this.#host.findings.add({
        code: 'hour_unlisted',
        severity: 'error',
        key: hourIndexKey({ ...this.#host.stream, trackId }, hour),
        message: 'The index of the stream does not name this hour, so it is not played',
        repair: this.#host.repair ? (isListed ? 'named' : 'not repaired: nothing says how its track is coded') : null,
      })
    }
    for (const { trackId, hour } of faults.lost) {
      this.#host.findings.add({
        code: 'hour_lost',
        severity: 'error',
        key: hourIndexKey({ ...this.#host.stream, trackId }, hour),
        message: 'The index of the stream names this hour, but nothing of it is in the store',
        repair: this.#host.repair ? 'lost: no longer named, so it shows as a gap' : null,
      })
    }
  }

  /** An init segment that nobody needs is no finding: it is tiny, named by its content, and may be needed in a moment. */
  async #checkInits(call: StoreCall): Promise<void> {
    for (const [key, { track, name, segments }] of this.#needed) {
      if (this.#inits.has(key) || (await this.#host.store.head(recordedInitKey(track, name), call)) !== null) continue
      this.#host.findings.add({
        code: 'init_missing',
        severity: 'error',
        key,
        message: `The init segment is not there; ${segments} segments cannot be played without it`,
        repair: this.#host.repair
          ? 'not repaired: it comes back by itself when the same encoder settings are recorded again'
          : null,
      })
    }
  }

  #tellIndex(after: StreamIndex | null, isDamaged: boolean, unlisted: number): void {
    const hasHours = [...this.#seen.values()].some((hours) => hours.some(({ index }) => index !== null))
    if (!isDamaged && (after !== null || !hasHours || unlisted === 0)) return
    this.#host.findings.add({
      code: isDamaged ? 'stream_index_damaged' : 'stream_index_missing',
      severity: 'error',
      key: streamIndexKey(this.#host.stream),
      message: isDamaged
        ? 'The index of the stream cannot be read, so nothing of it can be played'
        : 'The stream has recordings but no index, so none of them can be played',
      repair: this.#host.repair ? 'made anew from the hours in the store' : null,
    })
  }

  async #read(call: StoreCall): Promise<{ readonly index: StreamIndex | null; readonly isDamaged: boolean }> {
    try {
      return { index: await this.#host.indexes.stream(this.#host.stream, call), isDamaged: false }
    } catch (error) {
      if (!isMirrorError(error, 'index_damaged')) throw error
      return { index: null, isDamaged: true }
    }
  }
}

/** Null when it is damaged. */
function parsed(text: string): StreamIndex | null {
  try {
    return parseStreamIndex(text)
  } catch (error) {
    if (isMirrorError(error, 'index_damaged')) return null
    throw error
  }
}
