// Reads multipart/form-data (RFC 7578) as it arrives: one part after the other, nothing of a file held back.
import { MirrorError } from '../../core/errors.ts'

export interface MultipartLimits {
  readonly maxParts: number
  /** Of the headers of one part. */
  readonly maxHeaderBytes: number
}

export const MULTIPART_LIMITS: MultipartLimits = { maxParts: 32, maxHeaderBytes: 8 * 1024 }

export interface FormPart {
  readonly name: string
  /** Null: a plain field. */
  readonly fileName: string | null
  /** As the sender says; never believed. */
  readonly contentType: string | null
  /** To be read before the next part is asked for; what is left unread is skipped then. */
  readonly chunks: AsyncIterable<Uint8Array>
}

/** The boundary of a Content-Type; null: it is no multipart/form-data, or it names none that is allowed. */
export function boundaryOf(contentType: string | undefined): string | null {
  if (contentType === undefined || !/^multipart\/form-data\s*(;|$)/i.test(contentType)) return null
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]*)"|([^\s;"]+))/i.exec(contentType) ?? []
  const boundary = quoted ?? plain ?? ''
  // RFC 2046 section 5.1.1.
  return /^[0-9A-Za-z'()+_,./:=? -]{1,70}$/.test(boundary) && !boundary.endsWith(' ') ? boundary : null
}

/** Throws `invalid_request` for what is no form or ends early, and what the source throws. */
export async function* readForm(
  source: AsyncIterable<Uint8Array>,
  boundary: string,
  limits: MultipartLimits = MULTIPART_LIMITS,
): AsyncGenerator<FormPart, void, void> {
  const window = new Window(source)
  try {
    const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
    // The first delimiter may be the very beginning: with a line break before it, it is like the others.
    window.unread(Buffer.from('\r\n'))
    for await (const _preamble of window.until(delimiter)) {
      // RFC 2046: to be ignored.
    }
    for (let parts = 0; !(await isLast(window)); parts += 1) {
      if (parts === limits.maxParts) throw malformed(`it has more than ${limits.maxParts} parts`)
      const headers = await readHeaders(window, limits.maxHeaderBytes)
      const chunks = window.until(delimiter)
      yield { ...describePart(headers), chunks: { [Symbol.asyncIterator]: () => asItIs(chunks) } }
      for await (const _rest of chunks) {
        // Skipped: the reader wanted no more of it.
      }
    }
  } finally {
    await window.close()
  }
}

/** Leaving a `for await` early must not end the part: the rest is skipped later. */
function asItIs(chunks: AsyncGenerator<Uint8Array, void, void>): AsyncIterator<Uint8Array, void, void> {
  return { next: () => chunks.next() }
}

/** Behind a delimiter: `--` ends the form, a line break begins a part. */
async function isLast(window: Window): Promise<boolean> {
  await window.need(2)
  const next = window.take(2).toString('latin1')
  if (next === '--') return true
  if (next === '\r\n') return false
  // RFC 2046 allows spaces and tabs there; no sender is known that uses them.
  throw malformed('its parts are not divided as they should be')
}

async function readHeaders(window: Window, maxBytes: number): Promise<string> {
  const end = Buffer.from('\r\n\r\n')
  // A part may have no headers at all; then the empty line comes at once.
  window.unread(Buffer.from('\r\n'))
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of window.until(end)) {
    pieces.push(piece)
    size += piece.byteLength
    if (size > maxBytes) throw malformed(`the headers of a part are longer than ${maxBytes} bytes`)
  }
  return Buffer.concat(pieces).toString('utf8')
}

function describePart(headers: string): Omit<FormPart, 'chunks'> {
  const headerOf = (name: string) =>
    headers
      .split('\r\n')
      .find((line) => line.toLowerCase().startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim()
  const disposition = headerOf('content-disposition') ?? ''
  const name = parameterOf(disposition, 'name')
  if (!/^form-data\s*;/i.test(disposition) || name === null) throw malformed('a part has no name')
  return { name, fileName: parameterOf(disposition, 'filename'), contentType: headerOf('content-type') ?? null }
}

/** Browsers write `%22` for a quote (WHATWG), curl `\"`; line breaks are `%0D%0A` in both. */
function parameterOf(disposition: string, name: string): string | null {
  const match = new RegExp(`;\\s*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s;"]*))`, 'i').exec(disposition)
  if (match === null) return null
  return (match[1]?.replace(/\\(["\\])/g, '$1') ?? match[2] ?? '').replace(/%(22|0D|0A)/gi, decodeURIComponent)
}

/** What has arrived and is not read yet: one chunk of the source, and at most a delimiter before it. */
class Window {
  readonly #chunks: AsyncIterator<Uint8Array>
  #bytes: Buffer = Buffer.alloc(0)
  #isOver = false

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]()
  }

  unread(bytes: Buffer): void {
    this.#bytes = Buffer.concat([bytes, this.#bytes])
  }

  take(count: number): Buffer {
    const taken = this.#bytes.subarray(0, count)
    this.#bytes = this.#bytes.subarray(count)
    return taken
  }

  async need(count: number): Promise<void> {
    while (this.#bytes.byteLength < count) await this.#pull()
  }

  /** What comes before `mark`, which is taken as well. Throws when the source ends without it. */
  async *until(mark: Buffer): AsyncGenerator<Uint8Array, void, void> {
    for (;;) {
      const at = this.#bytes.indexOf(mark)
      if (at >= 0) {
        const before = this.take(at)
        this.take(mark.byteLength)
        if (before.byteLength > 0) yield before
        return
      }
      // A part of the mark may be at the end.
      const before = this.take(Math.max(0, this.#bytes.byteLength - mark.byteLength + 1))
      if (before.byteLength > 0) yield before
      await this.#pull()
    }
  }

  async close(): Promise<void> {
    if (!this.#isOver) await this.#chunks.return?.()
  }

  async #pull(): Promise<void> {
    const { value, done } = await this.#chunks.next()
    if (done === true) {
      this.#isOver = true
      throw malformed('it ends before its last part does')
    }
    this.#bytes = this.#bytes.byteLength === 0 ? asBuffer(value) : Buffer.concat([this.#bytes, value])
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function malformed(what: string): MirrorError {
  return new MirrorError('invalid_request', `The form cannot be read: ${what}`)
}
