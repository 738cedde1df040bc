// Fetches a file from an address that somebody gave us, without letting them reach what they could not reach themselves.
import type { IncomingMessage } from 'node:http'
import { MirrorError } from '../../core/errors.ts'
import { type HostSet, parseHostSet } from '../../core/host-set.ts'
import { type ConnectOptions, openHop, type Resolver } from '../../outbound/pull-connection.ts'
import { type PullHop, parsePullHop } from '../../outbound/pull-policy.ts'
import { orAborted } from '../../storage/abortable.ts'

export interface PullLimits {
  readonly maxBytes: number
  /** From the first connection to the last byte. */
  readonly totalMs: number
  /** From the beginning of a hop, name resolution included, to its answer. */
  readonly firstByteMs: number
  /** Longest wait for more of the body while somebody wants it. */
  readonly stallMs: number
}

export const PULL_LIMITS: PullLimits = {
  maxBytes: 5 * 1024 ** 3,
  totalMs: 3_600_000,
  firstByteMs: 15_000,
  stallMs: 30_000,
}

export const MAX_REDIRECTS = 5

export interface PullOptions {
  readonly allow: HostSet
  readonly limits: PullLimits
  readonly signal: AbortSignal
  /** How names become addresses; not given, as the machine does it. */
  readonly resolve?: Resolver
  /** Certificates to trust besides those of the machine, in PEM. */
  readonly ca?: string
  /** Value of an Authorization header for the first origin; it is not sent to any other. */
  readonly authorization?: string
}

/** Disposing it closes the connection; reading it to the end does as well. */
export interface PulledFile extends AsyncDisposable {
  /** Where the file was in the end, without user name and password. */
  readonly url: string
  /** What the source declared; null: it did not. */
  readonly declaredBytes: number | null
  /** The source's word for the type; never to be believed. */
  readonly declaredType: string | null
  /** To be read once. A slow reader slows the source. Rejects with a `pull_…` error, or with the signal's reason. */
  readonly chunks: AsyncIterable<Uint8Array>
}

/**
 * Asks for a file and resolves with the head of the answer. Every way in which it can fail has its own code
 * (`pull_…` in src/core/errors.ts); an abort rejects with the signal's reason.
 */
export async function pullFile(address: string, options: PullOptions): Promise<PulledFile> {
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(tooLong(options.limits)), options.limits.totalMs)
  timer.unref()
  const signal = AbortSignal.any([options.signal, deadline.signal])
  try {
    const { hop, answer } = await follow(address, { ...options, signal })
    return new OpenPull(hop, answer, options.limits, signal, timer)
  } catch (error) {
    clearTimeout(timer)
    throw error
  }
}

function tooLong({ totalMs }: PullLimits): MirrorError {
  return new MirrorError('pull_timeout', `The file did not come within ${totalMs / 1000} s`)
}

interface Answered {
  readonly hop: PullHop
  readonly answer: IncomingMessage
}

async function follow(address: string, options: PullOptions): Promise<Answered> {
  let hop = parsePullHop(address)
  const first = hop.url.origin
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    // Only what was meant for this origin, or stands in the address of this very hop.
    const authorization = hop.authorization ?? (hop.url.origin === first ? (options.authorization ?? null) : null)
    const answer = await answerWithin({ ...hop, authorization }, options)
    const to = redirectOf(answer)
    if (to === null) return { hop, answer: accepted(answer, hop, options.limits) }
    answer.destroy()
    const next = parsePullHop(to, hop.url)
    // A redirect within the origin keeps the credentials of the address that led to it, as browsers do.
    const isSameOrigin = next.url.origin === hop.url.origin
    hop = { url: next.url, authorization: next.authorization ?? (isSameOrigin ? hop.authorization : null) }
  }
  throw new MirrorError('pull_redirect_refused', `More than ${MAX_REDIRECTS} redirects, the last to ${hop.url.host}`)
}

async function answerWithin(hop: PullHop, options: PullOptions): Promise<IncomingMessage> {
  const late = new AbortController()
  const { firstByteMs } = options.limits
  const timer = setTimeout(
    () =>
      late.abort(new MirrorError('pull_no_answer', `${hop.url.host} did not answer within ${firstByteMs / 1000} s`)),
    firstByteMs,
  )
  try {
    const connect: ConnectOptions = {
      allow: options.allow,
      signal: AbortSignal.any([options.signal, late.signal]),
      ...(options.resolve === undefined ? {} : { resolve: options.resolve }),
      ...(options.ca === undefined ? {} : { ca: options.ca }),
    }
    return await openHop(hop, connect)
  } finally {
    clearTimeout(timer)
  }
}

