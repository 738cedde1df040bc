// One HTTP exchange as the watcher saw it: all that the rules know of the server.

export type Purpose = 'multivariant' | 'reload' | 'init' | 'segment' | 'part' | 'hint' | 'probe'

/** A question that a well-behaved player would not ask; each is asked once. */
export type Probe =
  | 'part-without-msn'
  | 'far-ahead'
  | 'old-msn'
  | 'part-rollover'
  | 'skip-v2'
  | 'skip-unoffered'
  | 'ended-directives'
  | 'identity'
  | 'head'
  | 'range'
  | 'range-unsatisfiable'
  | 'unknown-media'
  | 'removed-part'
  | 'removed-segment'
  | 'again'

/** Delivery directives (RFC 8216bis 6.2.5). */
export interface Directives {
  readonly msn: number | null
  readonly part: number | null
  readonly skip: 'YES' | 'v2' | null
}

export const NO_DIRECTIVES: Directives = { msn: null, part: null, skip: null }

export interface Exchange {
  readonly purpose: Purpose
  readonly probe: Probe | null
  readonly method: 'GET' | 'HEAD'
  /** As requested, with directives. */
  readonly url: string
  /** The media playlist it belongs to, without directives. */
  readonly playlistUrl: string | null
  readonly directives: Directives
  /** Which media was asked for; `part` null: the whole segment. */
  readonly media: { readonly msn: number; readonly part: number | null } | null
  /** Byte range asked for, end inclusive as in the header. */
  readonly range: { readonly first: number; readonly last: number } | null
  /** Value of Accept-Encoding. */
  readonly acceptEncoding: string
  /** Milliseconds since 1970. */
  readonly requestedAtMs: number
  readonly headersAtMs: number
  readonly firstByteAtMs: number
  readonly completedAtMs: number
  /** 0: there was no answer. */
  readonly status: number
  readonly error: string | null
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Decoded. */
  readonly body: Uint8Array
}

/** The address with the directives of a player (6.2.5), in canonical order. */
export function withDirectives(url: string, { msn, part, skip }: Directives): string {
  const target = new URL(url)
  if (msn !== null) target.searchParams.set('_HLS_msn', String(msn))
  if (part !== null) target.searchParams.set('_HLS_part', String(part))
  if (skip !== null) target.searchParams.set('_HLS_skip', skip)
  return target.href
}

/** Cache-Control as a map of lower-case directives; a directive without value is ''. */
export function cacheControl(exchange: Exchange): ReadonlyMap<string, string> {
  const header = exchange.headers['cache-control'] ?? ''
  return new Map(
    header
      .split(',')
      .map((one) => one.trim().toLowerCase())
      .filter((one) => one !== '')
      .map((one) => {
        const [name = '', value = ''] = one.split('=')
        return [name, value.replaceAll('"', '')] as const
      }),
  )
}

/** Seconds a shared cache may keep the answer; null when nothing says so. */
export function freshSec(exchange: Exchange): number | null {
  const control = cacheControl(exchange)
  if (['no-store', 'no-cache', 'private'].some((name) => control.has(name))) return 0
  const age = control.get('s-maxage') ?? control.get('max-age')
  if (age !== undefined && /^\d+$/.test(age)) return Number(age)
  const expires = Date.parse(exchange.headers['expires'] ?? '')
  const date = Date.parse(exchange.headers['date'] ?? '')
  return Number.isNaN(expires) || Number.isNaN(date) ? null : Math.max(0, (expires - date) / 1000)
}

/** It was on its way long enough to have been held by the server. */
export function wasHeld(exchange: Exchange): boolean {
  return exchange.headersAtMs - exchange.requestedAtMs > HELD_MS
}

const HELD_MS = 40
