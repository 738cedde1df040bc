// What the players of one load generator have seen since it was last reset.
import { Durations, type Percentiles } from './figures.ts'
import type { ListedPart } from './playlist-reader.ts'

export interface TallyFigures {
  readonly receivedBytes: number
  readonly playlists: number
  readonly parts: number
  /** Body bytes of all parts of each kind of track (`v`, `a`), and their number. */
  readonly partBytes: Readonly<Record<string, { readonly bytes: number; readonly count: number }>>
  /** By cause, as `503 on a playlist`. */
  readonly errors: Readonly<Record<string, number>>
  readonly stalls: number
  readonly stallMs: number
  /** Share of reloads that were waiting when their part came. */
  readonly heldShare: number
  /** First player's first byte of the playlist with a new part → each other player's. */
  readonly fanOutMs: Percentiles | null
  /** The encoder's last byte of a video part → first byte of the playlist that lists it. */
  readonly playlistLatencyMs: Percentiles | null
  /** The encoder's last byte of a video part → last byte of the part. */
  readonly partLatencyMs: Percentiles | null
  /** Request for a part → its first byte. */
  readonly partFirstByteMs: Percentiles | null
}

/** Parts of one track that are remembered: players further behind than this count as errors anyway. */
const PARTS_REMEMBERED = 200

export class Tally {
  receivedBytes = 0
  #playlists = 0
  #partBytes: Record<string, { bytes: number; count: number }> = {}
  #errors: Record<string, number> = {}
  #stalls = 0
  #stallMs = 0
  #held = 0
  #reloads = 0
  readonly #fanOut = new Durations()
  readonly #playlistLatency = new Durations()
  readonly #partLatency = new Durations()
  readonly #partFirstByte = new Durations()
  /** Track → part → when the first player saw it. */
  readonly #firstSeen = new Map<string, Map<number, number>>()

  onError(cause: string): void {
    this.#errors[cause] = (this.#errors[cause] ?? 0) + 1
  }

  onStall(ms: number): void {
    this.#stalls++
    this.#stallMs += ms
  }

  onPlaylist(): void {
    this.#playlists++
  }

  /** A player has seen a new part listed. Times by performance.now(). */
  onListed(track: string, part: ListedPart, sentAtMs: number, seenAtMs: number): void {
    const seen = this.#firstSeen.get(track) ?? new Map<number, number>()
    this.#firstSeen.set(track, seen)
    const key = part.msn * 1000 + part.index
    const firstAtMs = seen.get(key)
    this.#reloads++
    if (firstAtMs === undefined || sentAtMs <= firstAtMs) this.#held++
    if (firstAtMs !== undefined) {
      this.#fanOut.record(seenAtMs - firstAtMs)
      return
    }
    seen.set(key, seenAtMs)
    for (const old of seen.keys()) {
      if (seen.size <= PARTS_REMEMBERED) break
      seen.delete(old)
    }
  }

  onPlaylistLatency(ms: number): void {
    this.#playlistLatency.record(ms)
  }

  onPart(kind: string, bytes: number, firstByteMs: number, latencyMs: number | null): void {
    const sum = this.#partBytes[kind] ?? { bytes: 0, count: 0 }
    this.#partBytes[kind] = sum
    sum.bytes += bytes
    sum.count++
    this.#partFirstByte.record(firstByteMs)
    if (latencyMs !== null) this.#partLatency.record(latencyMs)
  }

  reset(): void {
    this.receivedBytes = 0
    this.#playlists = 0
    this.#partBytes = {}
    this.#errors = {}
    this.#stalls = 0
    this.#stallMs = 0
    this.#held = 0
    this.#reloads = 0
    for (const durations of [this.#fanOut, this.#playlistLatency, this.#partLatency, this.#partFirstByte]) {
      durations.reset()
    }
  }

  figures(): TallyFigures {
    return {
      receivedBytes: this.receivedBytes,
      playlists: this.#playlists,
      parts: Object.values(this.#partBytes).reduce((sum, { count }) => sum + count, 0),
      partBytes: structuredClone(this.#partBytes),
      errors: { ...this.#errors },
      stalls: this.#stalls,
      stallMs: this.#stallMs,
      heldShare: this.#reloads === 0 ? 0 : this.#held / this.#reloads,
      fanOutMs: this.#fanOut.percentiles(),
      playlistLatencyMs: this.#playlistLatency.percentiles(),
      partLatencyMs: this.#partLatency.percentiles(),
      partFirstByteMs: this.#partFirstByte.percentiles(),
    }
  }
}
