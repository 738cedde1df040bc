// POST|PUT /ingest/<stream>[/<track>]?key= : CMAF over HTTP (DASH-IF live media ingest, interface 1), and WebVTT for a
// subtitles track beside any publisher.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { toMirrorError } from '../../core/errors.ts'
import { afterRunning } from '../../core/running-time.ts'
import type { GateInput, InputFault, InputGate, TextOptions } from '../ingest/protocol.ts'
import { answerProblem, CORS_HEADERS } from './http-answer.ts'

const TRACK_NAME = /^([vas][0-9]{1,2})(?:\.([a-z0-9]{1,5}))?$/
/** Encoders name MP4 in many ways, or send what their HTTP library does; what is surely something else is told at once. */
const MEDIA_TYPES =
  /^(?:(?:video|audio)\/(?!mp2t|mpegts|x-flv|webm|x-matroska|ogg|mpegurl)|application\/(?:mp4|octet-stream|x-www-form-urlencoded))/i

export interface IngestRouteOptions {
  readonly gate: InputGate
  /** A publisher with the right key was refused for what it announced. */
  readonly onRefused: (streamId: string, fault: InputFault) => void
  /** A publisher that sends nothing for this long is ended. */
  readonly idleTimeoutMs: number
}

export async function answerIngest(
  options: IngestRouteOptions,
  request: IncomingMessage,
  response: ServerResponse,
  path: { readonly streamId: string; readonly track: string | null; readonly query: URLSearchParams },
): Promise<void> {
  const { gate } = options
  const admission = gate.authorise({
    protocol: 'cmaf',
    streamId: path.streamId,
    key: path.query.get('key') ?? bearerToken(request) ?? '',
    remoteAddress: request.socket.remoteAddress ?? '',
  })
  if (!admission.ok) return refuse(request, response, admission.fault)
  const track = path.track === null ? null : TRACK_NAME.exec(path.track)
  const text = textOptions(request.headers['content-type'], track, path.query)
  const unsupported =
    unsupportedTrack(path.track) ?? (text === null ? unsupportedType(request.headers['content-type']) : null)
  const fault: InputFault | null =
    unsupported === null ? (text?.fault ?? null) : { code: 'ingest_type_unsupported', message: unsupported }
  if (fault !== null) {
    options.onRefused(admission.streamId, fault)
    return refuse(request, response, fault)
  }
  const gone = new AbortController()
  request.once('close', () => gone.abort(new Error('the publisher went away')))
  let input: GateInput
  try {
    input = await gate.open(
      {
        ...{ streamId: admission.streamId, protocol: 'cmaf', trackId: track?.[1] ?? null },
        ...(text === null ? { container: 'fmp4' } : { container: 'vtt', text: text.options }),
      },
      gone.signal,
    )
  } catch (error) {
    if (gone.signal.aborted) return
    const { code, message } = toMirrorError(error)
    return refuse(request, response, { code, message })
  }
  await pump(input, request, response, options.idleTimeoutMs)
}

function unsupportedTrack(name: string | null): string | null {
  if (name === null || TRACK_NAME.test(name)) return null
  return `a track is named v0, v1, … or a0, a1, … or s0, s1, …; not ${name.slice(0, 40)}`
}

interface TextRequest {
  readonly options: TextOptions
  readonly fault: InputFault | null
}

/** Null when the body is no WebVTT, by its type or its name. */
function textOptions(
  contentType: string | undefined,
  track: RegExpExecArray | null,
  query: URLSearchParams,
): TextRequest | null {
  if (!/^text\/vtt(?:;|$)/i.test(contentType ?? '') && track?.[2] !== 'vtt') return null
  const options = { zeroMs: parseTime(query.get('from')), language: parseLanguage(query.get('language')) }
  const fault = (message: string): TextRequest => ({ options, fault: { code: 'invalid_request', message } })
  if (track?.[1]?.startsWith('s') !== true) return fault('WebVTT goes to a subtitles track: /ingest/<stream>/s0, s1, …')
  if (query.has('from') && options.zeroMs === null)
    return fault('from must be a date such as 2026-11-21T12:00:00Z, or seconds or milliseconds since 1970')
  if (query.has('language') && options.language === null) return fault('language must be a BCP 47 tag such as de')
  return { options, fault: null }
}

