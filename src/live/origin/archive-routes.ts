// Answers about the past: what is no more, or never was, in the window of a live stream.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { gunzipSync } from 'node:zlib'
import { type ErrorDetails, toMirrorError } from '../../core/errors.ts'
import type { ArchiveClient } from '../../dvr/archive-client.ts'
import type { ArchiveAnswer } from '../../dvr/archive-requests.ts'
import { openSpan } from '../../dvr/open-span.ts'
import type { PlaylistRequest, TimeShift } from '../../dvr/time-shift.ts'
import type { ObjectKey, ObjectStore } from '../../storage/object-store.ts'
import type { SegmentSource } from '../control.ts'
import { describeArchived } from './archived-answer.ts'
import {
  answerBytes,
  answerPlaylist,
  answerProblem,
  CACHE_PLAYLIST,
  type MediaAnswer,
  mediaHead,
} from './http-answer.ts'

const SEGMENT_NAME = /^(\d{1,10})\.(?:m4s|vtt)$/
const INIT_NAME = /^init-[0-9a-f]{1,64}\.mp4$/

/** A finished range does not change; retention may take it away. */
const CACHE_FINAL_PLAYLIST = 'public, max-age=60'
/** A reader that takes nothing for this long is cut off. */
const STALL_MS = 20_000
/** Between the answer and the look a pack may have left the spool, or a copy the cache; hardly twice in a row. */
const LOOKS = 3

export interface ArchiveHost {
  readonly archive: ArchiveClient
  /** Where recordings lie; opened when the first is asked for. */
  readonly store: () => Promise<ObjectStore>
  readonly now: () => number
  /** The bytes of a whole segment, or of a range of it, are on their way. */
  readonly onServed: (from: SegmentSource) => void
  /** Somebody wants an object that has to be restored first. Null: nobody hears of it. */
  readonly onArchived: ((key: string) => void) | null
}

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

export async function answerRecordedMultivariant(
  host: ArchiveHost,
  exchange: Exchange,
  streamId: string,
  asked: Exclude<PlaylistRequest, { kind: 'live' }>,
): Promise<void> {
  const range = rangeOf(asked, host.now())
  if (range === null) return answerProblem(exchange.response, 'invalid_request', reasonOf(asked))
  const answer = await host.archive.ask({ kind: 'multivariant', streamId, range })
  answerText(exchange, answer, `nothing of ${streamId} was recorded at that time`)
}

/** `query` as the multivariant playlist gave it out: absolute times and the type. */
export async function answerRecordedPlaylist(
  host: ArchiveHost,
  exchange: Exchange,
  path: { readonly streamId: string; readonly trackId: string; readonly query: URLSearchParams },
  asked: Exclude<PlaylistRequest, { kind: 'live' }>,
): Promise<void> {
  const { streamId, trackId, query } = path
  const range = rangeOf(asked, host.now())
  if (range === null) return answerProblem(exchange.response, 'invalid_request', reasonOf(asked))
  const isPast = range.toMs !== null && range.toMs <= host.now()
  const type = query.get('type') === 'vod' || (query.get('type') === null && isPast) ? 'VOD' : 'EVENT'
  const answer = await host.archive.ask({ kind: 'playlist', streamId, trackId, range, type })
  answerText(exchange, answer, `nothing of ${streamId}/${trackId} was recorded at that time`)
}

export function isSegmentName(name: string): boolean {
  return SEGMENT_NAME.test(name)
}

/** `tenantId`: of an asset. */
interface MediaPath {
  readonly streamId: string
  readonly tenantId?: string
  readonly trackId: string
}

/** Media that is not in the window: a segment or an init segment may have been recorded. `missing` answers when not. */
export function answerRecorded(
  host: ArchiveHost,
  exchange: Exchange,
  path: MediaPath & { readonly name: string },
  answer: MediaAnswer,
  missing: () => void,
): void {
  const msn = SEGMENT_NAME.exec(path.name)?.[1]
  if (msn === undefined && !INIT_NAME.test(path.name)) return missing()
  const answering =
    msn === undefined
      ? answerRecordedInit(host, exchange, path, answer, missing)
      : answerRecordedSegment(host, exchange, { ...path, msn: Number(msn) }, answer, missing)
  answering.catch((error: unknown) => {
    const { code, details } = toMirrorError(error)
    if (code === 'object_archived') return answerArchived(host, exchange.response, details)
    answerProblem(exchange.response, code, 'the recording cannot be read')
  })
}

