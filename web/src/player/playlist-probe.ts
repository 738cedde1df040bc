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

export type Tail =
  | { readonly kind: 'live'; readonly mediaSec: number }
  /** The encoder is silent: the newest entry is a gap. */
  | { readonly kind: 'gap' }
  | { readonly kind: 'ended' }

/** What a media playlist ends with, and how much media lies behind its last gap. */
export function tailOf(playlist: string): Tail {
  if (playlist.includes('#EXT-X-ENDLIST')) return { kind: 'ended' }
  let mediaSec = 0
  let partsSec = 0
  let durationSec = 0
  let isGap = false
  for (const line of playlist.split('\n')) {
    if (line.startsWith('#EXT-X-GAP')) isGap = true
    else if (line.startsWith('#EXTINF:')) durationSec = Number.parseFloat(line.slice('#EXTINF:'.length))
    else if (line.startsWith('#EXT-X-PART:')) {
      partsSec = line.includes('GAP=YES') ? 0 : partsSec + Number.parseFloat(/DURATION=([\d.]+)/.exec(line)?.[1] ?? '0')
    } else if (line !== '' && !line.startsWith('#')) {
      // The parts above were this segment's.
      mediaSec = isGap ? 0 : mediaSec + durationSec
      partsSec = 0
      isGap = false
    }
  }
  const totalSec = mediaSec + partsSec
  return totalSec > 0 ? { kind: 'live', mediaSec: totalSec } : { kind: 'gap' }
}

/** Null when it cannot be had now. */
export async function fetchTail(mediaPlaylistUrl: string, signal: AbortSignal): Promise<Tail | null> {
  try {
    const response = await fetch(mediaPlaylistUrl, {
      cache: 'no-store',
      signal: AbortSignal.any([signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)]),
    })
    return response.ok ? tailOf(await response.text()) : null
  } catch {
    return null
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
