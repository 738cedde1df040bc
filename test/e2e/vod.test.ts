// An uploaded video from the form to the screen: played through the media origin as recordings are, by several judges.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Parser } from 'm3u8-parser'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AssetLinkView, AssetView, UploadedAssetView } from '../../src/api/asset-contract.ts'
import { renderReport } from '../../src/lint/report.ts'
import { launchChromium } from '../support/chromium.ts'
import { mediaPlaylist, multivariantPlaylist } from '../support/hls.ts'
import { HlsJsPage } from '../support/hlsjs-page.ts'
import { runLintCommand } from '../support/lint-command.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { Patience } from '../support/patience.ts'

const run = promisify(execFile)
const opened = new AsyncDisposableStack()
const SECONDS = 6
const FRAMES_PER_SEC = 12
const PROCESSED_WITHIN_MS = 90_000
let mirror: MirrorProcess
let asset: AssetView
let url = ''

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mirror-vod-'))
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  mirror = opened.use(await MirrorProcess.start())
  await writeFile(
    join(folder, 'words.srt'),
    '1\n00:00:01,000 --> 00:00:03,000\nGuten Tag\n\n2\n00:00:04,500 --> 00:00:05,500\nAuf Wiedersehen\n',
  )
  const film = join(folder, 'film.mkv')
  const tone = (hz: number) => ['-f', 'lavfi', '-i', `sine=f=${hz}:r=48000:d=${SECONDS}`]
  await run('ffmpeg', [
    ...[
      '-v',
      'error',
      '-f',
      'lavfi',
      '-i',
      `testsrc=s=960x720:d=${SECONDS}:r=${FRAMES_PER_SEC}`,
      ...tone(440),
      ...tone(880),
    ],
    ...['-i', join(folder, 'words.srt'), '-map', '0', '-map', '1', '-map', '2', '-map', '3'],
    ...['-metadata:s:a:0', 'language=deu', '-metadata:s:a:1', 'language=eng', '-metadata:s:s:0', 'language=ger'],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'flac', '-c:s', 'srt', film],
  ])
  const form = new FormData()
  form.set('file', new Blob([new Uint8Array(await readFile(film))]), 'film.mkv')
  const headers = { authorization: `Bearer ${mirror.apiKey}` }
  const response = await fetch(`${mirror.consoleUrl}/api/v1/assets`, { method: 'POST', headers, body: form })
  const { asset: uploaded } = (await response.json()) as UploadedAssetView
  const view = async () => await mirror.api<AssetView>('GET', `/assets/${uploaded.id}`)
  const patience = new Patience(PROCESSED_WITHIN_MS)
  for (asset = await view(); asset.status !== 'ready'; asset = await view()) {
    if (patience.isOver || asset.status === 'failed') throw new Error(`not ready: ${JSON.stringify(asset)}`)
    await delay(250)
  }
  url = asset.playback?.hls ?? ''
}, 2 * PROCESSED_WITHIN_MS)

afterAll(() => opened.disposeAsync())

test('its playlists are complete, two parsers understand them, and hls-lint finds nothing', async () => {
  const multivariant = await multivariantPlaylist(url)
  expect(multivariant.variants.map(({ resolution, frameRate }) => [resolution, frameRate])).toEqual([
    [{ width: 960, height: 720 }, FRAMES_PER_SEC],
    [{ width: 640, height: 480 }, FRAMES_PER_SEC],
  ])
  for (const variant of multivariant.variants) {
    expect(variant.codecs).toMatch(/^avc1\.6400[0-9a-f]{2},mp4a\.40\.2$/)
    expect(variant.bandwidth).toBeGreaterThanOrEqual(variant.averageBandwidth ?? Number.NaN)
    expect(variant.audio.map(({ language, isDefault }) => [language, isDefault])).toEqual([
      ['de', true],
      ['en', false],
    ])
    expect(variant.subtitles.map(({ language }) => language)).toEqual(['de'])
  }
  const uris = [
    ...multivariant.variants,
    ...(multivariant.variants[0]?.audio ?? []),
    ...(multivariant.variants[0]?.subtitles ?? []),
  ]
  const starts: number[][] = []
  for (const { uri } of uris) {
    const at = new URL(uri ?? '', url).href
    const playlist = await mediaPlaylist(at)
    expect(playlist).toMatchObject({ playlistType: 'VOD', endlist: true, mediaSequenceBase: 0, targetDuration: 4 })
    const total = playlist.segments.reduce((sum, { duration }) => sum + duration, 0)
    expect(Math.abs(total - SECONDS)).toBeLessThan(uri?.startsWith('s') ? 2.1 : 0.03)
    const parser = new Parser()
    const text = await (await fetch(at)).text()
    parser.push(text)
    parser.end()
    expect(parser.manifest).toMatchObject({ endList: true, playlistType: 'VOD' })
    expect(parser.manifest.segments).toHaveLength(playlist.segments.length)
    expect(text).not.toContain('PROGRAM-DATE-TIME')
    if (uri?.startsWith('v')) starts.push(playlist.segments.map(({ duration }) => duration))
  }
  expect(starts).toEqual([
    [4, 2],
    [4, 2],
  ])
  const { report } = await runLintCommand(url, 2)
  expect(report.findings, renderReport(report)).toEqual([])
})

