// Carries sealed packs from the spool into the store, oldest first, and only then lets go of them. A store that is slow,
// away or full of errors is tried again until it takes them; nothing is given up.
import { setTimeout as delay } from 'node:timers/promises'
import { toMirrorError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { retryDelayMs } from '../core/retry-delay.ts'
import { recordedSegmentKey } from '../storage/keys.ts'
import type { ObjectStore, StoreCall } from '../storage/object-store.ts'
import type { HourIndex, IndexedSegment } from './hour-index.ts'
import type { IndexStore } from './index-store.ts'
import type { SealedPack } from './spool/spool.ts'
import { readSpan, storeInit, storePack } from './store-pack.ts'
import { segmentExtension } from './track-facts.ts'

/** Packs of different tracks on their way at once; those of one track go one after another, so that an index has one writer. */
const PACKS_AT_ONCE = 4
const SEGMENTS_AT_ONCE = 4
const RETRY = { minMs: 500, maxMs: 30_000 }

/** `segment`: objects `<msn>.m4s`; `pack`: the pack as one object, read by ranges. */
export type WriteMode = 'segment' | 'pack'

export interface DrainerHost {
  readonly store: ObjectStore
  readonly indexes: IndexStore
  readonly mode: WriteMode
  readonly random: () => number
  readonly log: Log
  /** The pack is in the store and in the index; the spool may forget it. */
  readonly onDrained: (pack: SealedPack, index: HourIndex) => Promise<void>
  /** Null: the store works again. Told when it changes. */
  readonly onTrouble: (message: string | null) => void
}

export class Drainer implements AsyncDisposable {
  readonly #host: DrainerHost
  readonly #lanes = new Map<string, SealedPack[]>()
  readonly #running = new Map<string, Promise<void>>()
  readonly #closed = new AbortController()
  #isInTrouble = false

  constructor(host: DrainerHost) {
    this.#host = host
  }

  add(pack: SealedPack): void {
    const lane = laneOf(pack)
    const waiting = this.#lanes.get(lane)
    if (waiting === undefined) this.#lanes.set(lane, [pack])
    else waiting.push(pack)
    this.#startLanes()
  }

  /** What is not in the store yet stays in the spool, for the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new Error('draining into the store stops'))
    await Promise.all(this.#running.values())
  }

  #startLanes(): void {
    for (const [lane, packs] of this.#lanes) {
      if (this.#closed.signal.aborted || this.#running.size >= PACKS_AT_ONCE) return
      const pack = packs[0]
      if (this.#running.has(lane) || pack === undefined) continue
      const run = this.#drain(pack).then((isDrained) => {
        this.#running.delete(lane)
        if (isDrained) packs.shift()
        if (packs.length === 0) this.#lanes.delete(lane)
        else {
          // To the end of the line: a busy track must not keep the others waiting.
          this.#lanes.delete(lane)
          this.#lanes.set(lane, packs)
        }
        this.#startLanes()
      })
      this.#running.set(lane, run)
    }
  }

  /** False only when closing. */
  async #drain(pack: SealedPack): Promise<boolean> {
    const call = { signal: this.#closed.signal }
    for (let attempt = 0; !call.signal.aborted; attempt += 1) {
      try {
        const segments = await this.#store(pack, call)
        const index = await this.#host.indexes.addSegments(pack.track, pack.hour, pack.facts, segments, call)
        await this.#host.indexes.addHour(pack.track, pack.facts, pack.hour, call)
        await this.#host.onDrained(pack, index)
        this.#tell(null)
        return true
      } catch (error) {
        if (call.signal.aborted) break
        const { message } = toMirrorError(error)
        this.#host.log.warn('a recording waits for its store', { pack: pack.id, attempt, error: message })
        this.#tell(message)
        await delay(retryDelayMs(attempt, RETRY, this.#host.random), undefined, call).catch(() => {})
      }
    }
    return false
  }

  async #store(pack: SealedPack, call: StoreCall): Promise<readonly IndexedSegment[]> {
    const { store, mode } = this.#host
    await storeInit(store, pack, call)
    return mode === 'pack' ? await storePack(store, pack, call) : await this.#storeSegments(pack, call)
  }

  async #storeSegments(
    { track, hour, facts, path, segments }: SealedPack,
    call: StoreCall,
  ): Promise<readonly IndexedSegment[]> {
    const extension = segmentExtension(facts)
    const contentType = extension === 'vtt' ? 'text/vtt' : 'video/mp4'
    const waiting = segments.filter((segment) => segment.sizeBytes > 0).values()
    const worker = async () => {
      for (const { msn, offset, sizeBytes } of waiting) {
        const body = readSpan(path, offset, sizeBytes, call.signal)
        const put = { ...call, contentType, ifAbsent: true }
        // Null: an earlier attempt, or another origin with the same bytes, was here before.
        await this.#host.store.put(recordedSegmentKey(track, hour, `${msn}.${extension}`), body, put)
      }
    }
    await Promise.all(Array.from({ length: SEGMENTS_AT_ONCE }, worker))
    return segments.map(({ offset: _offset, ...segment }) => ({
      ...segment,
      placement: segment.sizeBytes === 0 ? null : { kind: 'object' },
    }))
  }

  #tell(message: string | null): void {
    if (this.#isInTrouble === (message !== null)) return
    this.#isInTrouble = message !== null
    this.#host.onTrouble(message)
  }
}

function laneOf({ track }: SealedPack): string {
  return `${track.tenantId}/${track.streamId}/${track.trackId}`
}
