// Where the steps of one sound or video are done: a folder of its own, with the original and what was made of it before,
// each fetched when it is first needed.
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { MirrorError } from '../../core/errors.ts'
import { assetOriginalKey, parseObjectKey } from '../../storage/keys.ts'
import type { ObjectKey, ObjectStore } from '../../storage/object-store.ts'
import type { MediaFacts } from '../processing/media-facts.ts'
import type { MediaInput } from '../processing/media-input.ts'
import { MAX_STREAMS, type MediaLimits, probeLimits, runLimits } from '../processing/media-limits.ts'
import { ffprobePathOf, probeMedia } from '../processing/probe-media.ts'
import { type FfmpegHost, runFfmpeg } from '../processing/run-ffmpeg.ts'
import { fetchTo } from '../processing/scratch.ts'
import { requireRoom, type ScratchDisk } from '../processing/scratch-disk.ts'
import type { AssetRow, RenditionRow } from './asset.ts'
import type { ConversionHost } from './convert-video.ts'
import { keepRendition, type MadeRendition, type RenditionKeeper } from './keep-rendition.ts'
import type { OnPercent } from './step-maker.ts'

export interface MediaHost extends Omit<FfmpegHost, 'threads'>, RenditionKeeper {
  readonly store: Pick<ObjectStore, 'get' | 'put' | 'head' | 'delete'>
  /** For copies of originals while they are read; it may be emptied at a start. */
  readonly scratchDir: string
  readonly media: MediaLimits & Pick<FfmpegHost, 'threads'>
  readonly disk: ScratchDisk
  /** What was made of it before. */
  readonly renditions: () => Promise<readonly RenditionRow[]>
  /** Makes the files of a video; null: ffmpeg does it here. */
  readonly conversion: ConversionHost | null
}

/** The copy, and as much again for what is made of it. */
const ROOM = 2

type FileInput = Extract<MediaInput, { kind: 'file' }>

export interface FfmpegWish {
  /** Omitted: the original. */
  readonly input?: FileInput
  readonly inputOptions?: readonly string[]
  readonly outputs: readonly string[]
  /** bit/s of the largest file that is written. */
  readonly bitRate: number
  readonly durationSec: number | null
  /** Of each file; omitted: what its bit rate asks for. */
  readonly fileBytes?: number
  readonly onPercent?: OnPercent
  /** Takes what is written to `pipe:1`. */
  readonly onOutput?: (chunk: Uint8Array) => Promise<void>
}

export class MediaWorkshop implements AsyncDisposable {
  readonly host: MediaHost
  readonly asset: AssetRow
  readonly signal: AbortSignal
  readonly #fetched = new Map<string, Promise<string>>()
  #folder: Promise<string> | null = null

  constructor(host: MediaHost, asset: AssetRow, signal: AbortSignal) {
    this.host = host
    this.asset = asset
    this.signal = signal
  }

  /** For what is about to be made. Rejects with `scratch_full`. */
  async requireRoom(madeBytes: number, copies: number = this.host.disk.copies): Promise<void> {
    await requireRoom(this.host.disk, Math.ceil(madeBytes * copies), this.host.scratchDir)
  }

  /** Where a file of this name may be written. */
  async path(name: string): Promise<string> {
    this.#folder ??= (async () => {
      await mkdir(this.host.scratchDir, { recursive: true, mode: 0o700 })
      return await mkdtemp(join(this.host.scratchDir, 'media-'))
    })()
    return join(await this.#folder, name)
  }

  async original(): Promise<FileInput> {
    const { tenantId, id, sizeBytes } = this.asset
    return await this.#file('original', assetOriginalKey(tenantId, id), sizeBytes)
  }

  async row(name: string): Promise<RenditionRow | null> {
    return (await this.host.renditions()).find((each) => each.name === name) ?? null
  }

  /** One that was made in this attempt or an earlier one; null: there is none. */
  async rendition(name: string): Promise<FileInput | null> {
    const made = this.#fetched.get(name)
    if (made !== undefined) return { kind: 'file', path: await made }
    const row = await this.row(name)
    const key = row === null ? null : parseObjectKey(row.objectKey)
    return row === null || key === null ? null : await this.#file(name, key, row.sizeBytes)
  }

  /** Rejects as `probeMedia` does. */
  async probe(input: FileInput): Promise<MediaFacts> {
    const { ffmpegPath, spawn, log, media } = this.host
    const tools = { ffprobePath: ffprobePathOf(ffmpegPath), spawn, log, limits: probeLimits(media) }
    return await probeMedia(input, tools, this.signal)
  }

  /** Gives how many seconds were written. */
  async run(wish: FfmpegWish): Promise<number | null> {
    const { outputs, bitRate, durationSec, onPercent, onOutput, inputOptions = [] } = wish
    const { media } = this.host
    const onSec = (sec: number) => durationSec !== null && onPercent?.((100 * sec) / durationSec)
    const input = wish.input ?? (await this.original())
    const { fileBytes = Number.POSITIVE_INFINITY } = wish
    const asked = runLimits(media, bitRate, durationSec)
    const limits = { ...asked, fileBytes: Math.min(asked.fileBytes, fileBytes) }
    const run = { input, inputOptions, outputs, maxStreams: MAX_STREAMS, limits, onSec, ...(onOutput && { onOutput }) }
    return await runFfmpeg(run, { ...this.host, threads: media.threads }, this.signal)
  }

  /** The file at `path` of this folder becomes a rendition. */
  async keep(made: Omit<MadeRendition, 'width' | 'height'> & Partial<MadeRendition>): Promise<void> {
    await keepRendition(this.host, this.asset, { width: null, height: null, ...made }, this.signal)
    this.#fetched.set(made.name, Promise.resolve(made.path))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const folder = await this.#folder?.catch(() => null)
    if (folder != null) await rm(folder, { recursive: true, force: true })
  }

  async #file(name: string, key: ObjectKey, sizeBytes: number): Promise<FileInput> {
    const present = this.#fetched.get(name)
    const fetched = present ?? this.#fetch(name, key, sizeBytes)
    if (present === undefined) this.#fetched.set(name, fetched)
    return { kind: 'file', path: await fetched }
  }

  async #fetch(name: string, key: ObjectKey, sizeBytes: number): Promise<string> {
    const path = await this.path(name)
    await this.requireRoom(sizeBytes, ROOM)
    const call = { store: this.host.store, key, maxBytes: Number.MAX_SAFE_INTEGER, signal: this.signal }
    if (await fetchTo(path, call)) return path
    throw new MirrorError('media_gone', `${name} is not in the store any more`)
  }
}
