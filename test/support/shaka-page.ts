// A page with Shaka Player and nothing else in real Chromium: the second opinion on what a player can play.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'

export interface ShakaError {
  readonly atMs: number
  /** `shaka.util.Error.Severity`: 2 ends playback. */
  readonly isFatal: boolean
  readonly category: number
  /** https://shaka-player-demo.appspot.com/docs/api/shaka.util.Error.html */
  readonly code: number
  readonly message: string
}

export interface ShakaStats {
  readonly isPlaying: boolean
  readonly positionSec: number
  readonly bufferedSec: number
  readonly widthPx: number
  readonly heightPx: number
  readonly decodedFrames: number
  readonly droppedFrames: number
  /** This computer's clock minus the program date time on screen; null before it is known. */
  readonly latencySec: number | null
  /** Of Shaka's own count: holes in media that it jumped over, and stalls that it saw. */
  readonly gapsJumped: number
  readonly stallsDetected: number
  readonly bufferingSec: number
  readonly errors: readonly ShakaError[]
}

const SCRIPT = createRequire(import.meta.url).resolve('shaka-player/dist/shaka-player.compiled.js')

const PAGE = '<!doctype html><title>Shaka Player</title><video muted playsinline width="640"></video>'

const PLAYER = `(() => {
  const video = document.querySelector('video')
  const errors = []
  const note = (error) => errors.push({
    atMs: Date.now(), isFatal: error.severity === 2, category: error.category ?? 0, code: error.code ?? 0,
    message: String(error.message ?? error).slice(0, 500),
  })
  shaka.polyfill.installAll()
  const player = new shaka.Player()
  player.addEventListener('error', (event) => note(event.detail))
  const bufferedAhead = () => {
    for (let index = 0; index < video.buffered.length; index++) {
      const start = video.buffered.start(index), end = video.buffered.end(index)
      if (start <= video.currentTime + 0.1 && end >= video.currentTime) return end - video.currentTime
    }
    return 0
  }
  window.__shaka = {
    player,
    play: async (url, config) => {
      try {
        await player.attach(video)
        player.configure(config)
        await player.load(url)
        await video.play()
      } catch (error) {
        note(error)
      }
    },
    stats: () => {
      const stats = player.getStats()
      const shownAt = player.getPlayheadTimeAsDate()
      const quality = video.getVideoPlaybackQuality()
      return {
        isPlaying: !video.paused && video.readyState >= 3,
        positionSec: video.currentTime,
        bufferedSec: bufferedAhead(),
        widthPx: video.videoWidth,
        heightPx: video.videoHeight,
        decodedFrames: quality.totalVideoFrames,
        droppedFrames: quality.droppedVideoFrames,
        latencySec: shownAt === null || video.currentTime === 0 ? null : (Date.now() - shownAt.getTime()) / 1000,
        gapsJumped: stats.gapsJumped || 0,
        stallsDetected: stats.stallsDetected || 0,
        bufferingSec: stats.bufferingTime || 0,
        errors,
      }
    },
  }
})()`

/**
 * Serves the page once, from a real loopback address: Shaka needs a secure context, which about:blank is not, and Chromium
 * lets only a page that came from this computer ask for media on it.
 */
export class PageServer implements AsyncDisposable {
  readonly #server = createServer((_, response) => void response.setHeader('Content-Type', 'text/html').end(PAGE))

  static async start(): Promise<PageServer> {
    const page = new PageServer()
    page.#server.listen(0, '127.0.0.1')
    await once(page.#server, 'listening')
    return page
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }
}

export class ShakaPage implements AsyncDisposable {
  readonly page: Page
  /** Errors of scripts on the page. */
  readonly pageErrors: string[] = []

  private constructor(page: Page) {
    this.page = page
    page.on('pageerror', (error) => this.pageErrors.push(error.message))
  }

  /**
   * Begins to play. Give it a stream that lists a few complete segments: Shaka 5.2 fails on the very first one, whose
   * parts it wants to look into before it has an address for them. `config` is Shaka's own, as for
   * `player.configure`. A failure shows in `stats().errors`.
   */
  static async open(browser: Browser, playlistUrl: string, config: object = {}): Promise<ShakaPage> {
    const context = await browser.newContext({ viewport: { width: 640, height: 360 } })
    const shaka = new ShakaPage(await context.newPage())
    await using server = await PageServer.start()
    await shaka.page.goto(server.url)
    await shaka.page.addScriptTag({ path: SCRIPT })
    await shaka.page.evaluate(PLAYER)
    const args = [playlistUrl, config].map((value) => JSON.stringify(value)).join(', ')
    await shaka.page.evaluate(`void window.__shaka.play(${args})`)
    return shaka
  }

  async stats(): Promise<ShakaStats> {
    return await this.page.evaluate<ShakaStats>('window.__shaka.stats()')
  }

  /** Resolves to the first snapshot that fits. */
  async waitFor(fits: (stats: ShakaStats) => boolean, timeoutMs: number): Promise<ShakaStats> {
    const deadline = performance.now() + timeoutMs
    while (true) {
      const stats = await this.stats()
      if (fits(stats)) return stats
      if (performance.now() > deadline) throw new Error(`Shaka did not get there: ${JSON.stringify(stats, null, 1)}`)
      await delay(50)
    }
  }

  /** A snapshot each second, for so long. */
  async observe(seconds: number): Promise<readonly ShakaStats[]> {
    const seen: ShakaStats[] = []
    for (let second = 0; second < seconds; second++) {
      await delay(1000)
      seen.push(await this.stats())
    }
    return seen
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.context().close()
  }
}
