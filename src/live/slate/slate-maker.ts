// Makes slates: checks what is uploaded, and prepares it once per profile with a limited ffmpeg child.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Spawn } from '../../core/child-process.ts'
import { isMirrorError, MirrorError, toMirrorError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { runLimited } from '../../core/run-limited.ts'
import { collect } from '../../storage/collect.ts'
import { preparedSlateKey, slateSourceKey } from '../../storage/keys.ts'
import type { ObjectKey, ObjectStore } from '../../storage/object-store.ts'
import { readArgs, type SlateFile, slateArgs } from './slate-command.ts'
import { MAX_SLATE_SEC, type SlateProfile, type SlateSource, slateKey } from './slate-profile.ts'

/** A minute of 1080p on a busy machine; a picture takes a second or two. */
const PREPARE_TIMEOUT_MS = 180_000
const CHECK_TIMEOUT_MS = 20_000
/** A minute at the highest bit rate that the command allows. */
const MAX_PREPARED_BYTES = 48 * 1024 * 1024
/** x265 was seen to take 1.3 GiB for 2160p. */
const MEMORY_BYTES = 3 * 2 ** 30
/** What it makes goes to stdout. */
const FILE_BYTES = 2 ** 20

export interface SlateMakerOptions {
  readonly store: ObjectStore
  readonly ffmpegPath: string
  readonly spawn: Spawn
  readonly log: Log
}

type StreamName = { readonly tenantId: string; readonly id: string }

export class SlateMaker {
  readonly #options: SlateMakerOptions
  /** One after the other: several at once would only slow each other and live media. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: SlateMakerOptions) {
    this.#options = options
  }

  /** Stores an uploaded picture or clip. Throws `slate_unreadable` or `ffmpeg_missing`. */
  async keep(stream: StreamName, source: SlateSource, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    await this.#serially(() => this.#withFile(source, bytes, signal, async () => {}))
    await this.#options.store.put(slateSourceKey(stream.tenantId, stream.id, source.hash), bytes, {
      signal,
      contentType: 'application/octet-stream',
    })
  }

  /** The picture or clip as it was uploaded; null when it is not in the store. */
  read(stream: StreamName, source: SlateSource, signal: AbortSignal): Promise<Uint8Array | null> {
    return this.#get(slateSourceKey(stream.tenantId, stream.id, source.hash), signal)
  }

  /** A fragmented MP4 that can be looped. Throws `slate_unreadable`, `ffmpeg_missing` or `store_unavailable`. */
  async prepare(
    stream: StreamName,
    source: SlateSource,
    profile: SlateProfile,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const key = preparedSlateKey(stream.tenantId, stream.id, slateKey(source, profile))
    return (
      (await this.#get(key, signal)) ?? (await this.#serially(() => this.#make(stream, source, profile, key, signal)))
    )
  }

  async #make(
    stream: StreamName,
    source: SlateSource,
    profile: SlateProfile,
    key: ObjectKey,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const bytes = await this.read(stream, source, signal)
    if (bytes === null) throw new MirrorError('slate_unreadable', 'the uploaded slate is not in the store any more')
    return await this.#withFile(source, bytes, signal, async (file) => {
      const made = await this.#ffmpeg(slateArgs(file, profile), PREPARE_TIMEOUT_MS, signal)
      await this.#options.store.put(key, made, { signal, contentType: 'video/mp4' })
      return made
    })
  }

  /** ffmpeg reads a clip by seeking, so it lies in a file meanwhile. */
  async #withFile<Result>(
    { kind }: SlateSource,
    bytes: Uint8Array,
    signal: AbortSignal,
    work: (file: SlateFile) => Promise<Result>,
  ): Promise<Result> {
    const folder = await mkdtemp(join(tmpdir(), 'mirror-slate-'))
    try {
      const path = join(folder, 'source')
      await writeFile(path, bytes)
      const read = ['-nostdin', '-hide_banner', '-loglevel', 'error', '-threads', '1', ...readArgs(kind, path)]
      // How long it lasts is how much of it can be decoded, not what it says of itself.
      const measure = ['-t', String(MAX_SLATE_SEC), '-f', 'null', '-progress', 'pipe:1', '-']
      const progress = await this.#ffmpeg([...read, '-map', '0:v:0', ...measure], CHECK_TIMEOUT_MS, signal)
      const durationSec = kind === 'mp4' ? outTimeSec(Buffer.from(progress).toString('latin1')) : 0
      return await work({ path, kind, durationSec, hasAudio: kind === 'mp4' && (await this.#hasAudio(read, signal)) })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  async #hasAudio(read: readonly string[], signal: AbortSignal): Promise<boolean> {
    try {
      await this.#ffmpeg([...read, '-map', '0:a:0', '-t', '1', '-f', 'null', '-'], CHECK_TIMEOUT_MS, signal)
      return true
    } catch {
      signal.throwIfAborted()
      return false
    }
  }

  async #ffmpeg(args: readonly string[], wallMs: number, signal: AbortSignal): Promise<Uint8Array> {
    const limits = { wallMs, memoryBytes: MEMORY_BYTES, fileBytes: FILE_BYTES, outputBytes: MAX_PREPARED_BYTES }
    const chunks: Uint8Array[] = []
    const run = {
      program: [this.#options.ffmpegPath, ...args],
      limits,
      onOutput: (chunk: Uint8Array) => void chunks.push(chunk),
    }
    const { code, stderrTail } = await runLimited(run, this.#options, signal).catch((error: unknown) => {
      throw asUnreadable(error)
    })
    if (code !== 0) throw new MirrorError('slate_unreadable', lastLine(stderrTail))
    return Buffer.concat(chunks)
  }

  async #get(key: ObjectKey, signal: AbortSignal): Promise<Uint8Array | null> {
    const body = await this.#options.store.get(key, { signal })
    if (body === null) return null
    await using open = body
    return await collect(open.chunks)
  }

  #serially<Result>(work: () => Promise<Result>): Promise<Result> {
    const next = this.#last.then(work, work)
    this.#last = next.catch((error: unknown) =>
      this.#options.log.warn('a slate could not be made', { cause: toMirrorError(error).message }),
    )
    return next
  }
}

function asUnreadable(error: unknown): unknown {
  if (isMirrorError(error, 'content_too_large')) {
    return new MirrorError('slate_unreadable', 'it becomes too large to be looped', { cause: error })
  }
  const isItsFault = isMirrorError(error, 'processing_timeout') || isMirrorError(error, 'processing_died')
  return isItsFault ? new MirrorError('slate_unreadable', error.message, { cause: error }) : error
}

function outTimeSec(progress: string): number {
  return Number([...progress.matchAll(/^out_time_us=(\d+)/gm)].at(-1)?.[1] ?? 0) / 1e6
}

/** ffmpeg's own words, without the temporary path. */
function lastLine(stderr: string): string {
  const line = stderr.trim().split('\n').at(-1) ?? ''
  return line.replace(/file:\S*source:?\s*/g, '').slice(0, 300) || 'ffmpeg could not read it'
}
