// A virtual LL-HLS player: it follows one video and one audio track with blocking reloads, fetches every new part by its
// URI, and plays at the hold-back that the playlist asks for. Nothing is decoded.
import { setTimeout as delay } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { epochMs } from './figures.ts'
import { type HttpAnswer, HttpConnection, type HttpTarget } from './http-connection.ts'
import { type ListedPart, type ReadPlaylist, readPlaylist } from './playlist-reader.ts'
import type { Tally } from './tally.ts'

/** A player that has fallen so many parts behind drops them, as one that seeks to the live edge does. */
const MAX_BACKLOG_PARTS = 50
const RETRY_MS = 250

/** Texts that many players receive are read once: bytes of the newest playlist of a track, and what they say. */
export class SharedReader {
  readonly #newest = new Map<string, { readonly bytes: Buffer; readonly playlist: ReadPlaylist }>()

  read(track: string, bytes: Buffer): ReadPlaylist {
    const known = this.#newest.get(track)
    if (known?.bytes.equals(bytes) === true) return known.playlist
    // 1f 8b: gzip (RFC 1952).
    const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b
    const playlist = readPlaylist((isGzip ? gunzipSync(bytes) : bytes).toString('utf8'))
    this.#newest.set(track, { bytes, playlist })
    return playlist
  }
}

export interface PlayerOptions {
  readonly target: HttpTarget
  readonly streamId: string
  /** How long after the end of its media time a frame is published; null: the media clock is not that of this machine. */
  readonly delayMs: number | null
  readonly name: string
  readonly tally: Tally
  readonly reader: SharedReader
  readonly signal: AbortSignal
}

/** Plays until the signal. */
export async function play(options: PlayerOptions): Promise<void> {
  const { streamId, target, name, signal } = options
  const connection = new HttpConnection(target, name)
  signal.addEventListener('abort', () => connection.close())
  const uris = await findTracks(options, connection)
  connection.close()
  if (uris === null) return
  const [video, audio] = uris.map((uri) => new TrackPlayer(options, `/stream/${streamId}/${uri}`))
  if (video === undefined) return
  const beside = audio?.path.split('/').slice(-2).join('/')
  await Promise.all([
    video.run(null),
    // The audio playlist is joined where the video playlist says that it stands.
    audio === undefined ? undefined : video.firstReport(beside ?? '').then((report) => audio.run(report)),
  ])
}

