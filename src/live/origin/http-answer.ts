// The few ways the origin answers: media, text, problems. Headers follow docs/decisions/delivery.md.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { ERRORS, type ErrorCode } from '../../core/errors.ts'
import { isNamed, parseRange } from '../../core/http-conditions.ts'
import type { RenderedText } from '../publication.ts'
import type { LeasedMedia } from './shelf.ts'

export const CACHE_IMMUTABLE = 'public, max-age=31536000, immutable'
/** A playlist asked for without directives is true for a moment only. */
export const CACHE_PLAYLIST = 'public, max-age=1'
/** With directives the answer holds what was asked for, whenever it is served. */
export const CACHE_BLOCKING_PLAYLIST = 'public, max-age=2'
const CACHE_ERROR = 'public, max-age=1'

/** Media not taken within this time is of no use to a live player any more. */
const SEND_MAX_MS = 60_000
/** Media leaves in pieces of this size, so that it shows whether a reader takes any. */
const PIECE_BYTES = 256 * 1024
/** A reader that takes no piece in this time (140 kbit/s) is slower than any picture, or has stopped reading. */
const PIECE_MAX_MS = 15_000

const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl'

/** Players on any site may read everything; Age and Date are needed for low-latency tune-in (hls.js reads `age`). */
export const CORS_HEADERS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'Age, Date, Content-Length, Content-Range, ETag',
} as const

