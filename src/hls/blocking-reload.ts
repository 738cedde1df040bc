// What to do with a playlist request that carries delivery directives. RFC 8216bis 6.2.5.

export interface ReloadDirectives {
  readonly msn: number | null
  readonly part: number | null
  /** `v2`: date ranges may be left out, too. */
  readonly skip: 'YES' | 'v2' | null
}

/** Where a media playlist stands. */
export interface PlaylistPosition {
  /** Newest complete segment; null before the first. */
  readonly lastMsn: number | null
  /** Number of parts of that segment. */
  readonly lastMsnParts: number
  /** The growing segment and the number of its published parts; null when none has a part yet. */
  readonly openMsn: number | null
  readonly openParts: number
  readonly partTargetSec: number
  readonly targetDurationSec: number
  readonly isEnded: boolean
}

export type ReloadDecision = 'now' | 'wait' | 'reject'

/** Parses `_HLS_msn`, `_HLS_part`, `_HLS_skip`. Null: not legal (answer 400): not a decimal integer, or a part without a number. */
export function parseDirectives(query: URLSearchParams): ReloadDirectives | null {
  const msn = parseInteger(query.get('_HLS_msn'))
  const part = parseInteger(query.get('_HLS_part'))
  const skip = query.get('_HLS_skip')
  if (msn === 'illegal' || part === 'illegal') return null
  if (part !== null && msn === null) return null // 6.2.5.2: _HLS_part requires _HLS_msn.
  return { msn, part, skip: skip === 'YES' || skip === 'v2' ? skip : null }
}

function parseInteger(text: string | null): number | null | 'illegal' {
  if (text === null) return null
  return /^\d{1,15}$/.test(text) ? Number(text) : 'illegal'
}

/** 6.2.5.2: a request far ahead of the playlist is answered 400 at once, one that is nearly there is held. */
export function decideReload({ msn, part }: ReloadDirectives, at: PlaylistPosition): ReloadDecision {
  if (at.isEnded || msn === null) return 'now'
  const newest = at.openMsn ?? at.lastMsn
  if (newest === null) return 'wait'
  if (isReached(msn, part, at)) return 'now'
  const lastMsn = at.lastMsn ?? newest - 1
  if (msn > lastMsn + 2) return 'reject'
  if (part !== null && part > lastPartOf(msn, at) + advancePartLimit(at)) return 'reject'
  return 'wait'
}

function isReached(msn: number, part: number | null, at: PlaylistPosition): boolean {
  const { lastMsn, openMsn, openParts } = at
  // Before its first complete segment a playlist has all that lies before the open one: it never will have more of it.
  if (lastMsn === null && openMsn !== null && msn < openMsn) return true
  if (part === null) return lastMsn !== null && msn <= lastMsn
  if (openMsn !== null && msn === openMsn) return part < openParts
  if (lastMsn === null || msn > lastMsn) return false
  // A segment without parts is there as a whole.
  if (msn < lastMsn || part < at.lastMsnParts || at.lastMsnParts === 0) return true
  // A part past the end of its segment means the first part of the next one.
  return openMsn !== null && openMsn > lastMsn && openParts > 0
}

/** Index of the newest part of `msn`, -1 when it has none. */
function lastPartOf(msn: number, at: PlaylistPosition): number {
  if (msn === at.openMsn) return at.openParts - 1
  return msn === at.lastMsn ? at.lastMsnParts - 1 : -1
}

/**
 * 6.2.5.2: three parts, or for parts below a second as many as last three seconds. A whole segment's worth is let
 * through, too: hls.js without low-latency mode asks for the next segment's last part, and after a tune-in for more.
 */
function advancePartLimit({ partTargetSec, targetDurationSec }: PlaylistPosition): number {
  const limit = partTargetSec < 1 ? Math.ceil(3 / partTargetSec) : 3
  return Math.max(limit, Math.ceil(targetDurationSec / partTargetSec))
}
