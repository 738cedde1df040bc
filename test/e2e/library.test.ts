// Uploading, finding and looking at content in a real browser, through a killed server and a closed tab.
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Browser, BrowserContext, CDPSession, Page } from 'playwright-core'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AssetPageView, AssetView } from '../../src/api/asset-contract.ts'
import type { UploadView } from '../../src/api/upload-contract.ts'
import { launchChromium } from '../support/chromium.ts'
import { findFreePort } from '../support/free-port.ts'
import { MirrorProcess } from '../support/mirror-process.ts'

/** What has arrived is synced in pieces of 16 MiB: more than one of them, and time to cut off the rest. */
const LONG = process.env['TEST_LONG'] !== undefined
const LARGE_BYTES = LONG ? 2 * 2 ** 30 : 36 * 2 ** 20
const CUT_OFF_AT_BYTES = 16 * 2 ** 20
const LINE_BYTES_PER_SEC = LONG ? 64 * 2 ** 20 : 8 * 2 ** 20
/** So that nothing arrives between what is awaited and what is done then. */
const CHOKED_BYTES_PER_SEC = 256 * 1024
const LONG_WAIT_MS = LONG ? 200_000 : 60_000

const run = promisify(execFile)

let mirror: MirrorProcess
let browser: Browser
let context: BrowserContext
let page: Page
let folder: string
const pageErrors: string[] = []
const opened = new AsyncDisposableStack()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-library-'))
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  // The console must find the server again where it was.
  mirror = opened.use(await MirrorProcess.start({ env: { MIRROR_API_PORT: String(await findFreePort()) } }))
  browser = await launchChromium()
  opened.defer(() => browser.close())
  context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
  page = await newPage()
  await page.goto(/\S+\/login-link\?token=\S+/.exec(mirror.output)?.[0] ?? '')
  await page.getByRole('button', { name: 'Later' }).click()
  await page.getByRole('heading', { name: 'Overview' }).waitFor()
})

afterAll(() => opened.disposeAsync())

async function newPage(): Promise<Page> {
  const fresh = await context.newPage()
  fresh.setDefaultTimeout(30_000)
  fresh.on('pageerror', (error) => pageErrors.push(error.message))
  // What the policy of the page refuses throws nothing.
  fresh.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) pageErrors.push(message.text())
  })
  return fresh
}

async function picture(name: string, background: string, width = 600, height = 400): Promise<string> {
  const path = join(folder, name)
  await mkdir(join(path, '..'), { recursive: true })
  const noise = { type: 'gaussian', mean: 128, sigma: 20 } as const
  await sharp({ create: { width, height, channels: 3, background, noise } })
    .withExif({ IFD0: { Model: 'Lochkamera', Artist: 'Ada' } })
    .jpeg()
    .toFile(path)
  return path
}

async function largeFile(name: string): Promise<{ readonly path: string; readonly sha256: string }> {
  const path = join(folder, name)
  const hash = createHash('sha256')
  const piece = randomBytes(2 ** 20)
  await writeFile(
    path,
    (function* () {
      for (let at = 0; at < LARGE_BYTES; at += piece.length) {
        piece.writeUInt32LE(at / piece.length)
        hash.update(piece)
        yield Buffer.from(piece)
      }
    })(),
  )
  return { path, sha256: hash.digest('hex') }
}

/** One side speaks in the first half, the other in the second; 16 bits, 8 kHz. */
function stereoCall(seconds: number): Uint8Array<ArrayBuffer> {
  const frames = seconds * 8000
  const head = Buffer.alloc(44)
  head.write('RIFF', 0, 'latin1')
  head.writeUInt32LE(36 + frames * 4, 4)
  head.write('WAVEfmt ', 8, 'latin1')
  for (const [value, at] of [
    [16, 16],
    [8000, 24],
    [32_000, 28],
    [frames * 4, 40],
  ] as const)
    head.writeUInt32LE(value, at)
  for (const [value, at] of [
    [1, 20],
    [2, 22],
    [4, 32],
    [16, 34],
  ] as const)
    head.writeUInt16LE(value, at)
  head.write('data', 36, 'latin1')
  const data = Buffer.alloc(frames * 4)
  for (let at = 0; at < frames; at += 1) {
    data.writeInt16LE(Math.round(9000 * Math.sin(at * 0.3)), at * 4 + (at < frames / 2 ? 0 : 2))
  }
  return new Uint8Array(Buffer.concat([head, data]))
}

