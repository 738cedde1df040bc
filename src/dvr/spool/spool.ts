// The durable way station between the live edge and the store: segments are safe on the local disk before anything else
// happens to them, so that a store that is slow or away loses nothing.
import { mkdir, readdir, readFile, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { MirrorError } from '../../core/errors.ts'
import { syncFolder, syncParents } from '../../storage/durable-folder.ts'
import { atPath, errnoOf } from '../../storage/folder-errors.ts'
import type { Hour, TrackPath } from '../../storage/keys.ts'
import { hourOfCell } from '../cell-hour.ts'
import type { Span } from '../recorded-segment.ts'
import type { PackedSegment } from '../segment-row.ts'
import type { TrackFacts } from '../track-facts.ts'
import { type InitSegment, type JournalHeader, parseJournal } from './journal.ts'
import { PackWriter, type UnhashedSegment } from './pack-writer.ts'

export interface SpoolLimits {
  /** All packs together. */
  readonly maxBytes: number
  /** A pack is sealed when it is this old or this large. */
  readonly packMs: number
  readonly packBytes: number
}

/** A pack that no longer grows: to be drained into the store, then removed. */
export interface SealedPack {
  readonly id: string
  readonly track: TrackPath
  readonly hour: Hour
  readonly facts: TrackFacts
  readonly init: InitSegment | null
  readonly path: string
  readonly sizeBytes: number
  readonly segments: readonly PackedSegment[]
}

interface OpenPack extends Omit<SealedPack, 'sizeBytes'> {
  readonly writer: PackWriter
  readonly openedAtMs: number
  readonly segments: PackedSegment[]
}

/** One segment as it comes from the live edge. */
export interface Recording {
  readonly track: TrackPath
  readonly facts: TrackFacts
  readonly init: InitSegment | null
  readonly segment: UnhashedSegment
  /** None: a gap. */
  readonly buffers: readonly Uint8Array[]
}

export interface SpoolHost {
  readonly now: () => number
  readonly randomId: () => string
  /** In the order of their sealing; also, at the start, what an earlier process left. */
  readonly onSealed: (pack: SealedPack) => void
}

export class Spool implements AsyncDisposable {
  readonly #folder: string
  readonly #limits: SpoolLimits
  readonly #host: SpoolHost
  /** By track. */
  readonly #open = new Map<string, OpenPack>()
  readonly #sealed = new Map<string, SealedPack>()
  /** Folders of tracks whose names are on the disk; whoever made them may have died before that, or failed. */
  readonly #durable = new Set<string>()
  /** One opening or sealing at a time for each track. */
  readonly #turns = new Map<string, Promise<unknown>>()
  #sealedBytes = 0

  private constructor(folder: string, limits: SpoolLimits, host: SpoolHost) {
    this.#folder = folder
    this.#limits = limits
    this.#host = host
  }

  /** Finds what an earlier process acknowledged and did not drain. */
  static async open(folder: string, limits: SpoolLimits, host: SpoolHost): Promise<Spool> {
    const spool = new Spool(folder, limits, host)
    await atPath(folder, async () => {
      const firstMade = await mkdir(folder, { recursive: true })
      if (firstMade !== undefined) await syncParents(folder, dirname(firstMade))
      await spool.#recover()
    })
    return spool
  }

  get usedBytes(): number {
    let openBytes = 0
    for (const { writer } of this.#open.values()) openBytes += writer.sizeBytes
    return this.#sealedBytes + openBytes
  }

  /** Start of the oldest segment that is not in the store yet; null when there is none. */
  get oldestAtMs(): number | null {
    let oldest: number | null = null
    for (const { segments } of [...this.#sealed.values(), ...this.#open.values()]) {
      const atMs = segments[0]?.startsAtMs
      if (atMs !== undefined && (oldest === null || atMs < oldest)) oldest = atMs
    }
    return oldest
  }

  /**
   * Durable when it resolves. `buffers` empty: a gap. Rejects with `spool_full`, or `store_unavailable` when the disk
   * fails; the next segment then starts a new pack.
   */
  async append({ track, facts, init, segment, buffers }: Recording): Promise<PackedSegment> {
    const sizeBytes = buffers.reduce((sum, buffer) => sum + buffer.length, 0)
    if (this.usedBytes + sizeBytes > this.#limits.maxBytes) {
      throw new MirrorError('spool_full', `${this.#folder}: ${this.#limits.maxBytes} bytes are used`)
    }
    const pack = await this.#packFor({ track, facts, init, hour: hourOfCell(segment.msn, facts.cell) })
    try {
      const spooled = await pack.writer.append(segment, buffers)
      pack.segments.push(spooled)
      return spooled
    } catch (error) {
      if (pack.writer.isBroken) await this.#inTurn(track, async () => await this.#seal(pack))
      throw error
    }
  }

  init(track: TrackPath, name: string): Uint8Array | null {
    return this.#packsOf(track).find((pack) => pack.init?.name === name)?.init?.bytes ?? null
  }

  /** Where a segment's bytes lie; null when they are not here (any more), or it is a gap. */
  find(track: TrackPath, msn: number): ({ readonly path: string } & Span) | null {
    for (const pack of this.#packsOf(track)) {
      const segment = pack.segments.find((candidate) => candidate.msn === msn)
      if (segment !== undefined && segment.sizeBytes > 0) {
        return { path: pack.path, offset: segment.offset, length: segment.sizeBytes }
      }
    }
    return null
  }

  /** The tracks of a stream that something is here of, with the newest facts. */
  tracks({ tenantId, streamId }: Omit<TrackPath, 'trackId'>): readonly Pick<JournalHeader, 'track' | 'facts'>[] {
    const newest = new Map<string, Pick<JournalHeader, 'track' | 'facts'>>()
    for (const { track, facts } of [...this.#sealed.values(), ...this.#open.values()]) {
      if (track.tenantId === tenantId && track.streamId === streamId) newest.set(track.trackId, { track, facts })
    }
    return [...newest.values()]
  }

  /** What is here of a track, by time of recording. */
  segments(track: TrackPath): readonly PackedSegment[] {
    return this.#packsOf(track).flatMap((pack) => pack.segments)
  }

  /** Seals packs that are old enough, whether or not something is appended; called now and then. */
  async sealDue(): Promise<void> {
    const nowMs = this.#host.now()
    for (const pack of [...this.#open.values()]) {
      if (nowMs - pack.openedAtMs >= this.#limits.packMs)
        await this.#inTurn(pack.track, async () => await this.#seal(pack))
    }
  }

  /** After its segments are safe in the store and in the index. */
  async remove(pack: SealedPack): Promise<void> {
    this.#sealed.delete(pack.id)
    this.#sealedBytes -= pack.sizeBytes
    await removeFiles(pack.path)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pack of [...this.#open.values()]) await this.#inTurn(pack.track, async () => await this.#seal(pack))
  }

  async #packFor(header: JournalHeader): Promise<OpenPack> {
    return await this.#inTurn(header.track, async () => {
      const open = this.#open.get(keyOf(header.track))
      if (open !== undefined && isSame(open, header) && !this.#isDue(open)) return open
      if (open !== undefined) await this.#seal(open)
      return await this.#openPack(header)
    })
  }

  #isDue({ writer, openedAtMs }: OpenPack): boolean {
    const { packMs, packBytes } = this.#limits
    return writer.isBroken || writer.sizeBytes >= packBytes || this.#host.now() - openedAtMs >= packMs
  }

  async #openPack(header: JournalHeader): Promise<OpenPack> {
    const folder = join(this.#folder, keyOf(header.track))
    const id = this.#host.randomId()
    const path = join(folder, `${id}.pack`)
    return await atPath(path, async () => {
      await mkdir(folder, { recursive: true })
      const writer = await PackWriter.create(path, journalOf(path), header)
      await syncFolder(folder)
      if (!this.#durable.has(folder)) await syncParents(folder, this.#folder)
      this.#durable.add(folder)
      const pack = { id, ...header, path, writer, openedAtMs: this.#host.now(), segments: [] }
      this.#open.set(keyOf(header.track), pack)
      return pack
    })
  }

  async #seal(pack: OpenPack): Promise<void> {
    const key = keyOf(pack.track)
    if (this.#open.get(key) !== pack) return
    await pack.writer.close()
    this.#open.delete(key)
    await this.#keep(pack)
  }

  async #keep({ id, track, hour, facts, init, path, segments }: Omit<SealedPack, 'sizeBytes'>): Promise<void> {
    if (segments.length === 0) return await removeFiles(path)
    const sizeBytes = segments.reduce((sum, segment) => sum + segment.sizeBytes, 0)
    const sealed = { id, track, hour, facts, init, path, segments, sizeBytes }
    this.#sealed.set(id, sealed)
    this.#sealedBytes += sizeBytes
    this.#host.onSealed(sealed)
  }

  async #recover(): Promise<void> {
    const found = await readdir(this.#folder, { recursive: true, withFileTypes: true })
    const packs: Omit<SealedPack, 'sizeBytes'>[] = []
    for (const entry of found) {
      const path = join(entry.parentPath, entry.name)
      if (!entry.name.endsWith('.pack')) continue
      const journal = await readFile(journalOf(path), 'utf8').catch(() => '')
      const parsed = parseJournal(journal, (await stat(path)).size)
      if (parsed === null) await removeFiles(path)
      else packs.push({ id: entry.name.slice(0, -'.pack'.length), ...parsed.header, path, segments: parsed.segments })
    }
    packs.sort((left, right) => (left.segments[0]?.startsAtMs ?? 0) - (right.segments[0]?.startsAtMs ?? 0))
    for (const pack of packs) await this.#keep(pack)
  }

  #packsOf(track: TrackPath): readonly Omit<SealedPack, 'sizeBytes'>[] {
    const key = keyOf(track)
    const sealed = [...this.#sealed.values()].filter((pack) => keyOf(pack.track) === key)
    const open = this.#open.get(key)
    return open === undefined ? sealed : [...sealed, open]
  }

  async #inTurn<T>(track: TrackPath, work: () => Promise<T>): Promise<T> {
    const key = keyOf(track)
    const turn = (this.#turns.get(key) ?? Promise.resolve()).then(work)
    const settled = turn.catch(() => {})
    this.#turns.set(key, settled)
    return await turn.finally(() => {
      if (this.#turns.get(key) === settled) this.#turns.delete(key)
    })
  }
}

function keyOf({ tenantId, streamId, trackId }: TrackPath): string {
  return `${tenantId}/${streamId}/${trackId}`
}

function isSame(left: JournalHeader, right: JournalHeader): boolean {
  const isOneInit = left.init?.name === right.init?.name
  return left.hour === right.hour && isOneInit && JSON.stringify(left.facts) === JSON.stringify(right.facts)
}

function journalOf(packPath: string): string {
  return packPath.replace(/\.pack$/, '.journal')
}

/** The pack last: a journal without its pack is nothing, a pack without its journal is removed at the next start. */
async function removeFiles(packPath: string): Promise<void> {
  for (const path of [journalOf(packPath), packPath]) {
    await unlink(path).catch((error: unknown) => {
      if (errnoOf(error) !== 'ENOENT') throw error
    })
  }
}
