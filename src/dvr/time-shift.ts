// Which part of a recording a playlist URL asks for. Pure. Our own words are `start`, `end` and `dvr`; the dialects of
// MediaPackage, Flussonic and Unified Streaming mean the same, so that players of theirs can stay as they are.
import { parseDuration } from '../core/duration.ts'

/** Half-open. `toMs` null: up to the live edge, growing. */
export interface TimeShift {
  readonly fromMs: number
  readonly toMs: number | null
}

/** `rewind`: the live playlist, reaching further back than usual. `delay`: as live, but so much later. */
export type PlaylistRequest =
  | { readonly kind: 'live' }
  | { readonly kind: 'rewind'; readonly reachMs: number }
  | ({ readonly kind: 'range' } & TimeShift)
  | { readonly kind: 'invalid'; readonly reason: string }

/** Integers from here on are milliseconds since 1970; below they are seconds (10¹¹ s is the year 5138, 10¹¹ ms is 1973). */
const MILLISECONDS_FROM = 1e11

/**
 * A moment: ISO 8601 (without a zone: UTC), an integer in seconds or milliseconds since 1970, or a negative number of
 * seconds or a negative duration (`-90`, `-5m`) before now. Null when it is none of these.
 */
export function parseMoment(text: string, nowMs: number): number | null {
  if (text === 'now') return nowMs
  if (/^-\d{1,10}$/.test(text)) return nowMs + Number(text) * 1000
  if (text.startsWith('-')) {
    const durationMs = parseDuration(text.slice(1))
    return durationMs === null ? null : nowMs - durationMs
  }
  if (/^\d{1,15}(?:\.\d{1,6})?$/.test(text)) {
    const value = Number(text)
    return value >= MILLISECONDS_FROM ? value : value * 1000
  }
  if (!/^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/.test(text)) return null
  const hasZone = /(?:Z|T.*[+-]\d{2}:?\d{2})$/.test(text) || !text.includes('T')
  const atMs = Date.parse(hasZone ? text : `${text}Z`)
  return Number.isNaN(atMs) ? null : atMs
}

/** Reads the query of a playlist URL. Unknown parameters are no concern of a recording. */
export function parsePlaylistRequest(query: URLSearchParams, nowMs: number): PlaylistRequest {
  const settings = mediaPackageSettings(query)
  const start = query.get('start') ?? settings.get('start')
  const end = query.get('end') ?? settings.get('end')
  if (start !== null && start !== undefined) return rangeOf(start, end ?? null, nowMs)
  if (end !== null && end !== undefined) return invalid('end needs start')
  const reach =
    query.get('dvr') ?? secondsText(query.get('dvr_window_length') ?? settings.get('manifest_window_seconds'))
  if (reach !== null) {
    const reachMs = parseDuration(reach)
    return reachMs === null || reachMs <= 0 ? invalid(`"${reach}" is no duration`) : { kind: 'rewind', reachMs }
  }
  return { kind: 'live' }
}

/**
 * Playlist names of Flussonic: `archive-<utc>-<seconds|now>.m3u8`, `timeshift_abs-<utc>.m3u8`, `rewind-<seconds>.m3u8`,
 * also with `index-` before and `video-` names. Null when the name is none of them.
 */
export function parsePlaylistName(name: string, nowMs: number): PlaylistRequest | null {
  const match =
    /^(?:index-|video-|mono-)?(archive|timeshift_abs|rewind)-(\d{1,12})(?:-(\d{1,9}|now))?\.(?:fmp4\.)?m3u8$/.exec(name)
  if (match === null) return null
  const [, word, first = '', second] = match
  if (word === 'rewind') return second === undefined ? { kind: 'rewind', reachMs: Number(first) * 1000 } : null
  const fromMs = Number(first) * 1000
  if (word === 'timeshift_abs' || second === 'now') return rangeOf(first, null, nowMs)
  if (second === undefined) return invalid('an archive needs a duration or "now"')
  return checked(fromMs, fromMs + Number(second) * 1000, nowMs)
}

/** `aws.manifestsettings=start:…;end:…;manifest_window_seconds:…` */
function mediaPackageSettings(query: URLSearchParams): ReadonlyMap<string, string> {
  const settings = new Map<string, string>()
  for (const setting of (query.get('aws.manifestsettings') ?? '').split(';')) {
    const colon = setting.indexOf(':')
    if (colon > 0) settings.set(setting.slice(0, colon), setting.slice(colon + 1))
  }
  return settings
}

function rangeOf(start: string, end: string | null, nowMs: number): PlaylistRequest {
  const fromMs = parseMoment(start, nowMs)
  if (fromMs === null) return invalid(`start "${start}" is no time`)
  if (end === null) return checked(fromMs, null, nowMs)
  const toMs = parseMoment(end, nowMs)
  return toMs === null ? invalid(`end "${end}" is no time`) : checked(fromMs, toMs, nowMs)
}

function checked(fromMs: number, toMs: number | null, nowMs: number): PlaylistRequest {
  if (fromMs >= nowMs) return invalid('start lies in the future')
  if (toMs !== null && toMs <= fromMs) return invalid('end must lie after start')
  return { kind: 'range', fromMs, toMs }
}

function invalid(reason: string): PlaylistRequest {
  return { kind: 'invalid', reason }
}

function secondsText(text: string | null | undefined): string | null {
  if (text === null || text === undefined) return null
  return /^\d+$/.test(text) ? `${text}s` : text
}
