// Who watches: sessions named by the player where it does, else by a salted hash of address and browser. No address is kept.
import { createHash, type Hash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { ViewerReport } from '../threads/messages.ts'

/** A session counts while it asked for something within this time. */
const ACTIVE_MS = 10_000
const MAX_SESSIONS_PER_STREAM = 50_000

export class ViewerCounter {
  readonly #salt: Uint8Array
  /** Hashing for every request of a connection would cost 5 % of delivery. */
  readonly #unnamed = new WeakMap<object, { readonly userAgent: string; readonly session: string }>()
  /** stream → session → [track, last seen] */
  readonly #streams = new Map<string, Map<string, { trackId: string; atMs: number }>>()

  /** `salt` is shared by the threads of one process, so that a viewer on two connections counts once. */
  constructor(salt: Uint8Array) {
    this.#salt = salt
  }

  note(request: IncomingMessage, query: URLSearchParams, streamId: string, trackId: string, nowMs: number): void {
    const sessions = this.#streams.get(streamId) ?? new Map<string, { trackId: string; atMs: number }>()
    this.#streams.set(streamId, sessions)
    const session = this.#sessionOf(request, query)
    if (sessions.size >= MAX_SESSIONS_PER_STREAM && !sessions.has(session)) return
    sessions.set(session, { trackId, atMs: nowMs })
  }

  report(nowMs: number): ViewerReport {
    const report: { streamId: string; sessions: [string, string][] }[] = []
    for (const [streamId, sessions] of this.#streams) {
      for (const [session, { atMs }] of sessions) if (nowMs - atMs > ACTIVE_MS) sessions.delete(session)
      if (sessions.size === 0) this.#streams.delete(streamId)
      else report.push({ streamId, sessions: [...sessions].map(([session, { trackId }]) => [session, trackId]) })
    }
    return report
  }

  #sessionOf(request: IncomingMessage, query: URLSearchParams): string {
    const named = namedSession(request, query)
    // A named session is the same in every thread.
    return named === null ? this.#unnamedSession(request) : shortHash(createHash('sha256').update(named))
  }

  /** An address is salted so that it cannot be looked up. */
  #unnamedSession({ socket, headers }: IncomingMessage): string {
    const userAgent = headers['user-agent'] ?? ''
    const known = this.#unnamed.get(socket)
    if (known?.userAgent === userAgent) return known.session
    const session = shortHash(
      createHash('sha256')
        .update(this.#salt)
        .update(`${socket.remoteAddress ?? ''} ${userAgent}`),
    )
    this.#unnamed.set(socket, { userAgent, session })
    return session
  }
}

function shortHash(hash: Hash): string {
  return hash.digest('base64url').slice(0, 12)
}

/** CTA-5004 `sid`, the usual session headers, or `session` in the query. */
function namedSession(request: IncomingMessage, query: URLSearchParams): string | null {
  const { headers } = request
  const cmcd = query.get('CMCD') ?? headers['cmcd-session']
  const sid = typeof cmcd === 'string' ? /(?:^|,)\s*sid="([^"]{1,64})"/.exec(cmcd)?.[1] : undefined
  const named =
    sid ?? headers['x-playback-session-id'] ?? headers['x-session-id'] ?? headers['x-viewer-id'] ?? query.get('session')
  return typeof named === 'string' && named.length > 0 && named.length <= 128 ? named : null
}