export function answerPlaylist(
  request: IncomingMessage,
  response: ServerResponse,
  text: RenderedText,
  cacheControl: string,
): void {
  const isGzip = acceptsGzip(String(request.headers['accept-encoding'] ?? ''))
  const body = isGzip ? text.gzip : text.plain
  response.writeHead(200, {
    ...CORS_HEADERS,
    'Content-Type': PLAYLIST_TYPE,
    'Content-Length': body.length,
    'Cache-Control': cacheControl,
    'Accept-Ranges': 'none',
    Vary: 'Accept-Encoding',
    ...(isGzip ? { 'Content-Encoding': 'gzip' } : {}),
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

export interface MediaAnswer {
  readonly contentType: string
  readonly etag: string
}

/** Sends leased media whole or as one range, and releases it when it has left. RFC 9110 section 14. */
export function answerMedia(
  request: IncomingMessage,
  response: ServerResponse,
  media: LeasedMedia,
  answer: MediaAnswer,
): void {
  // A reader that takes a byte now and then would keep its slabs from being used again for ever.
  const late = setTimeout(() => cutOff(request, response), SEND_MAX_MS)
  const stuck = setTimeout(() => cutOff(request, response), PIECE_MAX_MS)
  response.once('close', () => {
    clearTimeout(late)
    clearTimeout(stuck)
    media.release()
  })
  const range = startMedia(request, response, { ...answer, sizeBytes: media.sizeBytes })
  if (range === null) return
  sendPieces(response, cutOut(media.buffers, range.start, range.end), () => stuck.refresh())
}

/** Writes the head of an answer with media. Null when that was all: not modified, no such range, HEAD. */
export function startMedia(
  request: IncomingMessage,
  response: ServerResponse,
  answer: MediaAnswer & { readonly sizeBytes: number },
): ByteRange | null {
  const { status, headers, range } = mediaHead(request, answer)
  response.writeHead(status, headers)
  if (range === null) response.end()
  return range
}

/** End exclusive. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** How a request for media is answered; `range` null: without a body. RFC 9110 section 14. */
export function mediaHead(
  request: Pick<IncomingMessage, 'method' | 'headers'>,
  answer: MediaAnswer & { readonly sizeBytes: number },
): {
  readonly status: 200 | 206 | 304 | 416
  readonly headers: Readonly<Record<string, string | number>>
  readonly range: ByteRange | null
} {
  const headers = {
    ...CORS_HEADERS,
    'Content-Type': answer.contentType,
    'Cache-Control': CACHE_IMMUTABLE,
    'Accept-Ranges': 'bytes',
    ETag: answer.etag,
  }
  if (isNamed(request.headers['if-none-match'], answer.etag)) return { status: 304, headers, range: null }
  const ifRange = request.headers['if-range']
  const rangeHeader = ifRange === undefined || ifRange === answer.etag ? request.headers.range : undefined
  const range = parseRange(rangeHeader, answer.sizeBytes)
  if (range === 'unsatisfiable') {
    const refused = { 'Content-Range': `bytes */${answer.sizeBytes}`, 'Cache-Control': CACHE_ERROR }
    return { status: 416, headers: { ...headers, ...refused }, range: null }
  }
  const { start, end } = range ?? { start: 0, end: answer.sizeBytes }
  const partial = range === null ? {} : { 'Content-Range': `bytes ${start}-${end - 1}/${answer.sizeBytes}` }
  return {
    status: range === null ? 200 : 206,
    headers: { ...headers, 'Content-Length': end - start, ...partial },
    range: request.method === 'HEAD' ? null : { start, end },
  }
}

function sendPieces(response: ServerResponse, pieces: readonly Buffer[], onTaken: () => void): void {
  let next = 0
  const send = () => {
    onTaken()
    while (next < pieces.length - 1) {
      const piece = pieces[next++]
      if (response.write(piece)) continue
      response.once('drain', send)
      return
    }
    response.end(pieces[next])
  }
  send()
}

/** What the kernel holds for a plain connection goes at once; after a mere close it would keep megabytes for minutes. */
function cutOff(request: IncomingMessage, response: ServerResponse): void {
  const isPlain = request.httpVersionMajor === 1 && !('encrypted' in request.socket)
  if (isPlain) request.socket.resetAndDestroy()
  else response.destroy()
}

/** The bytes from `start` to `end` of buffers that follow one another, in pieces. */
function cutOut(buffers: readonly Buffer[], start: number, end: number): Buffer[] {
  const pieces: Buffer[] = []
  let at = 0
  for (const buffer of buffers) {
    const from = Math.max(0, start - at)
    const to = Math.min(buffer.length, end - at)
    for (let piece = from; piece < to; piece += PIECE_BYTES) {
      pieces.push(buffer.subarray(piece, Math.min(to, piece + PIECE_BYTES)))
    }
    at += buffer.length
  }
  return pieces
}

export function answerBytes(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Uint8Array,
  answer: MediaAnswer,
): void {
  answerMedia(
    request,
    response,
    { buffers: [Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)], sizeBytes: bytes.length, release() {} },
    answer,
  )
}

/** What a problem tells beside the members of RFC 9457. */
type ProblemMembers = Readonly<Record<string, string | null>>

/** RFC 9457 problem, short-lived in caches (facts: a 404 must never outlive the birth of what was asked for). */
export function answerProblem(
  response: ServerResponse,
  code: ErrorCode,
  detail: string,
  { retryAfterSec = 1, members = {} }: { readonly retryAfterSec?: number; readonly members?: ProblemMembers } = {},
): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const { status, title, advice } = ERRORS[code]
  const problem = { type: `urn:mirror:error:${code}`, title, status, detail, code, advice, ...members }
  const body = Buffer.from(JSON.stringify(problem))
  response.writeHead(status, {
    ...CORS_HEADERS,
    'Content-Type': 'application/problem+json',
    'Content-Length': body.length,
    'Cache-Control': status === 503 || status === 429 ? 'no-store' : CACHE_ERROR,
    ...(status === 503 || status === 429 ? { 'Retry-After': String(retryAfterSec) } : {}),
  })
  response.end(body)
}

/** RFC 9110 12.5.3: `q=0` refuses. */
function acceptsGzip(header: string): boolean {
  const gzip = /(?:^|,)\s*gzip\s*(?:;\s*q=([0-9.]+))?\s*(?:,|$)/i.exec(header)
  return gzip !== null && Number(gzip[1] ?? 1) > 0
}
