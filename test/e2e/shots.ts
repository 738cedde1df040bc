// Takes pictures of every page in its states, at desktop and phone width, light and dark, to be looked at.
//   node test/e2e/shots.ts --out /tmp/shots                                   against the mock API: every state
//   node test/e2e/shots.ts --url http://127.0.0.1:8080 --link <login link>    against a running server
// --only <text> takes only the pictures whose name contains it.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { type Scenario, startMockApi } from '../../web/dev/mock-api.ts'
import { openMockMedia } from '../../web/dev/mock-media.ts'

const { values: options } = parseArgs({
  options: {
    url: { type: 'string' },
    link: { type: 'string' },
    out: { type: 'string', default: 'shots' },
    only: { type: 'string', default: '' },
  },
})

const CHROMIUM_FLAGS =
  '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync'
const WIDTHS = [
  { name: 'desktop', width: 1440, height: 900 },
  { name: 'phone', width: 375, height: 812 },
] as const
const SCHEMES = ['light', 'dark'] as const

interface Shot {
  readonly name: string
  readonly scenario: Scenario
  readonly path: string
  /** What has to be visible before the picture is taken, or what is done first. */
  readonly prepare?: (page: Page) => Promise<unknown>
  /** Only the first screen: for dialogs and the full-bleed player. */
  readonly isScreen?: boolean
}

const playing = (page: Page): Promise<unknown> =>
  page.waitForFunction(() => Reflect.get(globalThis, '__mirrorPlayer')?.state === 'playing', null, { timeout: 15_000 })
const wait =
  (ms: number) =>
  (page: Page): Promise<unknown> =>
    page.waitForTimeout(ms)
const click =
  (name: string | RegExp) =>
  (page: Page): Promise<unknown> =>
    page.getByRole('button', { name }).first().click()