/** Files or folders from outside, as if by mouse. */
async function dropOn(target: Page, paths: readonly string[]): Promise<void> {
  const session = await context.newCDPSession(target)
  const data = { items: [], files: [...paths], dragOperationsMask: 1 }
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    await session.send('Input.dispatchDragEvent', { type, x: 640, y: 500, data })
    if (type === 'dragOver') await target.getByText('Drop to upload').waitFor()
  }
  await session.detach()
}

async function slowLine(target: Page): Promise<CDPSession> {
  const session = await context.newCDPSession(target)
  await session.send('Network.enable')
  await setSpeed(session, LINE_BYTES_PER_SEC)
  return session
}

async function setSpeed(line: CDPSession, uploadThroughput: number): Promise<void> {
  const conditions = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput }
  await line.send('Network.emulateNetworkConditions', conditions)
}

const uploads = async () => (await mirror.api<{ uploads: UploadView[] }>('GET', '/uploads')).uploads
const assetsNamed = async (q: string) =>
  (await mirror.api<AssetPageView>('GET', `/assets?q=${encodeURIComponent(q)}`)).assets
const tray = (of: Page, name = 'Uploads') => of.getByRole('region', { name, exact: true })

/** Enough of it is safe, and the rest takes its time. */
async function arrived(name: string, line: CDPSession): Promise<void> {
  await expect
    .poll(async () => (await uploads()).find(({ metadata }) => metadata['filename'] === name)?.offsetBytes ?? 0, {
      timeout: LONG_WAIT_MS,
      interval: 50,
    })
    .toBeGreaterThanOrEqual(CUT_OFF_AT_BYTES)
  await setSpeed(line, CHOKED_BYTES_PER_SEC)
}

test('an empty library says what to do, and a folder that is dropped comes in with its folders', async () => {
  await page.getByRole('link', { name: 'Library', exact: true }).first().click()
  await page.getByText('The library is empty').waitFor()
  await picture('Reise/Fjord.jpg', '#1a6')
  await picture('Reise/Norden/Nordlicht.jpg', '#63c', 900, 1200)
  await writeFile(join(folder, 'Reise', '.DS_Store'), 'litter')
  await writeFile(join(folder, 'Reise', 'leer.jpg'), '')
  await dropOn(page, [join(folder, 'Reise')])
  // Each is told on its own, the one that is refused with its cause.
  await tray(page).getByText('2 uploaded, 1 refused').waitFor()
  await tray(page).getByText('The upload is announced with no bytes').waitFor()
  const list = page.getByRole('list', { name: 'Assets' })
  await list.getByRole('link', { name: 'Nordlicht.jpg' }).waitFor()
  const all = (await mirror.api<AssetPageView>('GET', '/assets')).assets
  expect(all.map(({ folder: at, name }) => `${at}/${name}`).sort()).toEqual([
    'Reise/Fjord.jpg',
    'Reise/Norden/Nordlicht.jpg',
  ])
  // Processed, and seen without anybody asking again.
  await expect.poll(() => list.getByText('JPEG ·').count(), { timeout: 60_000 }).toBe(2)
  await expect
    .poll(() =>
      page.evaluate<boolean>(
        "[...document.querySelectorAll('ul[aria-label=Assets] img')].every((one) => one.naturalWidth > 0)",
      ),
    )
    .toBe(true)
  await tray(page).getByRole('button', { name: 'Clear' }).click()
})

test('filters are in the address: a reload and a copied link show the same', async () => {
  const list = page.getByRole('list', { name: 'Assets' })
  await page.getByLabel('Folder', { exact: true }).selectOption('Reise/Norden')
  await expect.poll(() => list.getByRole('listitem').count()).toBe(1)
  await page.getByRole('searchbox', { name: 'Search the library' }).fill('nordl')
  await page.getByRole('button', { name: 'Table' }).click()
  await expect.poll(() => new URL(page.url()).search).toContain('q=nordl')
  const table = page.getByRole('table', { name: 'Assets' })
  await table.getByRole('link', { name: 'Nordlicht.jpg' }).waitFor()
  await page.reload()
  await table.getByRole('link', { name: 'Nordlicht.jpg' }).waitFor()
  expect(await table.getByRole('row').count()).toBe(2)
  expect(await page.getByRole('searchbox', { name: 'Search the library' }).inputValue()).toBe('nordl')
  expect(await page.getByLabel('Folder', { exact: true }).inputValue()).toBe('Reise/Norden')
  await page.getByLabel('Kind', { exact: true }).selectOption('video')
  await page.getByText('Nothing matches').waitFor()
  await page.getByRole('button', { name: 'Clear filters' }).click()
  await expect.poll(() => table.getByRole('row').count()).toBe(3)
})

