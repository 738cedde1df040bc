// The segments of one track on their way into packs: a file for each hour of media time.
import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { MirrorError } from '../../core/errors.ts'
import type { Hour, TrackPath } from '../../storage/keys.ts'
import { hourOfCell } from '../cell-hour.ts'
import type { RecordedSegment } from '../recorded-segment.ts'
import type { PackedSegment } from '../segment-row.ts'
import type { InitSegment } from '../spool/journal.ts'
import type { SealedPack } from '../spool/spool.ts'
import type { TrackFacts } from '../track-facts.ts'

/** Packs are named by what they are part of, so that a second attempt writes the same objects. */
const PACK_ID = 'media'

interface OpenPack {
  readonly hour: Hour
  readonly path: string
  readonly file: FileHandle
  readonly segments: PackedSegment[]
  sizeBytes: number
}

export type NewSegment = Omit<RecordedSegment, 'sizeBytes' | 'sha256' | 'dsn'>

export class PackFiles implements AsyncDisposable {
  readonly #track: TrackPath
  readonly #folder: string
  readonly #maxBytes: number
  readonly #packs: OpenPack[] = []

  /** `maxBytes`: of all packs together. */
  constructor(track: TrackPath, folder: string, maxBytes = Number.POSITIVE_INFINITY) {
    this.#track = track
    this.#folder = folder
    this.#maxBytes = maxBytes
  }

  /** One after another, by rising numbers. Rejects with `content_too_large`. */
  async add(segment: NewSegment, bytes: Uint8Array, facts: TrackFacts): Promise<void> {
    const written = this.#packs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    if (written + bytes.length > this.#maxBytes) {
      throw new MirrorError('content_too_large', `Segments of ${facts.kind} take more than ${this.#maxBytes} bytes`)
    }
    const pack = await this.#packOf(hourOfCell(segment.msn, facts.cell))
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    pack.segments.push({ ...segment, dsn: 0, sizeBytes: bytes.length, sha256, offset: pack.sizeBytes })
    pack.sizeBytes += bytes.length
    await pack.file.appendFile(bytes)
  }

  /** Nothing can be added any more. */
  async seal(facts: TrackFacts, init: InitSegment | null): Promise<readonly SealedPack[]> {
    await this[Symbol.asyncDispose]()
    return this.#packs.map(({ hour, path, segments, sizeBytes }) => {
      return { id: PACK_ID, track: this.#track, hour, facts, init, path, sizeBytes, segments }
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#packs.map(({ file }) => file.close()))
  }

  async #packOf(hour: Hour): Promise<OpenPack> {
    const last = this.#packs.at(-1)
    if (last?.hour === hour) return last
    await last?.file.close()
    const path = join(this.#folder, `${this.#track.trackId}-${hour}.pack`)
    const pack = { hour, path, file: await open(path, 'w', 0o600), segments: [], sizeBytes: 0 }
    this.#packs.push(pack)
    return pack
  }
}
