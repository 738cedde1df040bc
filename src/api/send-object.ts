// Hands out an object of the store over HTTP: whole, or the bytes that were asked for (RFC 9110 sections 13 and 14).
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { MirrorError } from '../core/errors.ts'
import { isNamed, parseRange } from '../core/http-conditions.ts'
import type { ObjectKey, ObjectStore } from '../storage/object-store.ts'

export interface SentObject {
  readonly key: ObjectKey
  readonly sizeBytes: number
  /** Names these bytes and no others, such as their SHA-256. */
  readonly version: string
  readonly contentType: string
  /** As it is saved by whoever downloads it. */
  readonly fileName: string
}

/** What a browser may show by itself. Anything else is for saving: a page of a stranger must not run as one of ours. */
const SHOWN = /^(?:audio\/|video\/|image\/(?:png|jpeg|gif|webp|avif)$|text\/vtt$)/

/** Throws `media_gone` when the store has it no more, `object_archived`, `range_unsatisfiable`, `store_unavailable`. */
export async function sendObject(
  request: FastifyRequest,
  reply: FastifyReply,
  store: Pick<ObjectStore, 'get' | 'head'>,
  object: SentObject,
): Promise<FastifyReply> {
  const { sizeBytes, contentType } = object
  const etag = `"${object.version}"`
  const isShown = SHOWN.test(contentType)
  reply.headers({
    'Content-Type': isShown ? contentType : 'application/octet-stream',
    'Content-Disposition': `${isShown ? 'inline' : 'attachment'}; ${fileNameOf(object.fileName)}`,
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
    'Accept-Ranges': 'bytes',
    ETag: etag,
    'Cache-Control': 'private, no-transform, max-age=0, must-revalidate',
  })
  if (isNamed(request.headers['if-none-match'], etag)) return reply.code(304).send()
  const range = rangeOf(request, etag, sizeBytes)
  if (range === 'unsatisfiable') {
    reply.header('Content-Range', `bytes */${sizeBytes}`)
    throw new MirrorError('range_unsatisfiable', `It has ${sizeBytes} bytes`)
  }
  const { start, end } = range ?? { start: 0, end: sizeBytes }
  if (range !== null) reply.code(206).header('Content-Range', `bytes ${start}-${end - 1}/${sizeBytes}`)
  reply.header('Content-Length', end - start)

  const left = new AbortController()
  reply.raw.once('close', () => left.abort(new Error('whoever asked has left')))
  // Its route must not be fastify's own for HEAD, which says that there are no bytes.
  if (request.method === 'HEAD') {
    if ((await store.head(object.key, { signal: left.signal })) === null) throw gone()
    return reply.send()
  }
  const body = await store.get(object.key, { signal: left.signal, ...(range === null ? {} : { range }) })
  if (body === null) throw gone()
  const chunks = Readable.from(body.chunks, { objectMode: false })
  // Also one that is never read ends its file.
  chunks.once('close', () => void (async () => await body[Symbol.asyncDispose]())().catch(() => {}))
  return reply.send(chunks)
}

/** RFC 9110 13.1.5: with another version in If-Range everything is sent. Dates are not compared: an etag was given. */
function rangeOf(request: FastifyRequest, etag: string, sizeBytes: number): ReturnType<typeof parseRange> {
  const ifRange = request.headers['if-range']
  if (ifRange !== undefined && ifRange !== etag) return null
  return parseRange(request.headers.range, sizeBytes)
}

function gone(): MirrorError {
  return new MirrorError('media_gone', 'The store has it no more')
}

/** RFC 6266: plain for old readers, as it is for the others. */
function fileNameOf(name: string): string {
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/g, '_')
  const exact = encodeURIComponent(name.toWellFormed()).replace(
    /['()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return plain === name ? `filename="${plain}"` : `filename="${plain}"; filename*=UTF-8''${exact}`
}
