// Makes one HTTP exchange out of one request: times, headers, body within a limit. Failures are exchanges, too.
import { type Directives, type Exchange, NO_DIRECTIVES, type Probe, type Purpose, withDirectives } from './exchange.ts'

/** A held reload may last three target durations; nothing waits longer than this. */
const REQUEST_TIMEOUT_MS = 30_000
const MAX_BODY_BYTES = 64 * 1024 * 1024

export interface FetchHost {
  readonly fetch: typeof fetch
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Ends the watch: what is under way then is no observation. */
  readonly signal: AbortSignal
}

export interface Ask {
  readonly purpose: Purpose
  readonly url: string
  readonly probe?: Probe
  readonly method?: 'GET' | 'HEAD'
  readonly playlistUrl?: string | null
  readonly directives?: Directives
  readonly media?: Exchange['media']
  readonly range?: Exchange['range']
  readonly acceptEncoding?: string
}

/** Null when the watch ended meanwhile. */
export async function exchange(host: FetchHost, ask: Ask): Promise<Exchange | null> {
  const directives = ask.directives ?? NO_DIRECTIVES
  const acceptEncoding = ask.acceptEncoding ?? 'gzip'
  const url = withDirectives(ask.url, directives)
  const range = ask.range ?? null
  const requestedAtMs = host.now()
  const common = {
    purpose: ask.purpose,
    probe: ask.probe ?? null,
    method: ask.method ?? 'GET',
    url,
    playlistUrl: ask.playlistUrl ?? null,
    directives,
    media: ask.media ?? null,
    range,
    acceptEncoding,
    requestedAtMs,
  } as const
  try {
    const response = await host.fetch(url, {
      method: common.method,
      headers: {
        'accept-encoding': acceptEncoding,
        ...(range === null ? {} : { range: `bytes=${range.first}-${range.last}` }),
      },
      signal: AbortSignal.any([host.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
    })
    const headersAtMs = host.now()
    const { body, firstByteAtMs } = await readBody(response, host)
    return {
      ...common,
      headersAtMs,
      firstByteAtMs: firstByteAtMs ?? headersAtMs,
      completedAtMs: host.now(),
      status: response.status,
      error: null,
      headers: Object.fromEntries(response.headers),
      body,
    }
  } catch (error) {
    if (host.signal.aborted) return null
    const failedAtMs = host.now()
    return {
      ...common,
      headersAtMs: failedAtMs,
      firstByteAtMs: failedAtMs,
      completedAtMs: failedAtMs,
      status: 0,
      error: wordsOf(error),
      headers: {},
      body: new Uint8Array(),
    }
  }
}

async function readBody(
  response: Response,
  host: FetchHost,
): Promise<{ body: Uint8Array; firstByteAtMs: number | null }> {
  const chunks: Uint8Array[] = []
  let size = 0
  let firstByteAtMs: number | null = null
  for await (const chunk of response.body ?? []) {
    firstByteAtMs ??= host.now()
    size += chunk.length
    if (size > MAX_BODY_BYTES) throw new Error(`the body is larger than ${MAX_BODY_BYTES} bytes`)
    chunks.push(chunk)
  }
  return { body: Buffer.concat(chunks), firstByteAtMs }
}

/** `fetch` hides the reason in the cause. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}
