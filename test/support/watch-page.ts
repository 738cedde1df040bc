// The public player page in real Chromium, asked through what it says about itself.
import { setTimeout as delay } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'
import type { PlayerStats } from '../../web/src/player/player-state.ts'

export class WatchPage implements AsyncDisposable {
  readonly page: Page
  /** Errors of scripts on the page. */
  readonly pageErrors: string[] = []
  #loads = 0

  private constructor(page: Page) {
    this.page = page
    page.on('pageerror', (error) => this.pageErrors.push(error.message))
    page.on('domcontentloaded', () => {
      this.#loads++
    })
  }

  static async open(browser: Browser, url: string): Promise<WatchPage> {
    const context = await browser.newContext({ viewport: { width: 640, height: 360 } })
    const watch = new WatchPage(await context.newPage())
    await watch.page.goto(url)
    return watch
  }

  /** How often the page was loaded: 1 unless somebody reloaded it. */
  get loads(): number {
    return this.#loads
  }

  async stats(): Promise<PlayerStats> {
    return await playerStats(this.page)
  }

  /** Resolves to the first snapshot that fits. */
  async waitFor(fits: (stats: PlayerStats) => boolean, timeoutMs: number): Promise<PlayerStats> {
    return await waitForPlayer(this.page, fits, timeoutMs)
  }

  /** A snapshot each second, for so long. */
  async observe(seconds: number): Promise<readonly PlayerStats[]> {
    const seen: PlayerStats[] = []
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

export async function playerStats(page: Page): Promise<PlayerStats> {
  return await page.evaluate<PlayerStats>('window.__mirrorPlayer')
}

/**
 * The first snapshot of the player on the page that fits. Asked from outside: the console's content security policy allows
 * no evaluation inside the page, which waitForFunction needs.
 */
export async function waitForPlayer(
  page: Page,
  fits: (stats: PlayerStats) => boolean,
  timeoutMs: number,
): Promise<PlayerStats> {
  const deadline = performance.now() + timeoutMs
  while (true) {
    const stats = await page.evaluate<PlayerStats | undefined>('window.__mirrorPlayer')
    if (stats !== undefined && fits(stats)) return stats
    if (performance.now() > deadline) throw new Error(`the player did not get there: ${JSON.stringify(stats, null, 1)}`)
    await delay(50)
  }
}