const SHOTS: readonly Shot[] = [
  { name: 'login', scenario: 'anonymous', path: '/login' },
  { name: 'login-failed', scenario: 'anonymous', path: '/login', prepare: failLogin },
  {
    name: 'login-link',
    scenario: 'fresh',
    path: '/login-link?token=abc',
    prepare: (page) => page.getByText('Welcome').waitFor(),
  },
  {
    name: 'login-link-used',
    scenario: 'fresh',
    path: '/login-link?token=used',
    prepare: (page) => page.getByRole('alert').waitFor(),
  },
  { name: 'overview-empty', scenario: 'fresh', path: '/' },
  { name: 'overview', scenario: 'busy', path: '/', prepare: wait(6000) },
  { name: 'overview-loading', scenario: 'slow', path: '/' },
  { name: 'overview-failed', scenario: 'failing', path: '/', prepare: wait(3500) },
  { name: 'streams', scenario: 'busy', path: '/streams', prepare: wait(6000) },
  { name: 'streams-empty', scenario: 'empty', path: '/streams' },
  { name: 'streams-loading', scenario: 'slow', path: '/streams' },
  { name: 'streams-failed', scenario: 'failing', path: '/streams', prepare: wait(3500) },
  { name: 'streams-nothing-found', scenario: 'busy', path: '/streams?q=zebra' },
  { name: 'streams-stale', scenario: 'silent', path: '/streams', prepare: wait(10_000) },
  { name: 'streams-cut', scenario: 'cut', path: '/streams', prepare: wait(8000) },
  { name: 'create', scenario: 'busy', path: '/streams?create=true', isScreen: true, prepare: typeBadId },
  {
    name: 'stream-live',
    scenario: 'busy',
    path: '/streams/studio-1',
    prepare: (page) => playing(page).then(() => page.waitForTimeout(9000)),
  },
  { name: 'stream-advice', scenario: 'busy', path: '/streams/studio-2', prepare: playing },
  { name: 'stream-interrupted', scenario: 'busy', path: '/streams/church-hall?tab=monitor', prepare: wait(2500) },
  { name: 'stream-offline', scenario: 'busy', path: '/streams/press-room', prepare: wait(1500) },
  {
    name: 'stream-connect-srt',
    scenario: 'busy',
    path: '/streams/press-room?tab=connect&with=srt',
    prepare: click('Show key'),
  },
  { name: 'stream-settings', scenario: 'busy', path: '/streams/press-room?tab=settings', prepare: wait(1000) },
  { name: 'stream-recording', scenario: 'busy', path: '/streams/studio-1?tab=recording', prepare: rewind },
  { name: 'stream-not-recorded', scenario: 'busy', path: '/streams/press-room?tab=recording', prepare: wait(1500) },
  { name: 'stream-stale', scenario: 'silent', path: '/streams/studio-1?tab=monitor', prepare: wait(11_000) },
  { name: 'stream-loading', scenario: 'slow', path: '/streams/studio-1' },
  { name: 'stream-unknown', scenario: 'busy', path: '/streams/nobody' },
  { name: 'stream-viewer', scenario: 'viewer', path: '/streams/press-room', prepare: wait(1000) },
  { name: 'stream-delete', scenario: 'busy', path: '/streams/studio-1', isScreen: true, prepare: openDelete },
  { name: 'library', scenario: 'busy', path: '/library' },
  { name: 'library-table', scenario: 'busy', path: '/library?view=table' },
  { name: 'library-filtered', scenario: 'busy', path: '/library?kind=image&tag=coast&folder=photos%2F2026' },
  { name: 'library-chosen', scenario: 'busy', path: '/library', isScreen: true, prepare: chooseSome },
  { name: 'library-tags', scenario: 'busy', path: '/library', isScreen: true, prepare: openTags },
  { name: 'library-trash', scenario: 'busy', path: '/library?trash=true' },
  { name: 'library-empty', scenario: 'empty', path: '/library' },
  { name: 'library-loading', scenario: 'slow', path: '/library' },
  { name: 'library-failed', scenario: 'failing', path: '/library', prepare: wait(3500) },
  { name: 'library-nothing-found', scenario: 'busy', path: '/library?q=zebra' },
  { name: 'library-viewer', scenario: 'viewer', path: '/library' },
  { name: 'uploads', scenario: 'busy', path: '/library', isScreen: true, prepare: uploadSome },
  { name: 'uploads-interrupted', scenario: 'busy', path: '/library', isScreen: true, prepare: interruptUpload },
  { name: 'asset-picture', scenario: 'busy', path: '/library/a1', prepare: wait(800) },
  { name: 'asset-portrait', scenario: 'busy', path: '/library/a3', prepare: wait(800) },
  { name: 'asset-sound', scenario: 'busy', path: '/library/a4', prepare: seekSound },
  { name: 'asset-video', scenario: 'busy', path: '/library/a5', prepare: wait(800) },
  { name: 'asset-document', scenario: 'busy', path: '/library/a6' },
  { name: 'asset-processing', scenario: 'busy', path: '/library/a2' },
  { name: 'asset-failed', scenario: 'busy', path: '/library/a7' },
  { name: 'asset-moved', scenario: 'busy', path: '/library/a8', prepare: wait(800) },
  { name: 'asset-trashed', scenario: 'busy', path: '/library/trashed-a1', prepare: wait(800) },
  { name: 'asset-share', scenario: 'busy', path: '/library/a1', isScreen: true, prepare: shareAsset },
  { name: 'asset-edit', scenario: 'busy', path: '/library/a1', isScreen: true, prepare: click('Edit') },
  { name: 'asset-unknown', scenario: 'busy', path: '/library/nobody' },
  { name: 'recordings', scenario: 'busy', path: '/recordings' },
  { name: 'recordings-open', scenario: 'busy', path: '/recordings?open=r2', prepare: seekSound },
  { name: 'recordings-cut', scenario: 'busy', path: '/recordings?open=r3', prepare: wait(800) },
  { name: 'recordings-failed-one', scenario: 'busy', path: '/recordings?open=r4', prepare: wait(800) },
  { name: 'recordings-link', scenario: 'busy', path: '/recordings?q=7f1c&open=r5', prepare: wait(800) },
  {
    name: 'recordings-policy',
    scenario: 'busy',
    path: '/recordings',
    prepare: click('Change how long recordings are kept'),
    isScreen: true,
  },
  { name: 'recordings-empty', scenario: 'empty', path: '/recordings' },
  { name: 'recordings-loading', scenario: 'slow', path: '/recordings' },
  { name: 'recordings-nothing-found', scenario: 'busy', path: '/recordings?q=zebra' },
  { name: 'events', scenario: 'busy', path: '/events' },
  { name: 'events-empty', scenario: 'empty', path: '/events' },
  { name: 'events-filtered', scenario: 'busy', path: '/events?severity=error&q=refused' },
  { name: 'settings', scenario: 'busy', path: '/settings' },
  { name: 'settings-fresh', scenario: 'fresh', path: '/settings' },
  { name: 'settings-key', scenario: 'busy', path: '/settings', isScreen: true, prepare: createKey },
  { name: 'palette', scenario: 'busy', path: '/streams', isScreen: true, prepare: openPalette },
  { name: 'not-found', scenario: 'busy', path: '/nowhere' },
  {
    name: 'watch',
    scenario: 'busy',
    path: '/watch/demo',
    isScreen: true,
    prepare: (page) => playing(page).then(() => page.mouse.move(200, 200)),
  },
  { name: 'watch-rewind', scenario: 'busy', path: '/watch/studio-1', isScreen: true, prepare: rewind },
  { name: 'watch-share', scenario: 'busy', path: '/watch/demo', isScreen: true, prepare: openShare },
  { name: 'watch-waiting', scenario: 'busy', path: '/watch/press-room', isScreen: true, prepare: wait(1000) },
  { name: 'watch-unknown', scenario: 'busy', path: '/watch/nobody', isScreen: true, prepare: wait(1000) },
  { name: 'watch-embed', scenario: 'busy', path: '/watch/demo?embed=1', isScreen: true, prepare: playing },
]