test('every rendition is decoded to its last frame without an error, and lasts what the original lasted', async () => {
  const asked = ['-v', 'error', '-show_entries', 'format=duration:program=nb_streams', '-of', 'json', url]
  const { format } = JSON.parse((await run('ffprobe', asked)).stdout) as { format: { duration: string } }
  expect(Number(format.duration)).toBeCloseTo(SECONDS, 1)
  for (const variant of [0, 1]) {
    const count = [
      '-v',
      'error',
      '-count_frames',
      '-select_streams',
      `p:${variant}:v`,
      '-show_entries',
      'stream=nb_read_frames',
      '-of',
      'csv=p=0',
      url,
    ]
    const { stdout, stderr } = await run('ffprobe', count)
    expect([stdout.trim().split('\n')[0], stderr]).toEqual([String(SECONDS * FRAMES_PER_SEC), ''])
  }
  const decoded = await run('ffmpeg', [
    '-v',
    'error',
    '-xerror',
    '-i',
    url,
    '-map',
    '0:a',
    '-map',
    '0:v',
    '-f',
    'null',
    '-',
  ])
  expect(decoded.stderr).toBe('')
})

test('sound and pictures begin together in every size', async () => {
  const asked = ['-v', 'error', '-show_entries', 'stream=codec_type,start_time', '-of', 'json', url]
  const { streams } = JSON.parse((await run('ffprobe', asked)).stdout) as {
    readonly streams: readonly { readonly codec_type: string; readonly start_time: string }[]
  }
  const starts = streams
    .filter(({ codec_type }) => codec_type !== 'subtitle')
    .map(({ start_time }) => Number(start_time))
  expect(starts.length).toBeGreaterThanOrEqual(4)
  expect(Math.max(...starts) - Math.min(...starts)).toBeLessThan(0.025)
})

test('subtitles are where they were said', async () => {
  const { variants } = await multivariantPlaylist(url)
  const at = new URL(variants[0]?.subtitles[0]?.uri ?? '', url).href
  const playlist = await mediaPlaylist(at)
  const texts = await Promise.all(
    playlist.segments.map(async ({ uri }) => await (await fetch(new URL(uri, at))).text()),
  )
  expect(texts.map((text) => /Guten Tag|Auf Wiedersehen/.exec(text)?.[0] ?? null)).toEqual([
    'Guten Tag',
    'Auf Wiedersehen',
  ])
  const own = asset.renditions.find(({ name }) => name === 'subtitles-de')
  expect(own).toMatchObject({ contentType: 'text/vtt' })
})

test('an address opens this asset until it expires, whole or in ranges, and nothing else', async () => {
  const segment = new URL('v0/0.m4s', url)
  const whole = new Uint8Array(await (await fetch(segment)).arrayBuffer())
  const part = await fetch(segment, { headers: { range: 'bytes=100-199' } })
  expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 100-199/${whole.length}`])
  expect(new Uint8Array(await part.arrayBuffer())).toEqual(whole.subarray(100, 200))
  const status = async (at: string | URL) => (await fetch(at)).status
  const [, , tenant = '', id = '', name = '', token = ''] = new URL(url).pathname.split('/')
  const address = (...parts: string[]) => new URL(`/vod/${parts.join('/')}/playlist.m3u8`, url)
  expect(await status(address(tenant, id, name, token))).toBe(200)
  expect(await status(address('other', id, name, token))).toBe(403)
  expect(await status(address(tenant, '0'.repeat(36), name, token))).toBe(403)
  expect(await status(address(tenant, id, 'hls-000000000000', token))).toBe(403)
  expect(await status(address(tenant, id, name, `9${token}`))).toBe(403)
  expect(await status(new URL('v7/playlist.m3u8', url))).toBe(404)
  expect(await status(new URL('v0/99.m4s', url))).toBe(404)
  expect(await status(new URL(`/stream/asset:${id}:${name}/v0/0.m4s`, url))).toBe(404)
  const link = await mirror.api<AssetLinkView>('GET', `/assets/${id}/url?rendition=hls&expiresIn=2`)
  expect(await status(link.url)).toBe(200)
  await expect.poll(async () => await status(link.url), { timeout: 10_000 }).toBe(403)
})

test('hls.js in Chromium plays it, seeks, and changes from one size to the other', async () => {
  const browser = await launchChromium()
  opened.defer(() => browser.close())
  await using page = await HlsJsPage.open(browser, url)
  await expect.poll(async () => (await page.state()).positionSec, { timeout: 30_000 }).toBeGreaterThan(0.5)
  const playing = await page.state()
  expect(playing.durationSec).toBeCloseTo(SECONDS, 0)
  expect(playing).toMatchObject({ audioTracks: ['de', 'en'], subtitleTracks: ['de'], failures: [] })
  await page.choose(480)
  await page.seek(4.5)
  await expect.poll(async () => (await page.state()).positionSec, { timeout: 30_000 }).toBeGreaterThan(4.8)
  await expect.poll(async () => (await page.state()).widthPx, { timeout: 30_000 }).toBe(640)
  await page.choose(720)
  await page.seek(1)
  await expect.poll(async () => (await page.state()).widthPx, { timeout: 30_000 }).toBe(960)
  const after = await page.state()
  expect(after.failures).toEqual([])
  expect(new Set(after.levels)).toEqual(new Set([720, 480]))
})
