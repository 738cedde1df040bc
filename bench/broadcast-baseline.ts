// Process of the baseline: the least that any LL-HLS origin on node:http has to do. It holds the same requests as Mirror
// and releases them at the same cadence, with the same headers and with bodies of the same size, all rendered before the
// clock starts. There is no ingest, no packaging, no window; a body sent to /ingest/ is read and thrown away.
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { NO_DATE_RANGES } from '../src/hls/date-range.ts'
import {
  type OpenSegment,
  type PlaylistPart,
  type PlaylistSegment,
  renderMediaPlaylist,
} from '../src/hls/media-playlist.ts'
import { renderMultivariantPlaylist } from '../src/hls/multivariant-playlist.ts'
import { LIVE_VERSION } from '../src/hls/playlist-lines.ts'
import { answerParent } from './child-module.ts'
import { epochMs } from './figures.ts'

export interface BaselineStart {
  readonly streams: readonly { readonly id: string; readonly delayMs: number }[]
  /** Mean size of a part in bytes. */
  readonly videoPartBytes: number
  readonly audioPartBytes: number
  /** How long parts are published. */
  readonly forSec: number
}

const PART_SEC = 0.2
const PARTS_PER_SEGMENT = 10
const SEGMENT_SEC = PART_SEC * PARTS_PER_SEGMENT
const LISTED_SEGMENTS = 16
/** What Mirror advertises for parts of 200 ms and keyframes anywhere. */
const PART_TARGET_SEC = 0.214
const TARGET_DURATION_SEC = 4

/** As src/live/origin/http-answer.ts sends them. */
const COMMON_HEADERS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'Age, Date, Content-Length, Content-Range, ETag',
}
const PLAYLIST_HEADERS = {
  ...COMMON_HEADERS,
  'Content-Type': 'application/vnd.apple.mpegurl',
  'Cache-Control': 'public, max-age=2',
  'Accept-Ranges': 'none',
  Vary: 'Accept-Encoding',
  'Content-Encoding': 'gzip',
}
const MEDIA_HEADERS = {
  ...COMMON_HEADERS,
  'Content-Type': 'video/mp4',
  'Cache-Control': 'public, max-age=31536000, immutable',
  'Accept-Ranges': 'bytes',
  ETag: '"v0-p0-1234567890.m4s"',
}

interface Waiting {
  readonly response: ServerResponse
  readonly wanted: number
}

class BroadcastTrack {
  readonly media: Buffer
  readonly #playlists: readonly Buffer[]
  readonly #firstPart: number
  readonly #delayMs: number
  #waiting: Waiting[] = []
  #published = -1
  #timer: NodeJS.Timeout | null = null

  constructor(id: string, beside: string, partBytes: number, firstPart: number, parts: number, delayMs: number) {
    this.media = Buffer.alloc(partBytes)
    this.#firstPart = firstPart
    this.#delayMs = delayMs
    this.#playlists = Array.from({ length: parts }, (_, index) => gzipSync(playlistText(id, beside, firstPart + index)))
  }