/** Back in time, with the timeline in use. */
async function rewind(page: Page): Promise<void> {
  await playing(page)
  const slider = page.getByRole('slider').first()
  for (let press = 0; press < 20; press++) await slider.press('Shift+ArrowLeft')
  await page.waitForTimeout(2500)
  const box = await slider.boundingBox()
  if (box !== null) await page.mouse.move(box.x + box.width * 0.4, box.y + box.height / 2)
}

async function failLogin(page: Page): Promise<void> {
  await page.getByLabel('Name').fill('admin')
  await page.getByLabel('Password', { exact: true }).fill('not the password')
  await click('Log in')(page)
  await page.getByRole('alert').waitFor()
}

async function typeBadId(page: Page): Promise<void> {
  await page.getByLabel('Stream id').fill('studio_3')
}

async function openDelete(page: Page): Promise<void> {
  await click('More actions')(page)
  await page.getByRole('menuitem', { name: 'Delete stream' }).click()
  await page.getByText('This cannot be undone').waitFor()
}

async function createKey(page: Page): Promise<void> {
  await click('Create key')(page)
  await page.getByRole('dialog').getByLabel('Name').fill('scoreboard')
  await page.getByRole('dialog').getByRole('button', { name: 'Create key' }).click()
  await page.getByText('Copy the key now').waitFor()
}

async function chooseSome(page: Page): Promise<void> {
  for (const name of ['Lighthouse', 'Portrait', 'Jingle'])
    await page.getByLabel(new RegExp(`Choose ${name}`)).click({ force: true })
}

async function openTags(page: Page): Promise<void> {
  await chooseSome(page)
  await click('Tags')(page)
  await page.getByRole('dialog').getByLabel('Add').fill('spring,')
}

/** One done, one refused, some under way and some that wait. */
async function uploadSome(page: Page): Promise<void> {
  const names = [
    'done.jpg',
    'far too large.mov',
    'Concert, first half.mov',
    'Concert, second half.mov',
    'Interview.mov',
    'Crowd.mov',
  ]
  const files = names.map((name) => ({ name, mimeType: 'video/mp4', buffer: Buffer.alloc(4_000_000) }))
  await page.getByLabel('Files to upload').first().setInputFiles(files)
  await page.getByText('In the library already').waitFor()
  await page.getByRole('button', { name: 'Pause Interview.mov' }).click()
  await page.waitForTimeout(500)
}

async function interruptUpload(page: Page): Promise<void> {
  const begun = { fingerprint: 'f', uploadId: 'slow', name: 'Concert, first half.mov', folder: '', sizeBytes: 1.2e9 }
  await page.evaluate(
    (text) => Reflect.get(globalThis, 'localStorage').setItem('mirror.uploads', text),
    JSON.stringify([begun]),
  )
  await page.reload()
  await page.getByText('was interrupted').waitFor()
}

