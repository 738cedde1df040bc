// A player without a screen: follows one track part by part with blocking reloads and fetches what it is shown.
import { setTimeout as delay } from 'node:timers/promises'
import { parse } from 'hls-parser'
import { RunningClock } from './running-clock.ts'

const RETRY_MS = 50
const REQUEST_TIMEOUT_MS = 12_000
/** An encoder that starts beside others on a busy machine, and its first part. */
const STARTED_WITHIN_MS = 30_000

export interface Arrival {
  readonly atMs: number
  readonly msn: number
  readonly part: number
  readonly uri: string
  /** From the end of the part by the playlist's dates to its bytes being here; null: the segment has no date. */
  readonly latencyMs: number | null
}

export class PartFollower implements AsyncDisposable {
  /** One per new part, in order; `atMs` is performance.now() when its bytes were here. */
  readonly arrivals: Arrival[] = []
  readonly failures: string[] = []
  readonly #url: string
  readonly #stop = new AbortController()
  readonly #runningClock = new RunningClock()
  readonly #done: Promise<void>

  private constructor(url: string) {
    this.#url = url
    this.#done = this.#follow()
  }

  static async start(url: string): Promise<PartFollower> {
    const follower = new PartFollower(url)
    await follower.waitForArrivals(1, STARTED_WITHIN_MS)
    return follower
  }

  async waitForArrivals(count: number, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs
    const wanted = this.arrivals.length + count
    while (this.arrivals.length < wanted) {
      if (performance.now() > deadline) throw new Error(`no parts any more: ${this.failures.slice(-5).join('; ')}`)
      await delay(20)
    }
  }

  /** Longest time without a new part between two moments, in which somebody was there to ask for one. */
  longestPauseMs(fromMs: number, toMs: number): number {
    const times = this.arrivals.map(({ atMs }) => atMs).filter((atMs) => atMs > fromMs && atMs < toMs)
    return [...times, toMs].reduce(
      ({ longestMs, lastMs }, atMs) => ({
        longestMs: Math.max(longestMs, this.#runningClock.runMs(lastMs, atMs)),
        lastMs: atMs,
      }),
      { longestMs: 0, lastMs: fromMs },
    ).longestMs
  }

  async #follow(): Promise<void> {
    let query = ''
    while (!this.#stop.signal.aborted) {
      try {
        const playlist = parse(await this.#fetchText(this.#url + query))
        if (playlist.isMasterPlaylist) throw new Error('not a media playlist')
        const last = playlist.segments.at(-1)
        if (last === undefined) throw new Error('an empty playlist')
        const parts = last.parts.filter(({ hint }) => !hint)
        const newest = parts.at(-1) ?? playlist.segments.at(-2)?.parts.at(-1)
        query = `?_HLS_msn=${last.mediaSequenceNumber}&_HLS_part=${parts.length}`
        // An ended playlist makes nobody wait.
        if (playlist.endlist) await delay(RETRY_MS)
        if (newest === undefined || newest.uri === this.arrivals.at(-1)?.uri) continue
        await this.#fetchText(new URL(newest.uri, this.#url).href)
        const segment = parts.length > 0 ? last : playlist.segments.at(-2)
        const startsAtMs = segment?.programDateTime?.getTime()
        const playedSec = (segment?.parts ?? []).reduce((sum, part) => sum + (part.hint ? 0 : (part.duration ?? 0)), 0)
        const latencyMs = startsAtMs === undefined ? null : Date.now() - startsAtMs - playedSec * 1000
        const arrival = { msn: last.mediaSequenceNumber, part: parts.length - 1, uri: newest.uri, latencyMs }
        this.arrivals.push({ atMs: performance.now(), ...arrival })
      } catch (error) {
        if (this.#stop.signal.aborted) return
        this.failures.push(error instanceof Error ? `${error.message} ${String(error.cause ?? '')}` : String(error))
        query = ''
        await delay(RETRY_MS)
      }
    }
  }

  async #fetchText(url: string): Promise<string> {
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)])
    const response = await fetch(url, { signal })
    const text = await response.text()
    if (!response.ok) throw new Error(`${url} → ${response.status}`)
    return text
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#runningClock[Symbol.dispose]()
    await this.#done
  }
}
