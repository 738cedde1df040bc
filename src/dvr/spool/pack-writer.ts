import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { atPath } from '../../storage/folder-errors.ts'
import type { RecordedSegment, Span } from '../recorded-segment.ts'
import type { PackedSegment } from '../segment-row.ts'
import { type JournalHeader, renderHeader, renderRow } from './journal.ts'

/** Segments that wait for the disk at once: beyond it the disk cannot keep up, and the newest are refused. */
const MAX_WAITING = 64

export type UnhashedSegment = Omit<RecordedSegment, 'sizeBytes' | 'sha256'>

interface Waiting {
  readonly segment: UnhashedSegment
  readonly buffers: readonly Uint8Array[]
  readonly resolve: (spooled: PackedSegment) => void
  readonly reject: (error: unknown) => void
}

/**
 * One growing file of segment bytes and its journal. What is appended is on the disk when the promise resolves: bytes,
 * fdatasync, journal rows, fdatasync. Segments that arrive while the disk is busy share the next round.
 * After a failed write or sync nothing more is written here (what a later fsync says about it could not be trusted).
 */
export class PackWriter {
  readonly #media: FileHandle
  readonly #journal: FileHandle
  readonly #mediaPath: string
  #waiting: Waiting[] = []
  #isWriting = false
  #isBroken = false
  #sizeBytes = 0
  #idle: Promise<void> = Promise.resolve()

  private constructor(media: FileHandle, journal: FileHandle, mediaPath: string) {
    this.#media = media
    this.#journal = journal
    this.#mediaPath = mediaPath
  }

  /** Both files must be new. Whoever calls makes their names durable. */
  static async create(mediaPath: string, journalPath: string, header: JournalHeader): Promise<PackWriter> {
    return await atPath(mediaPath, async () => {
      const media = await open(mediaPath, 'wx')
      try {
        const journal = await open(journalPath, 'wx')
        try {
          await journal.appendFile(renderHeader(header))
          await journal.datasync()
          return new PackWriter(media, journal, mediaPath)
        } catch (error) {
          await journal.close()
          throw error
        }
      } catch (error) {
        await media.close()
        throw error
      }
    })
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  get isBroken(): boolean {
    return this.#isBroken
  }

  /** The buffers are read until the promise settles. Rejects with `store_unavailable`. */
  append(segment: UnhashedSegment, buffers: readonly Uint8Array[]): Promise<PackedSegment> {
    const { promise, resolve, reject } = Promise.withResolvers<PackedSegment>()
    if (this.#isBroken) reject(new Error('the pack is broken'))
    else if (this.#waiting.length >= MAX_WAITING) reject(new Error('the disk does not keep up'))
    else this.#waiting.push({ segment, buffers, resolve, reject })
    if (!this.#isWriting) this.#idle = this.#writeAll()
    return promise
  }

  async close(): Promise<void> {
    await this.#idle
    await Promise.allSettled([this.#media.close(), this.#journal.close()])
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true
    while (this.#waiting.length > 0) {
      const round = this.#waiting
      this.#waiting = []
      try {
        const spooled = await atPath(this.#mediaPath, async () => await this.#write(round))
        for (const [index, { resolve }] of round.entries()) resolve(spooled[index] as PackedSegment)
      } catch (error) {
        this.#isBroken = true
        for (const { reject } of [...round, ...this.#waiting]) reject(error)
        this.#waiting = []
      }
    }
    this.#isWriting = false
  }

  async #write(round: readonly Waiting[]): Promise<readonly PackedSegment[]> {
    const buffers = round.flatMap((waiting) => waiting.buffers)
    const spooled = round.map(({ segment, buffers: own }) => {
      const span = this.#reserve(own)
      const isGap = span.length === 0
      return { ...segment, sizeBytes: span.length, sha256: isGap ? '' : hashOf(own), offset: span.offset }
    })
    if (buffers.length > 0) {
      await writeFully(this.#media, buffers)
      await this.#media.datasync()
    }
    await this.#journal.appendFile(spooled.map(renderRow).join(''))
    await this.#journal.datasync()
    return spooled
  }

  #reserve(buffers: readonly Uint8Array[]): Span {
    const length = buffers.reduce((sum, buffer) => sum + buffer.length, 0)
    const offset = this.#sizeBytes
    this.#sizeBytes += length
    return { offset, length }
  }
}

function hashOf(buffers: readonly Uint8Array[]): string {
  const hash = createHash('sha256')
  for (const buffer of buffers) hash.update(buffer)
  return hash.digest('hex')
}

async function writeFully(file: FileHandle, buffers: readonly Uint8Array[]): Promise<void> {
  // writev may write less than it was given; appendFile does not, but copies nothing either.
  for (const buffer of buffers) await file.appendFile(buffer)
}