/** At once, whatever the archive takes: a player asks again. */
function answerArchived(host: ArchiveHost, response: ServerResponse, details: ErrorDetails): void {
  const { key } = details
  if (typeof key === 'string') host.onArchived?.(key)
  const about = describeArchived(details, { isAsked: host.onArchived !== null, nowMs: host.now() })
  const { detail, retryAfterSec, readyAt } = about
  answerProblem(response, 'object_archived', detail, { retryAfterSec, members: { readyAt } })
}

async function answerRecordedSegment(
  host: ArchiveHost,
  { request, response }: Exchange,
  path: MediaPath & { readonly msn: number },
  answer: MediaAnswer,
  missing: () => void,
): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => gone.abort(new Error('the client has gone')))
  let notAt: ObjectKey | null = null
  for (let attempt = 1; ; attempt += 1) {
    const asked = { kind: 'segment', ...path, ...(notAt === null ? {} : { notAt }) } as const
    const found = await host.archive.ask(asked, { signal: gone.signal })
    if (gone.signal.aborted) return
    if (found.kind === 'failed' && found.code === 'object_archived') {
      return answerArchived(host, response, found.details ?? {})
    }
    if (found.kind === 'failed') return answerProblem(response, found.code, found.message)
    if (found.kind !== 'location') return missing()
    const { location } = found
    const { status, headers, range } = mediaHead(request, { ...answer, sizeBytes: location.length })
    if (range === null) {
      response.writeHead(status, headers).end()
      return
    }
    // Nothing is promised to the client before the bytes are in hand.
    const source = await openSpan(location, range, host.store, gone.signal)
    if (source === null) notAt = location.kind === 'object' ? location.key : null
    if (source === null && attempt < LOOKS) continue
    if (source === null) return answerProblem(response, 'media_gone', `${path.msn} of ${path.trackId} is gone`)
    host.onServed(location.kind === 'object' ? 'store' : location.from)
    response.writeHead(status, headers)
    return await send(source, response)
  }
}

/** The head is out: a connection that ends early is all that can be said from here on. */
async function send(source: Readable, response: ServerResponse): Promise<void> {
  const stalled = setTimeout(() => response.destroy(), STALL_MS)
  response.on('drain', () => stalled.refresh())
  try {
    await pipeline(source, response)
  } catch {
    response.destroy()
  } finally {
    clearTimeout(stalled)
  }
}

async function answerRecordedInit(
  host: ArchiveHost,
  { request, response }: Exchange,
  path: MediaPath & { readonly name: string },
  answer: MediaAnswer,
  missing: () => void,
): Promise<void> {
  const found = await host.archive.ask({ kind: 'init', ...path })
  if (found.kind === 'failed') return answerProblem(response, found.code, found.message)
  if (found.kind !== 'bytes') return missing()
  answerBytes(request, response, found.bytes, answer)
}

export function answerText({ request, response }: Exchange, answer: ArchiveAnswer, missing: string): void {
  if (answer.kind === 'failed') return answerProblem(response, answer.code, answer.message)
  if (answer.kind !== 'text') return answerProblem(response, 'recording_not_found', missing)
  const { gzip } = answer
  // Hardly anybody takes it uncompressed.
  const text = {
    gzip,
    get plain() {
      return gunzipSync(gzip)
    },
  }
  answerPlaylist(request, response, text, answer.isFinal ? CACHE_FINAL_PLAYLIST : CACHE_PLAYLIST)
}

function rangeOf(asked: Exclude<PlaylistRequest, { kind: 'live' }>, nowMs: number): TimeShift | null {
  if (asked.kind === 'range') return asked
  return asked.kind === 'rewind' ? { fromMs: nowMs - asked.reachMs, toMs: null } : null
}

function reasonOf(asked: Exclude<PlaylistRequest, { kind: 'live' }>): string {
  return asked.kind === 'invalid' ? asked.reason : 'the range is not understood'
}
