// Asks for the playlist before hls.js does, because the problem document behind a 404 tells "not live yet" from "no such stream".

export type ProbeResult =
  | { readonly kind: 'ready' }
  | { readonly kind: 'offline' }
  | { readonly kind: 'unknown' }
  /** Nobody answers, or with 5xx: worth another try. */
  | { readonly kind: 'unreachable'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string }

const PROBE_TIMEOUT_MS = 12_000

export async function probePlaylist(url: string, signal: AbortSignal): Promise<ProbeResult> {
  let response: Response
  try {
    response = await fetch(url, {
      cache: 'no-store',
      signal: AbortSignal.any([signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)]),
    })
  } catch {
    return { kind: 'unreachable', reason: 'The media server does not answer.' }
  }
  if (response.ok) {
    void response.body?.cancel()
    return { kind: 'ready' }
  }
  return judgeAnswer(response.status, await readProblem(response))
}

export interface ProblemBody {
  readonly code?: string
  readonly title?: string
  readonly detail?: string
}

export function judgeAnswer(status: number, problem: ProblemBody): ProbeResult {
  if (problem.code === 'stream_not_found') return { kind: 'unknown' }
  // A 404 that says nothing comes from a proxy or an older server: waiting is the harmless reading.
  if (problem.code === 'stream_offline' || status === 404 || status === 410) return { kind: 'offline' }
  const words = problem.detail ?? problem.title
  if (status === 401 || status === 403) return { kind: 'refused', reason: words ?? 'You may not watch this stream.' }
  return { kind: 'unreachable', reason: words ?? `The media server answered with status ${status}.` }
}

/** True when the media playlist says that nothing will follow. */
export async function isEnded(mediaPlaylistUrl: string, signal: AbortSignal): Promise<boolean> {
  try {
    const response = await fetch(mediaPlaylistUrl, {
      cache: 'no-store',
      signal: AbortSignal.any([signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)]),
    })
    return response.ok && (await response.text()).includes('#EXT-X-ENDLIST')
  } catch {
    return false
  }
}

async function readProblem(response: Response): Promise<ProblemBody> {
  try {
    const body: unknown = await response.json()
    return typeof body === 'object' && body !== null ? (body as ProblemBody) : {}
  } catch {
    return {}
  }
}
