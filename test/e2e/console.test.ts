// What a newcomer does with a fresh Mirror, in a real browser: log in by the printed link, see the test stream, publish.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launchChromium } from '../support/chromium.ts'
import { encodedFile } from '../support/live-media.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { RunningClock } from '../support/running-clock.ts'
import { playerStats, waitForPlayer } from '../support/watch-page.ts'

const PICTURE_WITHIN_MS = 3000
const PASSWORD = 'correct horse battery'

let mirror: MirrorProcess
let browser: Browser
let context: BrowserContext
let page: Page
let loginLink = ''
const pageErrors: string[] = []
const opened = new AsyncDisposableStack()

beforeAll(async () => {
  await Promise.all([encodedFile('h264'), encodedFile('hevc')])
  mirror = opened.use(await MirrorProcess.start())
  loginLink = /\S+\/login-link\?token=\S+/.exec(mirror.output)?.[0] ?? ''
  browser = await launchChromium()
  opened.defer(() => browser.close())
  context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  page = await context.newPage()
  page.setDefaultTimeout(10_000)
  page.on('pageerror', (error) => pageErrors.push(error.message))
})

afterAll(() => opened.disposeAsync())

test('the printed link leads in, and a password can be set at once', async () => {
  await page.goto(loginLink)
  await page.getByLabel('New password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Save and go on' }).click()
  await page.getByRole('heading', { name: 'Overview' }).waitFor()
})

test('the test stream plays within three seconds of the press, with its latency on the page', async () => {
  const button = page.getByRole('button', { name: 'Start test stream' }).first()
  await button.waitFor()
  using runningClock = new RunningClock()
  const pressedAtMs = performance.now()
  await button.click()
  await waitForPlayer(page, ({ state, decodedFrames }) => state === 'playing' && decodedFrames > 0, 30_000)
  expect(runningClock.runMs(pressedAtMs)).toBeLessThan(PICTURE_WITHIN_MS)
  await expectMoving()
  await page.getByText(/\d\sm?s behind/).waitFor()
  await page.screenshot({ path: join(tmpdir(), 'mirror-console-demo.png') })
  const { latencySec } = await playerStats(page)
  expect(latencySec).toBeGreaterThan(0)
  // What the machine stood still for comes on top.
  expect(latencySec).toBeLessThan(2 + runningClock.stoodMs(pressedAtMs) / 1000)
})

test('who logs out gets in again with the password, and by no used link', async () => {
  await page.getByRole('button', { name: /^admin/ }).click()
  await page.getByRole('menuitem', { name: 'Log out' }).click()
  await page.getByLabel('Name').fill('admin')
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByRole('heading', { name: 'Overview' }).waitFor()

  const stranger = await browser.newContext()
  const other = await stranger.newPage()
  await other.goto(loginLink)
  await other.getByRole('heading', { name: 'This link does not work' }).waitFor()
  await other.goto(mirror.consoleUrl)
  await other.getByRole('button', { name: 'Log in' }).waitFor()
  await stranger.close()
})

test('a new stream has its page, which waits for the encoder', async () => {
  await page.getByRole('link', { name: 'Streams', exact: true }).click()
  await page.getByRole('heading', { name: 'Streams' }).waitFor()
  await page
    .getByRole('button', { name: 'Create stream' })
    .or(page.getByRole('link', { name: 'Create stream' }))
    .first()
    .click()
  await page.getByLabel('Stream id').fill('studio-1')
  await page.getByRole('dialog').getByRole('button', { name: 'Create stream' }).click()
  await page.getByRole('tab', { name: 'ffmpeg SRT' }).waitFor()
  await page.getByText('Waiting for the encoder').waitFor()
  await page.screenshot({ path: join(tmpdir(), 'mirror-console-connect.png'), fullPage: true })
})

const AS_IT_IS = /^Copy: Send a file as it is/

test.each([
  { tab: 'ffmpeg SRT', protocol: 'srt', codec: 'h264', copy: () => copied(AS_IT_IS) },
  { tab: 'ffmpeg RTMP', protocol: 'rtmp', codec: 'h264', copy: () => copied(AS_IT_IS) },
  { tab: 'ffmpeg CMAF', protocol: 'cmaf', codec: 'h264', copy: () => copied(AS_IT_IS) },
  {
    tab: 'OBS',
    protocol: 'rtmp',
    codec: 'h264',
    copy: async () => {
      const server = await copied('Copy server')
      return `ffmpeg -re -i video.mp4 -c copy -f flv "${server}/${await copied('Copy stream key')}"`
    },
  },
  { tab: 'ffmpeg SRT', protocol: 'srt', codec: 'hevc', copy: () => copied(AS_IT_IS) },
  { tab: 'ffmpeg CMAF', protocol: 'cmaf', codec: 'hevc', copy: () => copied(AS_IT_IS) },
] as const)('what the tab $tab says publishes $codec', async ({ tab, protocol, codec, copy }) => {
  await page.getByRole('tab', { name: tab }).click()
  const command = await copy()
  await using _running = await shell(command.replace('video.mp4', await encodedFile(codec)))
  await expect
    .poll(
      async () => {
        const { status, live } = await mirror.stream('studio-1')
        return {
          status,
          protocol: live.input?.protocol,
          codec: live.tracks.find(({ kind }) => kind === 'video')?.codec,
        }
      },
      { timeout: 15_000 },
    )
    .toEqual({ status: 'live', protocol, codec })
  if (
    codec === 'hevc' &&
    !(await page.evaluate<boolean>(`MediaSource.isTypeSupported('video/mp4;codecs="hvc1.1.6.L60.90"')`))
  ) {
    // Debian's Chromium has no HEVC decoder; all that can be asked of the page is to say so.
    await page.getByText('The picture cannot be shown here').waitFor({ timeout: 30_000 })
    return
  }
  await waitForPlayer(page, ({ state, atLiveEdge }) => state === 'playing' && atLiveEdge, 20_000)
  await expectMoving()
  await page.screenshot({ path: join(tmpdir(), `mirror-console-${protocol}.png`) })
})

test('no script on the way threw', () => {
  expect(pageErrors).toEqual([])
})

/** A second of picture passes, and new frames with it. */
async function expectMoving(): Promise<void> {
  const first = await playerStats(page)
  const second = await page.evaluate<number>("document.querySelector('video').currentTime")
  await waitForPlayer(
    page,
    ({ decodedFrames, positionSec }) =>
      decodedFrames > first.decodedFrames + 20 && positionSec > first.positionSec + 0.8,
    10_000,
  )
  expect(await page.evaluate<number>("document.querySelector('video').currentTime")).toBeGreaterThan(second)
}

/** What lies in the clipboard after a press of that button. */
async function copied(button: string | RegExp): Promise<string> {
  await page.getByRole('button', { name: button }).click()
  return await page.evaluate<string>('navigator.clipboard.readText()')
}

/** Runs a command line as a terminal would; ended like Ctrl-C. */
async function shell(command: string): Promise<AsyncDisposable> {
  const child = spawn('bash', ['-c', `exec ${command}`], { stdio: ['ignore', 'ignore', 'ignore'] })
  const exited = once(child, 'exit')
  await once(child, 'spawn')
  return {
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGINT')
      await exited
    },
  }
}