/** Media playlists of the first variant and of its first audio rendition, relative to the stream. */
async function findTracks(options: PlayerOptions, connection: HttpConnection): Promise<string[] | null> {
  while (!options.signal.aborted) {
    const answer = await connection.get(`/stream/${options.streamId}/playlist.m3u8`, true)
    if (answer.status === 200 && answer.body !== null) {
      const bytes = answer.body
      const text = (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString('utf8')
      const audio = /#EXT-X-MEDIA:TYPE=AUDIO.*URI="([^"]+)"/.exec(text)?.[1]
      const video = /#EXT-X-STREAM-INF:.*\n(.+)/.exec(text)?.[1]
      if (video !== undefined) return audio === undefined ? [video] : [video, audio]
    }
    if (options.signal.aborted) return null
    options.tally.onError(`${answer.status} on a multivariant playlist`)
    await delay(RETRY_MS)
  }
  return null
}

type Position = { readonly msn: number; readonly part: number }

class TrackPlayer {
  readonly path: string
  readonly #options: PlayerOptions
  readonly #folder: string
  readonly #kind: string
  readonly #reload: HttpConnection
  readonly #media: HttpConnection
  readonly #queue: ListedPart[] = []
  #isFetching = false
  /** Newest part that was taken from a playlist, as msn × 1000 + index. */
  #newest = -1
  /** Milliseconds from the media time of a frame to its being shown; null before the first part. */
  #playOffsetMs: number | null = null
  readonly #joined = Promise.withResolvers<ReadPlaylist | null>()

  constructor(options: PlayerOptions, path: string) {
    this.path = path
    this.#options = options
    this.#folder = path.slice(0, path.lastIndexOf('/') + 1)
    this.#kind = this.#folder.split('/').at(-2)?.charAt(0) ?? ''
    this.#reload = new HttpConnection(options.target, options.name)
    this.#media = new HttpConnection(options.target, options.name)
    options.signal.addEventListener('abort', () => {
      this.#joined.resolve(null)
      this.#reload.close()
      this.#media.close()
    })
  }

  /** Where another track stood when this one was joined. */
  async firstReport(uri: string): Promise<Position | null> {
    const playlist = await this.#joined.promise
    return playlist?.reports.find((report) => report.uri.endsWith(uri)) ?? null
  }

  async run(from: Position | null): Promise<void> {
    const { signal, tally, reader } = this.#options
    let next = from
    let canSkip = false
    while (!signal.aborted) {
      const isBlocking = next !== null
      const answer = await this.#reload.get(this.path + queryOf(next, canSkip && this.#newest >= 0), true)
      if (signal.aborted) return
      if (answer.status !== 200 || answer.body === null) {
        tally.onError(`${answer.status} on a playlist`)
        next = null
        await delay(RETRY_MS)
        continue
      }
      tally.onPlaylist()
      const playlist = reader.read(this.path, answer.body)
      if (playlist.isEnded) {
        tally.onError('the stream ended')
        return
      }
      if (this.#newest < 0) this.#join(playlist)
      else this.#follow(playlist, answer, isBlocking)
      next = playlist.next
      canSkip = playlist.canSkip
    }
  }

  /** Begins with the parts that the hold-back spans. */
  #join(playlist: ReadPlaylist): void {
    const edgeMs = playlist.parts.at(-1)?.endsAtMs ?? 0
    const parts = playlist.parts.filter((part) => part.startsAtMs >= edgeMs - playlist.holdBackMs - 1)
    this.#newest = keyOf(playlist.parts.at(-1))
    if (playlist.initUri !== null) void this.#media.get(this.#folder + playlist.initUri, false).then(() => this.#pump())
    this.#isFetching = playlist.initUri !== null
    this.#enqueue(parts)
    this.#joined.resolve(playlist)
  }

  #follow(playlist: ReadPlaylist, answer: HttpAnswer, isBlocking: boolean): void {
    const { tally, delayMs } = this.#options
    const fresh = playlist.parts.filter((part) => keyOf(part) > this.#newest)
    if (fresh.length === 0) {
      tally.onError('a playlist without news')
      return
    }
    this.#newest = keyOf(fresh.at(-1))
    for (const part of fresh) if (isBlocking) tally.onListed(this.path, part, answer.sentAtMs, answer.firstByteAtMs)
    const last = fresh.at(-1)
    if (delayMs !== null && last !== undefined && this.#kind === 'v') {
      tally.onPlaylistLatency(performance.timeOrigin + answer.firstByteAtMs - last.endsAtMs - delayMs)
    }
    this.#enqueue(fresh)
  }

  #enqueue(parts: readonly ListedPart[]): void {
    this.#queue.push(...parts)
    while (this.#queue.length > MAX_BACKLOG_PARTS) {
      this.#queue.shift()
      this.#options.tally.onError('a part skipped by a player that fell behind')
    }
    if (!this.#isFetching) this.#pump()
  }

  #pump(): void {
    this.#isFetching = false
    const part = this.#queue.shift()
    if (part === undefined || this.#options.signal.aborted) return
    this.#isFetching = true
    void this.#media.get(this.#folder + part.uri, false).then((answer) => {
      if (!this.#options.signal.aborted) this.#onPart(part, answer)
      this.#pump()
    })
  }

  #onPart(part: ListedPart, answer: HttpAnswer): void {
    const { tally, delayMs } = this.#options
    if (answer.status !== 200) {
      tally.onError(`${answer.status} on a part`)
      return
    }
    const nowMs = epochMs()
    const isTimed = delayMs !== null && this.#kind === 'v' && this.#playOffsetMs !== null
    tally.onPart(
      this.#kind,
      answer.bodyBytes,
      answer.firstByteAtMs - answer.sentAtMs,
      isTimed ? nowMs - part.endsAtMs - delayMs : null,
    )
    this.#playOffsetMs ??= nowMs - part.startsAtMs
    const lateMs = nowMs - part.startsAtMs - this.#playOffsetMs
    if (lateMs <= 0) return
    // Play stops until the part is there, and goes on that much later.
    this.#playOffsetMs += lateMs
    tally.onStall(lateMs)
  }
}

function keyOf(part: ListedPart | undefined): number {
  return part === undefined ? -1 : part.msn * 1000 + part.index
}

function queryOf(next: Position | null, isDelta: boolean): string {
  if (next === null) return ''
  return `?_HLS_msn=${next.msn}&_HLS_part=${next.part}${isDelta ? '&_HLS_skip=YES' : ''}`
}