test('what is chosen is tagged, thrown away and taken back together', async () => {
  const table = page.getByRole('table', { name: 'Assets' })
  await page.getByLabel('Choose all that are shown').check()
  const bar = page.getByRole('region', { name: 'Chosen files' })
  await bar.getByText('2 chosen').waitFor()
  await bar.getByRole('button', { name: 'Tags' }).click()
  await page.getByRole('dialog').getByLabel('Add').fill('Norwegen,')
  await page.getByRole('button', { name: 'Change tags' }).click()
  await expect.poll(() => table.getByRole('button', { name: 'Norwegen' }).count()).toBe(2)
  await page.getByLabel('Choose Fjord.jpg').check()
  await bar.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('button', { name: 'Put into the trash' }).click()
  await expect.poll(() => table.getByRole('row').count()).toBe(2)
  await page.getByRole('button', { name: 'Trash' }).click()
  await page.getByRole('heading', { name: 'Trash', exact: true }).waitFor()
  await table.getByText('Goes in 30 days').waitFor()
  await page.getByLabel('Choose Fjord.jpg').check()
  await bar.getByRole('button', { name: 'Restore' }).click()
  await page.getByText('The trash is empty').waitFor()
  expect((await assetsNamed('norwegen')).map(({ name }) => name).sort()).toEqual(['Fjord.jpg', 'Nordlicht.jpg'])
  await page.getByRole('button', { name: 'Back to the library' }).click()
})

