// How the server speaks HTTP: types, caching, compression, ranges.
import { cacheControl, type Exchange, freshSec } from '../exchange.ts'
import { mediaKey } from '../history.ts'
import { BIS, type ExchangeView, type Fault, HTTP, type Rule, type Severity, sec } from './rule.ts'

const PLAYLIST_TYPES = ['application/vnd.apple.mpegurl', 'audio/mpegurl']
const MEDIA_TYPES =
  /^(video\/(mp4|mp2t|iso\.segment)|audio\/(mp4|aac|mpeg|ac3|eac3|iso\.segment)|text\/vtt|application\/(mp4|ttml\+xml))$/
/** Below this a network packet is saved, at most. */
const GZIP_WORTH_BYTES = 1000
/** RFC 8216bis appendix B: answers to blocking reloads may be kept for six target durations. */
const BLOCKING_FRESH_TARGETS = 6
const DEFAULT_TARGET_SEC = 6
const MEDIA_FRESH_SEC = 60

export const HTTP_RULES: readonly Rule[] = [
  {
    id: 'playlist-type',
    severity: 'should',
    title: 'Playlists have the Content-Type application/vnd.apple.mpegurl.',
    source: `${BIS} §4`,
    *exchange({ exchange }) {
      if (isGoodPlaylist(exchange) && !PLAYLIST_TYPES.includes(typeOf(exchange)))
        yield {
          seen: `Content-Type: ${exchange.headers['content-type'] ?? 'none'}`,
          subject: `type ${typeOf(exchange)}`,
        }
    },
  },
  {
    id: 'media-type',
    severity: 'should',
    title: 'Segments, parts and initialization segments have the media type of their format.',
    source: `${BIS} §3.1; RFC 4337, RFC 8216 §10`,
    *exchange({ exchange }) {
      if (isGoodMedia(exchange) && !MEDIA_TYPES.test(typeOf(exchange)))
        yield {
          seen: `Content-Type: ${exchange.headers['content-type'] ?? 'none'}`,
          subject: `type ${typeOf(exchange)}`,
        }
    },
  },
  {
    id: 'media-loads',
    severity: 'must',
    title: 'What a playlist lists without GAP can be loaded, as soon as it is listed.',
    source: `${BIS} §6.2.1`,
    *exchange({ exchange }) {
      const { purpose, probe, status, error } = exchange
      const isListed = (purpose === 'init' || purpose === 'segment' || purpose === 'part') && probe === null
      if (isListed && status !== 200 && status !== 206)
        yield { seen: status === 0 ? `no answer: ${error ?? ''}` : `status ${status}` }
    },
  },
  {
    id: 'media-unchanged',
    severity: 'must',
    title: 'An address stands for the same bytes and ETag for ever.',
    source: `${BIS} §6.2.1; ${HTTP} §8.8.3`,
    *exchange({ exchange, sha256, presentation }) {
      if (!isGoodMedia(exchange) && !(exchange.probe === 'again' && exchange.status === 200)) return
      const first = presentation.firstMedia.get(mediaKey(exchange.url, exchange.range))
      if (first === undefined) return
      if (first.sha256 !== sha256)
        yield { seen: `${first.sizeBytes} bytes at first, other ${exchange.body.length} bytes later` }
      else if (first.etag !== null && exchange.headers['etag'] !== first.etag)
        yield { seen: `ETag ${first.etag} at first, ${exchange.headers['etag'] ?? 'none'} later` }
    },
  },
  {
    id: 'playlist-gzip',
    severity: 'should',
    title: 'Playlists are compressed for those who accept gzip.',
    source: `${BIS} §6.2.1`,
    *exchange({ exchange }) {
      if (
        !isGoodPlaylist(exchange) ||
        !exchange.acceptEncoding.includes('gzip') ||
        exchange.body.length < GZIP_WORTH_BYTES
      )
        return
      if (codingOf(exchange) === 'identity')
        yield { seen: `${exchange.body.length} bytes uncompressed`, subject: exchange.purpose }
    },
  },
  probe(
    'probe-identity',
    'must',
    `${HTTP} §12.5.3`,
    'Those who accept only "identity" get no compression.',
    'identity',
    function* ({ exchange }) {
      if (exchange.status === 200 && codingOf(exchange) !== 'identity')
        yield { seen: `Content-Encoding: ${codingOf(exchange)}` }
    },
  ),
  {
    id: 'vary-encoding',
    severity: 'should',
    title: 'What is compressed on request says Vary: Accept-Encoding.',
    source: `${HTTP} §12.5.5`,
    *exchange({ exchange }) {
      if (!isGoodPlaylist(exchange) || codingOf(exchange) === 'identity') return
      if (!varyOf(exchange).some((name) => name === 'accept-encoding' || name === '*'))
        yield { seen: `Vary: ${exchange.headers['vary'] ?? 'none'}`, subject: exchange.purpose }
    },
  },
  {
    id: 'vary-narrow',
    severity: 'advice',
    title: 'Vary names nothing that differs from viewer to viewer: it would divide the cache.',
    source: `${HTTP} §12.5.5`,
    *exchange({ exchange }) {
      if (!isGoodPlaylist(exchange) && !isGoodMedia(exchange)) return
      const wide = varyOf(exchange).filter((name) => !['accept-encoding', 'origin'].includes(name))
      if (wide.length > 0) yield { seen: `Vary: ${exchange.headers['vary'] ?? ''}`, subject: wide.join() }
    },
  },
  {
    id: 'playlist-cache-short',
    severity: 'should',
    title:
      'Caches keep a live playlist no longer than a target duration, the answer to a blocking reload no longer than six.',
    source: `${BIS} §6.2.1, appendix B`,
    *exchange({ exchange, rendition, playlist }) {
      if (exchange.purpose !== 'reload' || playlist?.kind !== 'media' || playlist.isEnded) return
      const targetSec = rendition?.latest?.targetDurationSec ?? playlist.targetDurationSec ?? DEFAULT_TARGET_SEC
      const isBlocking = exchange.directives.msn !== null
      const limitSec = targetSec * (isBlocking ? BLOCKING_FRESH_TARGETS : 1)
      const fresh = freshSec(exchange)
      if (fresh === null) yield { seen: 'neither Cache-Control nor Expires', subject: `none ${String(isBlocking)}` }
      else if (fresh > limitSec)
        yield {
          seen: `fresh for ${sec(fresh)}${isBlocking ? ' after a blocking reload' : ''}, the limit is ${sec(limitSec)}`,
          subject: `${fresh} ${String(isBlocking)}`,
        }
    },
  },
  {
    id: 'playlist-cacheable',
    severity: 'advice',
    title: 'Answers to blocking reloads can be cached, so that viewers behind a CDN share them.',
    source: `${BIS} appendix B`,
    *exchange({ exchange, playlist }) {
      if (
        exchange.purpose === 'reload' &&
        playlist !== null &&
        exchange.directives.msn !== null &&
        freshSec(exchange) === 0
      )
        yield { seen: `Cache-Control: ${exchange.headers['cache-control'] ?? ''}`, subject: 'cache' }
    },
  },
  {
    id: 'media-cache-long',
    severity: 'should',
    title: 'Media, which never changes, may be kept for a minute or longer.',
    source: `${BIS} appendix B; RFC 9111 §4.2`,
    *exchange({ exchange }) {
      if (!isGoodMedia(exchange) || exchange.probe !== null) return
      const fresh = freshSec(exchange)
      if (cacheControl(exchange).has('immutable') && fresh === null) return
      if (fresh === null || fresh < MEDIA_FRESH_SEC)
        yield {
          seen: fresh === null ? 'neither Cache-Control nor Expires' : `fresh for ${sec(fresh)}`,
          subject: String(fresh),
        }
    },
  },
  {
    id: 'error-cache-short',
    severity: 'should',
    title: 'A 404 is kept no longer than a target duration: what is not there yet may come.',
    source: `${BIS} appendix B; RFC 9111 §4.2.2`,
    *exchange({ exchange, rendition }) {
      if (exchange.status !== 404 && exchange.status !== 503) return
      const limitSec = rendition?.latest?.targetDurationSec ?? DEFAULT_TARGET_SEC
      const fresh = freshSec(exchange)
      // 503 is not cached unless it says so; 404 is, by rule of thumb (RFC 9110 15.1).
      if (fresh === null ? exchange.status === 404 : fresh > limitSec)
        yield {
          seen:
            fresh === null ? `${exchange.status} without Cache-Control` : `${exchange.status} fresh for ${sec(fresh)}`,
          subject: `${exchange.status} ${fresh}`,
        }
    },
  },
  {
    id: 'cors',
    severity: 'advice',
    title: 'Players on other sites may read everything (Access-Control-Allow-Origin).',
    source: 'Fetch standard, CORS protocol',
    *exchange({ exchange }) {
      if (
        (isGoodPlaylist(exchange) || isGoodMedia(exchange)) &&
        exchange.headers['access-control-allow-origin'] === undefined
      )
        yield { seen: 'no Access-Control-Allow-Origin', subject: isGoodMedia(exchange) ? 'media' : 'playlist' }
    },
  },
  {
    id: 'cors-age',
    severity: 'advice',
    title:
      'Low-latency playlists expose Age and Date to players (Access-Control-Expose-Headers), which they tune in by.',
    source: `${BIS} §6.3.7; Fetch standard`,
    *exchange({ exchange, playlist }) {
      if (
        playlist?.kind !== 'media' ||
        playlist.partTargetSec === null ||
        exchange.headers['access-control-allow-origin'] === undefined
      )
        return
      const exposed = listOf(exchange.headers['access-control-expose-headers'])
      if (!exposed.includes('*') && !exposed.includes('age'))
        yield {
          seen: `Access-Control-Expose-Headers: ${exchange.headers['access-control-expose-headers'] ?? 'none'}`,
          subject: 'age',
        }
    },
  },
  {
    id: 'media-validator',
    severity: 'advice',
    title: 'Media has an ETag or Last-Modified, so that caches can ask again and resume.',
    source: `${HTTP} §8.8`,
    *exchange({ exchange }) {
      if (
        isGoodMedia(exchange) &&
        exchange.headers['etag'] === undefined &&
        exchange.headers['last-modified'] === undefined
      )
        yield { seen: 'neither', subject: 'validator' }
    },
  },
  {
    id: 'date-header',
    severity: 'should',
    title: 'Answers carry a Date.',
    source: `${HTTP} §6.6.1`,
    *exchange({ exchange }) {
      if (exchange.status > 0 && Number.isNaN(Date.parse(exchange.headers['date'] ?? '')))
        yield { seen: `Date: ${exchange.headers['date'] ?? 'none'}`, subject: 'date' }
    },
  },
  {
    id: 'retry-after',
    severity: 'advice',
    title: 'A 503 says when to come again (Retry-After).',
    source: `${HTTP} §15.6.4`,
    *exchange({ exchange }) {
      if (exchange.status === 503 && exchange.headers['retry-after'] === undefined)
        yield { seen: '503 without Retry-After', subject: 'retry' }
    },
  },
  {
    id: 'byte-range',
    severity: 'must',
    title: 'A byte range of a listed resource is answered with 206 and exactly those bytes.',
    source: `${BIS} §4.4.4.2; ${HTTP} §14, §15.3.7`,
    *exchange({ exchange }) {
      const { range, status, purpose, probe } = exchange
      if (range === null || probe === 'range-unsatisfiable' || status >= 400 || status === 0) return
      if (status === 200) {
        // Whoever asks out of curiosity may be given everything (14.2); a player that needs the range may not.
        if (probe === null && purpose !== 'probe') yield { seen: `status 200 for bytes ${range.first}-${range.last}` }
        return
      }
      const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(exchange.headers['content-range'] ?? '')
      const length = match === null ? -1 : Number(match[2]) - Number(match[1]) + 1
      if (
        match === null ||
        Number(match[1]) !== range.first ||
        Number(match[2]) > range.last ||
        length !== exchange.body.length
      )
        yield {
          seen: `Content-Range: ${exchange.headers['content-range'] ?? 'none'} with ${exchange.body.length} bytes for bytes ${range.first}-${range.last}`,
        }
    },
  },
  probe('probe-range', 'advice', `${HTTP} §14`, 'Media can be loaded in ranges.', 'range', function* ({ exchange }) {
    if (exchange.status !== 206) yield { seen: `status ${exchange.status}` }
  }),
  probe(
    'probe-range-unsatisfiable',
    'should',
    `${HTTP} §15.5.17`,
    'A range beyond the end is refused with 416.',
    'range-unsatisfiable',
    function* ({ exchange }) {
      if (exchange.status !== 416) yield { seen: `status ${exchange.status}` }
    },
  ),
  probe(
    'probe-head',
    'must',
    `${HTTP} §9.3.2`,
    'HEAD is answered as GET would be, without a body.',
    'head',
    function* ({ exchange, presentation }) {
      const first = presentation.firstMedia.get(exchange.url)
      const length = exchange.headers['content-length']
      if (exchange.status !== 200) yield { seen: `status ${exchange.status}` }
      else if (first !== undefined && length !== undefined && Number(length) !== first.sizeBytes)
        yield { seen: `Content-Length: ${length}, GET gave ${first.sizeBytes} bytes` }
    },
  ),
  probe(
    'probe-unknown-media',
    'should',
    `${BIS} §6.2.6`,
    'Media that is neither listed nor hinted at is 404.',
    'unknown-media',
    function* ({ exchange }) {
      if (exchange.status !== 404 && exchange.status !== 410) yield { seen: `status ${exchange.status}` }
    },
  ),
  probe(
    'probe-removed-part',
    'must',
    `${BIS} §6.2.2`,
    'A part can be loaded for three target durations after its tag has gone.',
    'removed-part',
    function* ({ exchange }) {
      if (exchange.status !== 200 && exchange.status !== 206) yield { seen: `status ${exchange.status}` }
    },
  ),
  probe(
    'probe-removed-segment',
    'must',
    `${BIS} §6.2.2`,
    "A segment can be loaded for its own and the playlist's duration after it first appeared.",
    'removed-segment',
    function* ({ exchange }) {
      if (exchange.status !== 200 && exchange.status !== 206) yield { seen: `status ${exchange.status}` }
    },
  ),
]

function probe(
  id: string,
  severity: Severity,
  source: string,
  title: string,
  asked: string,
  check: (view: ExchangeView) => Iterable<Fault>,
): Rule {
  return { id, severity, title, source, exchange: (view) => (view.exchange.probe === asked ? check(view) : []) }
}

function isGoodPlaylist({ purpose, status }: Exchange): boolean {
  return (purpose === 'multivariant' || purpose === 'reload') && status === 200
}

function isGoodMedia({ purpose, status }: Exchange): boolean {
  return ['init', 'segment', 'part', 'hint'].includes(purpose) && (status === 200 || status === 206)
}

function typeOf({ headers }: Exchange): string {
  return (
    /^[^;]*/
      .exec(headers['content-type'] ?? '')?.[0]
      .trim()
      .toLowerCase() ?? ''
  )
}

function codingOf({ headers }: Exchange): string {
  return headers['content-encoding']?.toLowerCase() ?? 'identity'
}

function varyOf({ headers }: Exchange): string[] {
  return listOf(headers['vary'])
}

function listOf(header: string | undefined): string[] {
  return (header ?? '')
    .split(',')
    .map((one) => one.trim().toLowerCase())
    .filter((one) => one !== '')
}