  start(): void {
    const next = this.#published + 1
    if (next >= this.#playlists.length) return
    const dueMs = (this.#firstPart + next + 1) * PART_SEC * 1000 + this.#delayMs
    this.#timer = setTimeout(() => this.#publish(next), Math.max(0, dueMs - epochMs()))
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  /** `wanted`: number of the part that must be listed. */
  answer(response: ServerResponse, wanted: number): void {
    if (this.#published >= 0 && wanted <= this.#firstPart + this.#published) this.#send(response)
    else this.#waiting.push({ response, wanted })
  }

  #publish(index: number): void {
    this.#published = index
    const newest = this.#firstPart + index
    const waiting = this.#waiting
    this.#waiting = waiting.filter(({ wanted }) => wanted > newest)
    for (const { response, wanted } of waiting) if (wanted <= newest) this.#send(response)
    this.start()
  }

  #send(response: ServerResponse): void {
    const body = this.#playlists[this.#published] ?? Buffer.alloc(0)
    response.writeHead(200, { ...PLAYLIST_HEADERS, 'Content-Length': body.length }).end(body)
  }
}

const tracks = new Map<string, BroadcastTrack>()
const multivariant = gzipSync(
  renderMultivariantPlaylist({
    version: LIVE_VERSION,
    video: [
      {
        uri: 'v0/playlist.m3u8',
        codecs: 'avc1.42c01f',
        widthPx: 1280,
        heightPx: 720,
        frameRate: { num: 30, den: 1 },
        iFrames: null,
        peakBps: 8_000_000,
        averageBps: 8_000_000,
      },
    ],
    audio: [
      {
        uri: 'a0/playlist.m3u8',
        codecs: 'mp4a.40.2',
        codec: 'aac',
        language: 'und',
        name: null,
        role: null,
        isDefault: true,
        channels: 1,
        peakBps: 128_000,
        averageBps: 128_000,
      },
    ],
    subtitles: [],
    captions: null,
    hasIndependentSegments: false,
  }),
)

const server = createServer({ requestTimeout: 0, keepAliveTimeout: 20_000, noDelay: true }, (request, response) => {
  const url = request.url ?? '/'
  if (request.method === 'POST') {
    request.resume()
    request.once('end', () => response.writeHead(200, { 'Content-Length': 0 }).end())
    return
  }
  const [path = '', query = ''] = url.split('?')
  const [, , id = '', third = '', fourth] = path.split('/')
  if (third === 'playlist.m3u8') {
    response.writeHead(200, { ...PLAYLIST_HEADERS, 'Content-Length': multivariant.length }).end(multivariant)
    return
  }
  const track = tracks.get(`${id}/${third}`)
  if (track === undefined) {
    response.writeHead(404, { 'Content-Length': 0 }).end()
  } else if (fourth === 'playlist.m3u8') {
    const directives = new URLSearchParams(query)
    track.answer(response, Number(directives.get('_HLS_msn')) * PARTS_PER_SEGMENT + Number(directives.get('_HLS_part')))
  } else {
    response.writeHead(200, { ...MEDIA_HEADERS, 'Content-Length': track.media.length }).end(track.media)
  }
})

answerParent({ listen, start, stop })

async function listen(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ host: '127.0.0.1', port: 0, backlog: 1024 }, resolve)
  await promise
  return (server.address() as AddressInfo).port
}

function start({ streams, videoPartBytes, audioPartBytes, forSec }: BaselineStart): void {
  const parts = Math.ceil(forSec / PART_SEC)
  // Far enough ahead for everything to be rendered by then: about 0.2 ms for each playlist.
  const leadMs = 500 + streams.length * 2 * parts * 0.5
  const firstPart = Math.ceil((epochMs() + leadMs) / 1000 / SEGMENT_SEC) * PARTS_PER_SEGMENT
  for (const { id, delayMs } of streams) {
    tracks.set(`${id}/v0`, new BroadcastTrack('v0', 'a0', videoPartBytes, firstPart, parts, delayMs))
    tracks.set(`${id}/a0`, new BroadcastTrack('a0', 'v0', audioPartBytes, firstPart, parts, delayMs))
  }
  for (const track of tracks.values()) track.start()
}

function stop(): void {
  for (const track of tracks.values()) track.stop()
  server.closeAllConnections()
  server.close()
}

/** The media playlist when the given part (counted since 1970) is the newest. */
function playlistText(id: string, beside: string, part: number): string {
  const openMsn = Math.floor((part + 1) / PARTS_PER_SEGMENT)
  const openParts = part + 1 - openMsn * PARTS_PER_SEGMENT
  const segments = Array.from({ length: LISTED_SEGMENTS }, (_, index): PlaylistSegment => {
    const msn = openMsn - LISTED_SEGMENTS + index
    return { ...segmentHead(msn, PARTS_PER_SEGMENT), uri: `${msn}.m4s`, durationSec: SEGMENT_SEC, isGap: false }
  })
  return renderMediaPlaylist({
    targetDurationSec: TARGET_DURATION_SEC,
    partTargetSec: PART_TARGET_SEC,
    hasIndependentSegments: false,
    segments,
    open: openParts > 0 ? segmentHead(openMsn, openParts) : null,
    preloadUri: partUri(part + 1),
    reports: [
      {
        uri: `../${beside}/playlist.m3u8`,
        lastMsn: Math.floor(part / PARTS_PER_SEGMENT),
        lastPart: part % PARTS_PER_SEGMENT,
      },
    ],
    dateRanges: NO_DATE_RANGES,
    isEnded: id === '',
  })
}

function segmentHead(msn: number, parts: number): OpenSegment {
  return {
    msn,
    dsn: 0,
    initUri: 'init-0123456789ab.mp4',
    startsAtMs: msn * SEGMENT_SEC * 1000,
    parts: Array.from({ length: parts }, (_, index): PlaylistPart => {
      return {
        uri: partUri(msn * PARTS_PER_SEGMENT + index),
        durationSec: PART_SEC,
        isIndependent: index === 0,
        isGap: false,
      }
    }),
  }
}

function partUri(part: number): string {
  return `p0-${part * 18_000}.m4s`
}