/** An integer from 10^11 on is milliseconds, else seconds. */
function parseTime(text: string | null): number | null {
  if (text === null) return null
  if (/^\d{1,15}(?:\.\d{1,6})?$/.test(text)) return Number(text) >= 1e11 ? Number(text) : Number(text) * 1000
  const ms = /^\d{4}-\d{2}-\d{2}T/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(ms) ? null : ms
}

function parseLanguage(tag: string | null): string | null {
  try {
    return tag === null ? null : (Intl.getCanonicalLocales(tag)[0] ?? null)
  } catch {
    return null
  }
}

function unsupportedType(contentType: string | undefined): string | null {
  if (contentType === undefined || MEDIA_TYPES.test(contentType)) return null
  return `${contentType.slice(0, 80)} is not fragmented MP4`
}

/** Moves the body into the input until it ends, fails, falls silent, or the owner ends it. */
function pump(
  input: GateInput,
  request: IncomingMessage,
  response: ServerResponse,
  idleTimeoutMs: number,
): Promise<void> {
  return new Promise((resolve) => {
    let isOver = false
    let isEnding = false
    const idle = setTimeout(
      () => finish({ code: 'ingest_timeout', message: `nothing came for ${idleTimeoutMs / 1000} s` }),
      idleTimeoutMs,
    )
    const finish = (fault: InputFault | null, isEndedByOwner = false) => {
      if (isOver) return
      isOver = true
      clearTimeout(idle)
      if (!isEndedByOwner) input.close(fault)
      if (fault === null) answerAccepted(response)
      else refuse(request, response, fault)
      resolve()
    }
    input.onDrain = () => request.resume()
    input.onEnded = (fault) => finish(fault, true)
    request.on('data', (chunk: Buffer) => {
      idle.refresh()
      if (!isOver && !input.write(ownBytes(chunk))) request.pause()
    })
    request.once('end', () => {
      // The answer waits for the owner's verdict on the last bytes.
      isEnding = true
      void input.finish().then((fault) => finish(fault, true))
    })
    // The connection broke in mid-body: the owner is told to check what was cut off.
    request.once('close', () => {
      if (!isEnding) finish(null)
    })
    request.once('error', () => finish(null))
  })
}

function answerAccepted(response: ServerResponse): void {
  if (response.destroyed || response.headersSent) return
  response.writeHead(200, { ...CORS_HEADERS, 'Content-Length': 0, 'Cache-Control': 'no-store' }).end()
}

/** Answers while the body may still be coming, and closes the connection once the answer has left. */
function refuse(request: IncomingMessage, response: ServerResponse, fault: InputFault): void {
  if (response.destroyed) return
  response.shouldKeepAlive = false
  // The rest of the body is read and thrown away for a moment: closing at once would reset the connection before the answer is read.
  request.resume()
  answerProblem(response, fault.code, fault.message)
  const socket = request.socket
  const cut = afterRunning(2000, () => socket.destroy())
  socket.once('close', () => cut.cancel())
}

function bearerToken(request: IncomingMessage): string | null {
  return /^Bearer (\S{1,200})$/.exec(request.headers.authorization ?? '')?.[1] ?? null
}

/** Bytes that can be moved to another thread: the chunk itself where it has its memory alone, else a copy (Node pools small reads). */
function ownBytes(chunk: Buffer): Uint8Array {
  const isAlone = chunk.buffer instanceof ArrayBuffer && chunk.byteLength === chunk.buffer.byteLength
  return isAlone ? new Uint8Array(chunk.buffer) : new Uint8Array(chunk)
}