test('the page of an asset shows the picture, what the camera wrote, and hands out a link that ends', async () => {
  await page.getByRole('link', { name: 'Nordlicht.jpg' }).click()
  await page.getByRole('heading', { name: 'Nordlicht.jpg' }).waitFor()
  await page.getByText('Lochkamera').waitFor()
  await page.getByText('900 × 1200', { exact: false }).first().waitFor()
  await page.getByText('Hot: read at once').waitFor()
  await expect
    .poll(() => page.evaluate<number>('document.querySelector(\'img[alt="Nordlicht.jpg"]\').naturalWidth'))
    .toBe(900)
  await page.getByRole('button', { name: 'Share Medium' }).click()
  await page.getByLabel('Ends after').selectOption('1 hour')
  await page.getByRole('button', { name: 'Make link' }).click()
  const link = await page.getByRole('dialog').locator('code').innerText()
  // Without a key and from outside of the browser.
  const shared = await sharp(Buffer.from(await (await fetch(link)).arrayBuffer())).metadata()
  expect(shared).toMatchObject({ format: 'jpeg', width: 450, height: 600 })
  await page.getByRole('button', { name: 'Done' }).click()
  await page.getByRole('button', { name: 'Edit' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('Aurora.jpg')
  await dialog.getByLabel('Metadata').fill('{ "Ort": "Tromsø" }')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('heading', { name: 'Aurora.jpg' }).waitFor()
  await page.getByText('Tromsø').waitFor()
  expect((await assetsNamed('aurora')).map(({ metadata }) => metadata)).toEqual([{ Ort: 'Tromsø' }])
})

test('what cannot be processed says at which step and why, and is tried again', async () => {
  const path = join(folder, 'Schein.png')
  await writeFile(path, '<html>no picture</html>')
  await page.getByRole('link', { name: 'Library', exact: true }).first().click()
  await page.getByLabel('Files to upload').first().setInputFiles(path)
  await tray(page).getByRole('link', { name: 'Schein.png' }).click()
  await page.getByRole('heading', { name: 'Processing failed when Mirror looks at the file' }).waitFor()
  await page.getByText('It is named .png, but its bytes are text/html.').waitFor()
  await page.getByRole('button', { name: 'Try again from there' }).click()
  await page.getByText('It is processed again').waitFor()
  await page.getByText('Processing failed').waitFor()
})

test('a video plays from its playlist, and its storyboard leads through it', async () => {
  const path = join(folder, 'Film.mp4')
  const source = '-f lavfi -i testsrc2=size=320x180:rate=25:duration=6 -f lavfi -i sine=frequency=440:duration=6'
  await run('ffmpeg', [...`-v error -y ${source} -c:v libx264 -preset ultrafast -g 25 -c:a aac`.split(' '), path])
  await page.getByRole('link', { name: 'Library', exact: true }).first().click()
  await page.getByLabel('Files to upload').first().setInputFiles(path)
  await tray(page).getByRole('link', { name: 'Film.mp4' }).click()
  await page.getByRole('heading', { name: 'Film.mp4' }).waitFor()
  // The page changes by itself when it is ready.
  await page.getByRole('list', { name: 'Storyboard' }).waitFor({ timeout: 60_000 })
  const video = (expression: string) => page.evaluate<number>(`document.querySelector('video').${expression}`)
  await expect.poll(() => page.evaluate<string>("document.querySelector('video').currentSrc")).toMatch(/^blob:/)
  await expect.poll(() => video('readyState')).toBeGreaterThanOrEqual(2)
  await page.getByRole('button', { name: 'Go to 0:02' }).click()
  await expect.poll(() => video('currentTime')).toBeCloseTo(2, 1)
  await page.evaluate("document.querySelector('video').play()")
  await expect.poll(() => video('currentTime')).toBeGreaterThan(2.5)
})

test('subtitles are added on the page of a video, shown by its player, and taken away again', async () => {
  const path = join(folder, 'words.srt')
  await writeFile(path, '1\n00:00:00,500 --> 00:00:05,500\nGuten Tag\n')
  const panel = page.locator('section', { has: page.getByRole('heading', { name: 'Subtitles', exact: true }) })
  const dialog = page.getByRole('dialog')
  await panel.getByText('None.').waitFor()
  await panel.getByRole('button', { name: 'Add' }).click()
  await dialog.getByLabel('Language').fill('no such language')
  await dialog.getByLabel('File').setInputFiles(path)
  await dialog.getByRole('button', { name: 'Add' }).click()
  await dialog.getByText('must be a BCP 47 language tag').waitFor()
  await dialog.getByLabel('Language').fill('de')
  await dialog.getByRole('button', { name: 'Add' }).click()
  await panel.getByText('German').waitFor({ timeout: 30_000 })
  await expect.poll(() => page.evaluate<number>("document.querySelector('video').textTracks.length")).toBe(1)
  if (process.env['MIRROR_SHOTS'] !== undefined) {
    await page.screenshot({ path: join(process.env['MIRROR_SHOTS'], 'subtitles.png'), fullPage: true })
  }
  await panel.getByRole('button', { name: 'Remove subtitles in German' }).click()
  await panel.getByText('None.').waitFor({ timeout: 30_000 })
})

test('an admin changes how long calls are kept, and is told at the field what makes no sense', async () => {
  await page.getByRole('link', { name: 'Recordings' }).click()
  await page.getByText('Kept 365 days, warm after 30 days, cold after 90 days').waitFor()
  await page.getByRole('button', { name: 'Change how long recordings are kept' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Delete after (days)').fill('60')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.getByText('must be fewer than the 60 days after which recordings are deleted').waitFor()
  expect(await dialog.getByLabel('Cold after (days)').getAttribute('aria-invalid')).toBe('true')
  await dialog.getByLabel('Cold after (days)').fill('45')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Kept 60 days, warm after 30 days, cold after 45 days').waitFor()
})

test('a call appears when it comes in, is heard, and says how it differs from what the PBX said', async () => {
  await page.getByRole('link', { name: 'Recordings' }).click()
  await page.getByText('No recordings of calls yet').waitFor()
  const form = new FormData()
  form.append('callId', 'anruf-4711')
  form.append('duration', '60')
  form.append('file', new Blob([stereoCall(8)]), 'call.wav')
  const headers = { authorization: `Bearer ${mirror.apiKey}` }
  const sent = await fetch(`${mirror.consoleUrl}/api/v1/recordings/upload`, { method: 'POST', headers, body: form })
  expect(sent.status).toBe(201)
  await page.getByText('Cut short').waitFor({ timeout: 60_000 })
  await page.getByRole('button', { name: 'anruf-4711' }).click()
  await page.getByText('The call lasted 60 s as it was said, its recording 8 s').waitFor()
  await page.getByText('Channel 2').waitFor()
  const slider = page.getByRole('slider', { name: 'Position in the call anruf-4711' })
  const audio = (expression: string) => page.evaluate<number>(`document.querySelector('audio').${expression}`)
  await expect.poll(() => audio('duration')).toBeCloseTo(8, 1)
  // By mouse, by key, and by itself.
  const box = (await slider.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 }
  await page.mouse.click(box.x + box.width * 0.75, box.y + box.height / 2)
  await expect.poll(() => audio('currentTime')).toBeCloseTo(6, 0)
  await slider.press('ArrowLeft')
  await expect.poll(() => audio('currentTime')).toBeCloseTo(1, 0)
  expect(Number(await slider.getAttribute('aria-valuenow'))).toBeLessThanOrEqual(2)
  await page.getByRole('button', { name: '2×' }).click()
  await slider.press('k')
  await expect.poll(() => audio('currentTime')).toBeGreaterThan(2)
  expect(await audio('playbackRate')).toBe(2)
  await page.getByRole('button', { name: 'Pause', exact: true }).click()
  expect(await page.evaluate<boolean>("document.querySelector('audio').paused")).toBe(true)

  await page.getByRole('searchbox', { name: 'Search by call id' }).fill('anr')
  await expect.poll(() => new URL(page.url()).search).toContain('q=anr')
  await page.reload()
  await slider.waitFor()
  await page.getByRole('searchbox', { name: 'Search by call id' }).fill('nruf')
  await page.getByText('No recording matches').waitFor()
  // The one that the address names is shown all the same.
  await slider.waitFor()
  await page.getByRole('button', { name: 'Clear filters' }).click()
})

test('an upload survives the death of the server while somebody looks at another page', async () => {
  const { path, sha256 } = await largeFile('Konzert.bin')
  await page.getByRole('link', { name: 'Library', exact: true }).first().click()
  const line = await slowLine(page)
  await page.getByLabel('Files to upload').first().setInputFiles(path)
  await page.getByRole('link', { name: 'Streams' }).click()
  await page.getByRole('heading', { name: 'Streams', exact: true }).waitFor()
  await arrived('Konzert.bin', line)
  await mirror.kill()
  await tray(page).getByText('The server could not be reached. Trying again…').waitFor()
  await mirror.start()
  // Detaching would leave held back for good what the slow line still holds.
  await setSpeed(line, -1)
  await tray(page).getByRole('link', { name: 'Konzert.bin' }).waitFor({ timeout: LONG_WAIT_MS })
  const [kept] = await assetsNamed('konzert')
  expect(kept).toMatchObject({ sha256, sizeBytes: LARGE_BYTES } satisfies Partial<AssetView>)
})

test('a tab that is closed in the middle of an upload goes on where it was once the file is chosen again', async () => {
  const { path, sha256 } = await largeFile('Probe.bin')
  await page.getByRole('link', { name: 'Library', exact: true }).first().click()
  const line = await slowLine(page)
  await page.getByLabel('Files to upload').first().setInputFiles(path)
  await arrived('Probe.bin', line)
  // Paused, so that what is asked for now is what a closed tab leaves.
  await tray(page).getByRole('button', { name: 'Pause Probe.bin' }).click()
  await tray(page).getByText('Paused at').waitFor()
  await tray(page).getByRole('button', { name: 'Resume Probe.bin' }).click()
  await tray(page).getByText('went on at').waitFor()
  let asked = ''
  page.on('dialog', (dialog) => {
    asked = dialog.type()
    void dialog.accept()
  })
  // A closing tab is let off its slow line: what it sends then must find nobody.
  process.kill(mirror.pid, 'SIGSTOP')
  await page.close({ runBeforeUnload: true })
  await expect.poll(() => page.isClosed()).toBe(true)
  process.kill(mirror.pid, 'SIGCONT')
  expect(asked).toBe('beforeunload')

  page = await newPage()
  const sent: number[] = []
  page.on('request', (request) => {
    if (request.method() === 'PATCH') sent.push(Number(request.headers()['upload-offset']))
  })
  await page.goto(`${mirror.consoleUrl}/library`)
  await tray(page, 'Interrupted uploads').getByText('Probe.bin').waitFor()
  await page.getByLabel('The file Probe.bin').setInputFiles(path)
  await tray(page).getByRole('link', { name: 'Probe.bin' }).waitFor({ timeout: LONG_WAIT_MS })
  expect(sent[0]).toBeGreaterThanOrEqual(CUT_OFF_AT_BYTES)
  const [kept] = await assetsNamed('probe')
  expect(kept).toMatchObject({ sha256, sizeBytes: LARGE_BYTES } satisfies Partial<AssetView>)
})

test('no script on the way threw, and the policy of the page refused nothing', () => {
  expect(pageErrors).toEqual([])
})
