// Reads one picture in a process of its own, with limits on memory, time and the size of what it writes.
import { extname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type Child, describeExit, type Spawn, startChild } from '../../../core/child-process.ts'
import { type ErrorCode, MirrorError } from '../../../core/errors.ts'
import { limitedCommand } from '../../../core/limited-command.ts'
import type { Log } from '../../../core/log.ts'
import type {
  PictureAnswer,
  PictureFacts,
  PictureFault,
  PicturePlaceholder,
  PictureRendition,
  PictureTask,
  RenderedPicture,
} from './picture-facts.ts'

const CHILD_FILE = fileURLToPath(new URL(`./picture-child${extname(import.meta.url)}`, import.meta.url))
/** Whoever waits for pictures waits for media threads, which have no time to lose. */
const NICENESS = 15
const CODES: Readonly<Record<PictureFault, ErrorCode>> = {
  unsupported: 'content_unsupported',
  too_large: 'content_too_large',
  damaged: 'content_damaged',
}

export interface PictureLimits {
  /** Of what the process may write to, code aside. Three copies of the largest picture in 8 bits fit. */
  readonly memoryBytes: number
  /** For one step; on a busy machine the largest picture as AVIF takes some 20 s. */
  readonly stepMs: number
  readonly fileBytes: number
}

export const PICTURE_LIMITS: PictureLimits = { memoryBytes: 2 * 2 ** 30, stepMs: 120_000, fileBytes: 128 * 2 ** 20 }

export interface PictureHost {
  readonly spawn: Spawn
  readonly log: Log
  readonly limits?: PictureLimits
}

/**
 * Every call rejects with `content_unsupported`, `content_damaged` or `content_too_large` about the picture, with
 * `processing_timeout`, `scratch_full` or `processing_died` about the process, after which no call succeeds, or with the signal's reason.
 * One call at a time. Disposing ends the process.
 */
export interface PictureReader extends AsyncDisposable {
  inspect(): Promise<PictureFacts>
  placeholder(): Promise<PicturePlaceholder>
  /** Writes the file `output`. */
  render(rendition: PictureRendition, output: string): Promise<RenderedPicture>
}

/** `path` of the picture, from the root. Aborting the signal kills the process. */
export async function openPicture(path: string, host: PictureHost, signal: AbortSignal): Promise<PictureReader> {
  return await ChildReader.start(path, host, signal)
}

class ChildReader implements PictureReader {
  readonly #child: Child
  readonly #lines: AsyncIterator<string>
  readonly #limits: PictureLimits
  readonly #signal: AbortSignal

  static async start(path: string, host: PictureHost, signal: AbortSignal): Promise<ChildReader> {
    const limits = host.limits ?? PICTURE_LIMITS
    const child = await startChild({
      ...limitedCommand([process.execPath, '--max-old-space-size=256', CHILD_FILE, path], limits, [
        'MALLOC_ARENA_MAX=2',
      ]),
      spawn: host.spawn,
      log: host.log,
      signal,
      stdin: 'pipe',
      niceness: NICENESS,
      graceMs: 0,
    })
    return new ChildReader(child, limits, signal)
  }

  private constructor(child: Child, limits: PictureLimits, signal: AbortSignal) {
    const { stdout } = child
    if (stdout === null) throw new Error('the child has no stdout')
    this.#child = child
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]()
    this.#limits = limits
    this.#signal = signal
  }

  async inspect(): Promise<PictureFacts> {
    return (await this.#ask({ kind: 'inspect' })) as PictureFacts
  }

  async placeholder(): Promise<PicturePlaceholder> {
    return (await this.#ask({ kind: 'placeholder' })) as PicturePlaceholder
  }

  async render(rendition: PictureRendition, output: string): Promise<RenderedPicture> {
    return (await this.#ask({ kind: 'render', rendition, output })) as RenderedPicture
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stop()
  }

  async #ask(task: PictureTask): Promise<Extract<PictureAnswer, { readonly ok: true }>['value']> {
    this.#signal.throwIfAborted()
    const { stepMs } = this.#limits
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      void this.#child.stop()
    }, stepMs)
    try {
      this.#child.stdin?.write(`${JSON.stringify(task)}\n`)
      // Stopping a child closes its stdout without an end of lines. Its exit comes after its last line.
      const line = await Promise.race([this.#lines.next(), this.#child.exited])
      if (!('value' in line) || line.done === true) throw await this.#ending(isLate)
      const answer = JSON.parse(line.value) as PictureAnswer
      if (!answer.ok) throw new MirrorError(CODES[answer.fault], answer.message)
      return answer.value
    } finally {
      clearTimeout(timer)
    }
  }

  async #ending(isLate: boolean): Promise<Error> {
    const exit = await this.#child.exited
    this.#signal.throwIfAborted()
    if (isLate)
      return new MirrorError('processing_timeout', `a picture took longer than ${this.#limits.stepMs / 1000} s`)
    const ending = describeExit(exit)
    if (/No space left|ENOSPC/.test(ending))
      return new MirrorError('scratch_full', `The disk is full (${ending}); it goes on by itself when there is room`)
    return new MirrorError('processing_died', `the process that reads pictures ended: ${ending}`)
  }
}
