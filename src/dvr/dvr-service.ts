// Everything about recordings in one place: spool, drainer, indexes, archive. Lives in the archive thread; knows no ports.
import { toMirrorError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Hour, TrackPath } from '../storage/keys.ts'
import type { ObjectStore, StoreCall } from '../storage/object-store.ts'
import { Archive } from './archive.ts'
import { Drainer, type WriteMode } from './drainer.ts'
import type { StoredSpan } from './growth.ts'
import { IndexStore } from './index-store.ts'
import type { RecordedSegment } from './recorded-segment.ts'
import { type DeletedHour, type Expiry, type Retention, sweepStream } from './retention.ts'
import { type SealedPack, Spool, type SpoolLimits } from './spool/spool.ts'
import { StorageTally, spanOf } from './storage-tally.ts'

/** How often old packs are sealed although nothing more comes. */
const SEAL_CHECK_MS = 1000
const ALARM_SHARE = 0.8

export interface DvrOptions {
  readonly spoolDir: string
  readonly limits: SpoolLimits
  readonly store: ObjectStore
  readonly mode: WriteMode
  readonly now: () => number
  readonly random: () => number
  readonly randomId: () => string
  readonly log: Log
  readonly onTrouble: (trouble: DvrTrouble) => void
  /** Retention has removed these from the store. */
  readonly onReleased?: (segments: readonly RecordedSegment[]) => Promise<void>
  /** As `RetentionHost` has it. A clock that runs faster than the world needs another than half an hour. */
  readonly lateWritesMs?: number
  /** Retention has taken an hour of a track. */
  readonly onDeleted?: (deleted: DeletedHour) => void
}

/** `message` null: it is over. */
export interface DvrTrouble {
  readonly kind: 'store' | 'spool'
  readonly message: string | null
}

type StreamPath = Omit<TrackPath, 'trackId'>

interface DvrParts {
  readonly spool: Spool
  readonly archive: Archive
  readonly drainer: Drainer
  readonly indexes: IndexStore
  readonly tally: StorageTally
}

export class DvrService implements AsyncDisposable {
  readonly spool: Spool
  readonly archive: Archive
  readonly #drainer: Drainer
  readonly #options: DvrOptions
  readonly #indexes: IndexStore
  readonly #tally: StorageTally
  readonly #timer: NodeJS.Timeout
  #isAlarmed = false

  private constructor(options: DvrOptions, parts: DvrParts) {
    const { spool, archive, drainer, indexes, tally } = parts
    this.#options = options
    this.#indexes = indexes
    this.#tally = tally
    this.spool = spool
    this.archive = archive
    this.#drainer = drainer
    this.#timer = setInterval(() => this.#check(), SEAL_CHECK_MS)
  }

  /** What an earlier process left in the spool is drained first. Rejects with `store_unavailable` when the spool cannot be used. */
  static async open(options: DvrOptions): Promise<DvrService> {
    const { store, mode, now, random, log } = options
    const indexes = new IndexStore(store, now)
    const sealed: SealedPack[] = []
    let drainer: Drainer | null = null
    const spool = await Spool.open(options.spoolDir, options.limits, {
      now,
      randomId: options.randomId,
      onSealed: (pack) => {
        if (drainer === null) sealed.push(pack)
        else drainer.add(pack)
      },
    })
    const archive = new Archive({ store, indexes, spool, now })
    const tally = new StorageTally(indexes, now)
    drainer = new Drainer({
      store,
      indexes,
      mode,
      random,
      log,
      onDrained: async (pack, index) => {
        archive.learn(index)
        tally.learn(index)
        await spool.remove(pack)
      },
      onTrouble: (message) => options.onTrouble({ kind: 'store', message }),
    })
    for (const pack of sealed) drainer.add(pack)
    return new DvrService(options, { spool, archive, drainer, indexes, tally })
  }

  /** Removes what `retention` does not keep. What is still in the spool is not looked at: it is young. */
  async expire(stream: StreamPath, retention: Retention, call: StoreCall): Promise<Expiry> {
    const { store, now, lateWritesMs, onReleased = async () => {}, onDeleted } = this.#options
    const onExpired = (track: TrackPath, hour: Hour) => {
      this.archive.forget(track, hour)
      this.#tally.forget(track, hour)
    }
    const host = {
      ...{ store, indexes: this.#indexes, now, onExpired, onReleased },
      ...(onDeleted && { onDeleted }),
      ...(lateWritesMs === undefined ? {} : { lateWritesMs }),
    }
    return await sweepStream(host, stream, retention, call)
  }

  /** Finds out what lies in the store; cheap when that is known already. Throws `store_unavailable`, `index_damaged`. */
  async measure(stream: StreamPath, call: StoreCall): Promise<void> {
    await this.#tally.read(stream, call)
  }

  /** What there is of a stream, in the store and in the spool; null until it has been measured. */
  stored(stream: StreamPath): readonly StoredSpan[] | null {
    const spans = this.#tally.spans(stream)
    if (spans === null) return null
    const spooled = this.spool.tracks(stream).map(({ track }) => spanOf(this.spool.segments(track)))
    return [...spans, ...spooled.filter(({ bytes }) => bytes > 0)]
  }

  /** The stream was deleted. */
  forgetStream(stream: StreamPath): void {
    this.#tally.forgetStream(stream)
  }

  /** Seals what is open; it is drained now as far as the store takes it at once, or after the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.#drainer[Symbol.asyncDispose]()
    await this.spool[Symbol.asyncDispose]()
  }

  #check(): void {
    this.spool.sealDue().catch((error: unknown) => {
      this.#options.log.warn('a pack could not be sealed', { error: toMirrorError(error).message })
    })
    const { maxBytes } = this.#options.limits
    const isFilling = this.spool.usedBytes >= ALARM_SHARE * maxBytes
    if (isFilling === this.#isAlarmed) return
    this.#isAlarmed = isFilling
    const percent = Math.round((100 * this.spool.usedBytes) / maxBytes)
    this.#options.onTrouble({ kind: 'spool', message: isFilling ? `the spool is ${percent} % full` : null })
  }
}
