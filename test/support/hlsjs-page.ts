// A page with hls.js and nothing else in real Chromium: what anybody embeds who plays an asset.
import { createRequire } from 'node:module'
import type { Browser, Page } from 'playwright-core'
import { PageServer } from './shaka-page.ts'

export interface HlsJsState {
  readonly positionSec: number
  readonly durationSec: number
  readonly widthPx: number
  readonly isSeeking: boolean
  /** Of `MediaError` or a fatal error of hls.js. */
  readonly failures: readonly string[]
  /** Fragments by the height of their level, in the order of loading. */
  readonly levels: readonly number[]
  readonly audioTracks: readonly string[]
  readonly subtitleTracks: readonly string[]
}

const SCRIPT = createRequire(import.meta.url).resolve('hls.js/dist/hls.min.js')

const PLAYER = `(() => {
  const video = document.querySelector('video')
  const failures = []
  const levels = []
  const hls = new Hls({ startLevel: -1 })
  hls.on(Hls.Events.ERROR, (_, data) => { if (data.fatal) failures.push(data.details + ' ' + String(data.error)) })
  hls.on(Hls.Events.FRAG_BUFFERED, (_, { frag }) => {
    if (frag.type === 'main') levels.push(hls.levels[frag.level].height)
  })
  video.addEventListener('error', () => failures.push(String(video.error && video.error.message)))
  window.__asset = {
    hls, video,
    play: (url) => { hls.loadSource(url); hls.attachMedia(video); return video.play() },
    state: () => ({
      positionSec: video.currentTime, durationSec: video.duration, widthPx: video.videoWidth, isSeeking: video.seeking,
      failures, levels,
      audioTracks: hls.audioTracks.map((track) => track.lang), subtitleTracks: hls.subtitleTracks.map((track) => track.lang),
    }),
  }
})()`

export class HlsJsPage implements AsyncDisposable {
  readonly page: Page

  private constructor(page: Page) {
    this.page = page
  }

  static async open(browser: Browser, url: string): Promise<HlsJsPage> {
    const context = await browser.newContext({ viewport: { width: 640, height: 360 } })
    const page = await context.newPage()
    await using server = await PageServer.start()
    await page.goto(server.url)
    await page.addScriptTag({ path: SCRIPT })
    await page.evaluate(PLAYER)
    await page.evaluate(`void window.__asset.play(${JSON.stringify(url)}).catch(() => {})`)
    return new HlsJsPage(page)
  }

  async state(): Promise<HlsJsState> {
    return await this.page.evaluate<HlsJsState>('window.__asset.state()')
  }

  async seek(sec: number): Promise<void> {
    await this.page.evaluate(`window.__asset.video.currentTime = ${sec}`)
  }

  /** Only this level from now on, at once. */
  async choose(height: number): Promise<void> {
    await this.page.evaluate(
      `window.__asset.hls.currentLevel = window.__asset.hls.levels.findIndex((level) => level.height === ${height})`,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.context().close()
  }
}