async function seekSound(page: Page): Promise<void> {
  const slider = page.getByRole('slider').first()
  await slider.waitFor()
  await page.waitForTimeout(800)
  const box = await slider.boundingBox()
  if (box !== null) {
    await page.mouse.click(box.x + box.width * 0.35, box.y + box.height / 2)
    await page.mouse.move(box.x + box.width * 0.6, box.y + box.height / 2)
  }
}

async function shareAsset(page: Page): Promise<void> {
  await click('Share')(page)
  await click('Make link')(page)
  await page.getByText('Opens until').waitFor()
}

async function openPalette(page: Page): Promise<void> {
  await page.getByRole('heading', { name: 'Streams' }).waitFor()
  await page.keyboard.press('Control+k')
  await page.getByPlaceholder(/Jump to/).fill('st')
}

async function openShare(page: Page): Promise<void> {
  await playing(page)
  await page.mouse.move(200, 200)
  await click('Share')(page)
}

async function shoot(browser: Browser, baseUrl: string, shot: Shot, storage: BrowserContext | null): Promise<void> {
  for (const { name: widthName, width, height } of WIDTHS) {
    for (const colorScheme of SCHEMES) {
      const context = await browser.newContext({
        viewport: { width, height },
        colorScheme,
        ...(storage === null ? {} : { storageState: await storage.storageState() }),
      })
      const page = await context.newPage()
      const file = join(options.out, `${shot.name}-${widthName}-${colorScheme}.png`)
      page.on('console', (message) => {
        const text = message.text()
        // Refused requests are what some of the states are about.
        if (message.type() === 'error' && !text.startsWith('Failed to load resource') && !text.includes('WebSocket')) {
          console.error(`${shot.name}: ${text}`)
        }
      })
      page.on('pageerror', (error) => console.error(`${shot.name}: ${error.message}`))
      try {
        await page.goto(baseUrl + shot.path)
        await page.waitForTimeout(700)
        await shot.prepare?.(page)
        await page.waitForTimeout(250)
        const overflowPx = await page.evaluate<number>(
          () => Reflect.get(globalThis, 'document').documentElement.scrollWidth - Reflect.get(globalThis, 'innerWidth'),
        )
        if (overflowPx > 0) console.error(`${file}: ${overflowPx} px wider than the screen`)
        await page.screenshot({ path: file, fullPage: shot.isScreen !== true })
      } catch (error) {
        console.error(`${file}: ${error instanceof Error ? error.message : String(error)}`)
      }
      await context.close()
    }
  }
  console.log(shot.name)
}

/** States that need no mock: what a running server shows by itself. */
const REAL_SHOTS: readonly Shot[] = [
  { name: 'real-overview', scenario: 'busy', path: '/' },
  { name: 'real-streams', scenario: 'busy', path: '/streams', prepare: wait(4000) },
  {
    name: 'real-demo',
    scenario: 'busy',
    path: '/streams/demo?tab=monitor',
    prepare: (page) => playing(page).then(() => page.waitForTimeout(8000)),
  },
  { name: 'real-connect', scenario: 'busy', path: '/streams/demo?tab=connect' },
  { name: 'real-events', scenario: 'busy', path: '/events' },
  { name: 'real-settings', scenario: 'busy', path: '/settings' },
]

async function shootReal(browser: Browser, url: string): Promise<void> {
  const context = await browser.newContext()
  if (options.link !== undefined) {
    const page = await context.newPage()
    await page.goto(options.link)
    await page.getByRole('button', { name: 'Later' }).click()
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
  }
  for (const shot of REAL_SHOTS.filter(({ name }) => name.includes(options.only)))
    await shoot(browser, url, shot, context)
}

async function shootMock(browser: Browser): Promise<void> {
  const media = await openMockMedia()
  for (const shot of SHOTS.filter(({ name }) => name.includes(options.only))) {
    // A server for each shot: some scenarios change while they run.
    await using api = await startMockApi({ scenario: shot.scenario, media })
    await shoot(browser, api.url, shot, null)
  }
}

await mkdir(options.out, { recursive: true })
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: CHROMIUM_FLAGS.split(' ') })
try {
  if (options.url === undefined) await shootMock(browser)
  else await shootReal(browser, options.url)
} finally {
  await browser.close()
}