/** Where an answer sends on; null: it is no redirect. */
function redirectOf({ statusCode = 0, headers }: IncomingMessage): string | null {
  return [301, 302, 303, 307, 308].includes(statusCode) ? (headers.location ?? null) : null
}

function accepted(answer: IncomingMessage, { url }: PullHop, { maxBytes }: PullLimits): IncomingMessage {
  const failure = refusal(answer, url.host, maxBytes)
  if (failure === null) return answer
  answer.destroy()
  throw failure
}

function refusal({ statusCode, headers }: IncomingMessage, host: string, maxBytes: number): MirrorError | null {
  if (statusCode !== 200) {
    return new MirrorError('pull_status', `${host} answered with status ${statusCode}`, {
      details: { status: statusCode ?? 0 },
    })
  }
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity'
  if (encoding !== 'identity' && encoding !== '') {
    return new MirrorError('pull_encoded', `${host} sent the file encoded as "${encoding.slice(0, 40)}", unasked`)
  }
  const declared = declaredBytes(headers['content-length'])
  if (declared !== null && declared > maxBytes) return tooLarge(maxBytes, declared)
  return null
}

function declaredBytes(header: string | undefined): number | null {
  return header === undefined ? null : Number(header)
}

function tooLarge(maxBytes: number, declared: number | null): MirrorError {
  const what = declared === null ? 'The file is longer' : `The file is declared to have ${declared} bytes, more`
  return new MirrorError('pull_too_large', `${what} than the limit of ${maxBytes} bytes`, { details: { maxBytes } })
}

class OpenPull implements PulledFile {
  readonly url: string
  readonly declaredBytes: number | null
  readonly declaredType: string | null
  readonly chunks: AsyncIterable<Uint8Array>
  readonly #answer: IncomingMessage
  readonly #limits: PullLimits
  readonly #signal: AbortSignal
  readonly #timer: NodeJS.Timeout

  constructor(hop: PullHop, answer: IncomingMessage, limits: PullLimits, signal: AbortSignal, timer: NodeJS.Timeout) {
    this.url = hop.url.href
    this.declaredBytes = declaredBytes(answer.headers['content-length'])
    this.declaredType = answer.headers['content-type'] ?? null
    this.#answer = answer
    this.#limits = limits
    this.#signal = signal
    this.#timer = timer
    // Whoever reads hears of it; before anybody reads, it must not end the process.
    answer.on('error', () => {})
    this.chunks = this.#read()
  }

  async *#read(): AsyncGenerator<Uint8Array, void, void> {
    const { maxBytes } = this.#limits
    const source = this.#answer[Symbol.asyncIterator]()
    let gotBytes = 0
    try {
      for (;;) {
        const next = await this.#next(source, gotBytes)
        if (next === null) break
        gotBytes += next.length
        if (gotBytes > maxBytes) throw tooLarge(maxBytes, null)
        yield next
      }
      if (this.declaredBytes !== null && gotBytes !== this.declaredBytes) throw this.#cutShort(gotBytes)
    } finally {
      await this[Symbol.asyncDispose]()
    }
  }

  /** Null at the end. */
  async #next(source: AsyncIterator<Uint8Array>, gotBytes: number): Promise<Uint8Array | null> {
    const { stallMs } = this.#limits
    const stalled = new AbortController()
    const timer = setTimeout(() => {
      stalled.abort(new MirrorError('pull_stalled', `Nothing came for ${stallMs / 1000} s, after ${gotBytes} bytes`))
    }, stallMs)
    const waiting = AbortSignal.any([this.#signal, stalled.signal])
    try {
      const { value, done } = await orAborted(source.next(), waiting)
      return done === true ? null : value
    } catch (error) {
      waiting.throwIfAborted()
      throw this.#cutShort(gotBytes, error)
    } finally {
      clearTimeout(timer)
    }
  }

  #cutShort(gotBytes: number, cause?: unknown): MirrorError {
    const of = this.declaredBytes === null ? '' : ` of ${this.declaredBytes}`
    return new MirrorError('pull_truncated', `The file ended after ${gotBytes}${of} bytes`, { cause })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer)
    this.#answer.destroy()
  }
}

/** `pullFile` for whoever knows no more than the address and how large a file may be. `allow` as `parseHostSet` reads it. */
export function pullerFor(
  allow: string,
): (address: string, call: { readonly maxBytes: number; readonly signal: AbortSignal }) => Promise<PulledFile> {
  const hosts = parseHostSet(allow)
  if (hosts === null) throw new MirrorError('config_invalid', `pull.allow is no set of hosts: "${allow}"`)
  return (address, { maxBytes, signal }) =>
    pullFile(address, { allow: hosts, limits: { ...PULL_LIMITS, maxBytes }, signal })
}
