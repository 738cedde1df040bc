// One attempt to bring a message to an endpoint, by the rules of pulls: no address that is not public or named.
import type { IncomingMessage } from 'node:http'
import { MirrorError, toMirrorError } from '../core/errors.ts'
import type { HostSet } from '../core/host-set.ts'
import { openHop, type Resolver } from '../outbound/pull-connection.ts'
import { parsePullHop } from '../outbound/pull-policy.ts'
import type { Attempt } from './webhook.ts'

export interface PostOptions {
  readonly allow: HostSet
  readonly signal: AbortSignal
  readonly now: () => number
  readonly timeoutMs?: number
  readonly resolve?: Resolver
  readonly ca?: string
}

/** From the resolution of the name to the end of what is read of the answer. */
export const POST_TIMEOUT_MS = 15_000
/** Of what an endpoint says people see this much; the rest is not read. */
const MAX_ANSWER_BYTES = 1024

/** Never rejects but with the reason of `signal`: what went wrong is told by the attempt. A redirect is not followed. */
export async function postMessage(
  address: string,
  message: { readonly headers: Readonly<Record<string, string>>; readonly body: string },
  options: PostOptions,
): Promise<Attempt> {
  const { now, timeoutMs = POST_TIMEOUT_MS } = options
  const beganMs = now()
  const late = new AbortController()
  const timer = setTimeout(() => {
    late.abort(new MirrorError('pull_no_answer', `It did not answer within ${timeoutMs / 1000} s`))
  }, timeoutMs)
  const signal = AbortSignal.any([options.signal, late.signal])
  const took = () => Math.max(0, Math.round(now() - beganMs))
  try {
    const hop = parsePullHop(address)
    const headers = { 'content-type': 'application/json', ...message.headers }
    const answer = await openHop({ ...hop, post: { headers, body: message.body } }, { ...options, signal })
    const response = await beginningOf(answer, signal)
    const status = answer.statusCode ?? 0
    return { status, failure: failureOf(status), response, retryAfterMs: retryAfterOf(answer), tookMs: took() }
  } catch (error) {
    options.signal.throwIfAborted()
    const { message: failure } = toMirrorError(error)
    return { status: null, failure, response: null, retryAfterMs: null, tookMs: took() }
  } finally {
    clearTimeout(timer)
  }
}

function failureOf(status: number): string | null {
  if (status >= 200 && status < 300) return null
  const redirect = status >= 300 && status < 400 ? '; redirects are not followed' : ''
  return `It answered with status ${status}${redirect}`
}

/** The status is known: an answer that breaks off or never ends takes nothing from it. */
async function beginningOf(answer: IncomingMessage, signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  const stop = () => answer.destroy()
  signal.addEventListener('abort', stop, { once: true })
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      size += chunk.byteLength
      if (size >= MAX_ANSWER_BYTES) break
    }
  } catch {
    // What came until then is shown.
  } finally {
    signal.removeEventListener('abort', stop)
    answer.destroy()
  }
  const text = Buffer.concat(chunks).subarray(0, MAX_ANSWER_BYTES).toString('utf8')
  return text.replace(/[^\P{Cc}\n\t]/gu, '\uFFFD')
}

function retryAfterOf({ headers }: IncomingMessage): number | null {
  const text = headers['retry-after']
  return text !== undefined && /^\d{1,7}$/.test(text) ? Number(text) * 1000 : null
}
