import { isStreamId } from '../../../core/stream-id.ts'

/** What an SRT caller asks for in its stream id (SRTO_STREAMID, at most 512 bytes). */
export type SrtStreamId =
  | { readonly ok: true; readonly mode: 'publish'; readonly streamId: string; readonly key: string }
  | {
      readonly ok: false
      readonly failure: 'missing' | 'malformed' | 'mode_unsupported' | 'key_missing'
      /** As far as it could be read. */
      readonly streamId: string | null
      /** For the encoder's owner; never contains the key. */
      readonly message: string
    }

const ACCESS_CONTROL_PREFIX = '#!::'
const EXPECTED = 'expected "publish:<stream>:<key>" or "#!::r=<stream>,m=publish,s=<key>"'

/**
 * Reads `publish:<stream>:<key>` and the Access Control form of the SRT project (docs/features/access-control.md):
 * `#!::` and comma-separated pairs, `r` the resource, `m` the mode, and the key as `s` (session), `k`, `key` or
 * `u` (user name), in this order of preference. Both may be percent-encoded.
 */
export function parseSrtStreamId(text: string): SrtStreamId {
  // ffmpeg 5 passes the query of its URL on as it was written.
  if (/^(%23|#)(%21|!)%3A|^[a-z]+%3A/i.test(text)) return parseSrtStreamId(decodePercent(text))
  if (text === '') return failed('missing', null, `The SRT stream id is missing: ${EXPECTED}.`)
  if (text.startsWith(ACCESS_CONTROL_PREFIX)) return parseAccessControl(text.slice(ACCESS_CONTROL_PREFIX.length))
  return parseColonForm(text)
}

/** Undecodable text becomes empty, and with it a missing stream id. */
function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}

function parseColonForm(text: string): SrtStreamId {
  const [mode = '', streamId, ...rest] = text.split(':')
  if (mode === 'request' || mode === 'read' || mode === 'play') return unsupportedMode(mode, streamId ?? null)
  if (mode !== 'publish' || streamId === undefined) {
    return failed('malformed', null, `The SRT stream id cannot be read: ${EXPECTED}.`)
  }
  return publish(streamId, rest.join(':'))
}

function parseAccessControl(text: string): SrtStreamId {
  const pairs = new Map<string, string>()
  for (const pair of text.split(',')) {
    const equals = pair.indexOf('=')
    if (equals < 1) return failed('malformed', null, `The SRT stream id has a part without "=": ${EXPECTED}.`)
    pairs.set(pair.slice(0, equals).trim(), pair.slice(equals + 1).trim())
  }
  const streamId = pairs.get('r')
  if (streamId === undefined) return failed('malformed', null, `The SRT stream id names no resource (r=): ${EXPECTED}.`)
  // The specification's default is to request, that is, to play.
  const mode = pairs.get('m') ?? 'request'
  if (mode !== 'publish') return unsupportedMode(mode, streamId)
  const type = pairs.get('t') ?? 'stream'
  if (type !== 'stream')
    return failed('malformed', streamId, 'The SRT stream id asks for something else than a stream (t=).')
  return publish(streamId, pairs.get('s') ?? pairs.get('k') ?? pairs.get('key') ?? pairs.get('u') ?? '')
}

function publish(streamId: string, key: string): SrtStreamId {
  if (!isStreamId(streamId)) {
    return failed(
      'malformed',
      null,
      'The stream in the SRT stream id is not 1–64 characters of A–Z, a–z, 0–9 and hyphen.',
    )
  }
  if (key === '') return failed('key_missing', streamId, `The SRT stream id carries no publish key: ${EXPECTED}.`)
  return { ok: true, mode: 'publish', streamId, key }
}

function unsupportedMode(mode: string, streamId: string | null): SrtStreamId {
  const known = streamId !== null && isStreamId(streamId) ? streamId : null
  // `mode` comes from the network: only a short, plain word is repeated.
  const word = /^[a-z]{1,16}$/.test(mode) ? `"${mode}"` : 'this mode'
  return failed('mode_unsupported', known, `SRT takes publishers here (m=publish), not ${word}; play with HLS.`)
}

function failed(
  failure: 'missing' | 'malformed' | 'mode_unsupported' | 'key_missing',
  streamId: string | null,
  message: string,
): SrtStreamId {
  return { ok: false, failure, streamId: streamId !== null && isStreamId(streamId) ? streamId : null, message }
}
