// Subtitles that somebody adds to a video that is there: over the API and the command line, until a player is given them.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AssetView, UploadedAssetView } from '../../src/api/asset-contract.ts'
import { renderReport } from '../../src/lint/report.ts'
import { mediaPlaylist, multivariantPlaylist } from '../support/hls.ts'
import { runLintCommand } from '../support/lint-command.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { Patience } from '../support/patience.ts'

const run = promisify(execFile)
const opened = new AsyncDisposableStack()
const READY_MS = 60_000
const SRT = (words: string) => `1\n00:00:01,000 --> 00:00:02,500\n${words}\n`
let mirror: MirrorProcess
let folder = ''
let id = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-subtitles-'))
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  mirror = opened.use(await MirrorProcess.start())
  await writeFile(join(folder, 'inside.srt'), SRT('im Film'))
  const inputs = ['-f', 'lavfi', '-i', 'testsrc=s=320x180:d=4:r=12', '-i', join(folder, 'inside.srt')]
  const streams = ['-map', '0', '-map', '1', '-metadata:s:s:0', 'language=ger', '-c:s', 'srt']
  id = await upload('film.mkv', [
    ...inputs,
    ...streams,
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-pix_fmt',
    'yuv420p',
  ])
  await ready()
}, 2 * READY_MS)

afterAll(() => opened.disposeAsync())

async function upload(name: string, args: readonly string[]): Promise<string> {
  const path = join(folder, name)
  await run('ffmpeg', ['-v', 'error', '-y', ...args, path])
  const form = new FormData()
  form.set('file', new Blob([new Uint8Array(await readFile(path))]), name)
  const headers = { authorization: `Bearer ${mirror.apiKey}` }
  const response = await fetch(`${mirror.consoleUrl}/api/v1/assets`, { method: 'POST', headers, body: form })
  return ((await response.json()) as UploadedAssetView).asset.id
}

async function ready(): Promise<AssetView> {
  const patience = new Patience(READY_MS)
  for (;;) {
    const asset = await mirror.api<AssetView>('GET', `/assets/${id}`)
    if (asset.status === 'ready') return asset
    if (patience.isOver || asset.status === 'failed') throw new Error(`not ready: ${JSON.stringify(asset)}`)
    await delay(100)
  }
}

const pathOf = (language: string, asset = id) => `/assets/${asset}/subtitles/${language}`
const put = async (language: string, text: string | Uint8Array<ArrayBuffer>, asset = id) =>
  await mirror.upload<AssetView>(pathOf(language, asset), typeof text === 'string' ? Buffer.from(text) : text)

/** By language, what players are given. */
async function shown(): Promise<Record<string, string>> {
  const { playback } = await ready()
  const url = playback?.hls ?? ''
  const { variants } = await multivariantPlaylist(url)
  const texts = (variants[0]?.subtitles ?? []).map(async ({ uri, language }): Promise<[string, string]> => {
    const at = new URL(uri ?? '', url).href
    const { segments } = await mediaPlaylist(at)
    const bodies = await Promise.all(segments.map(async (each) => await (await fetch(new URL(each.uri, at))).text()))
    return [
      language ?? '',
      [...new Set(bodies.join('\n').match(/^(?!WEBVTT|X-TIMESTAMP|\S+ --> |[0-9a-z-]*$).+$/gm))].join(),
    ]
  })
  return Object.fromEntries(await Promise.all(texts))
}

test('what is added is shown beside what the file has, in place of it, and no more', async () => {
  expect(await shown()).toEqual({ de: 'im Film' })

  const begun = await put('en', SRT('in English'))
  expect(begun).toMatchObject({ status: 'pending', step: { name: 'subtitles' }, playback: expect.anything() })
  expect(await shown()).toEqual({ de: 'im Film', en: 'in English' })

  // Line ends of Windows, a byte order mark, another format, and a tag in other letters.
  await put('DE', `\uFEFFWEBVTT\r\n\r\n00:01.000 --> 00:02.000\r\nbesser übersetzt\r\n`)
  expect(await shown()).toEqual({ de: 'besser übersetzt', en: 'in English' })
  expect((await ready()).facts['subtitles']).toMatchObject([
    { language: 'de', name: 'added-subtitles-de', isAdded: true },
    { language: 'en', name: 'added-subtitles-en', isAdded: true },
  ])

  await mirror.api('POST', `/assets/${id}/process`, { fromStart: true })
  expect(await shown()).toEqual({ de: 'besser übersetzt', en: 'in English' })

  await mirror.api('DELETE', pathOf('de'))
  expect(await shown()).toEqual({ de: 'im Film', en: 'in English' })
  await expect(mirror.api('DELETE', pathOf('de'))).rejects.toThrow(/404.*rendition_not_found/)

  const { report } = await runLintCommand((await ready()).playback?.hls ?? '', 5)
  expect(report.findings, renderReport(report)).toEqual([])
}, 240_000)

test('UTF-16 and SubStation Alpha are read, and the command line sends and removes', async () => {
  const wide = Buffer.from(`\uFEFF${SRT('ganz breit')}`, 'utf16le')
  await put('nl', Uint8Array.from(wide))
  expect(await shown()).toMatchObject({ nl: 'ganz breit' })
  const styled = join(folder, 'styled.ass')
  await writeFile(join(folder, 'plain.srt'), SRT('mit Stil'))
  await run('ffmpeg', ['-v', 'error', '-i', join(folder, 'plain.srt'), styled])
  const env = { ...process.env, MIRROR_URL: mirror.consoleUrl, MIRROR_API_KEY: mirror.apiKey }
  const command = async (...args: string[]) =>
    (await run(process.execPath, ['src/main.ts', 'asset', 'subtitles', ...args], { env })).stdout
  expect(await command('add', id, styled, '--language', 'fr')).toContain('shown in fr')
  expect(await shown()).toMatchObject({ fr: 'mit Stil' })
  expect(await command('remove', id, '--language', 'fr')).toContain('no longer')
  expect(Object.keys(await shown())).not.toContain('fr')
}, 240_000)

test('what cannot be shown is refused by name, and changes nothing', async () => {
  const before = await shown()
  const latin = Uint8Array.from(Buffer.from(SRT('Käse'), 'latin1'))
  await expect(put('sv', latin)).rejects.toThrow(/415.*content_unsupported.*UTF-8/)
  await expect(put('sv', 'Dear Sir or Madam')).rejects.toThrow(/415.*content_unsupported.*SubRip/)
  await expect(put('sv', 'WEBVTT\n\n')).rejects.toThrow(/415.*content_unsupported/)
  await expect(put('sv', '')).rejects.toThrow(/4(00|15)/)
  await expect(put('sv', new Uint8Array(9 * 2 ** 20))).rejects.toThrow(/413/)
  await expect(put('no language', SRT('x'))).rejects.toThrow(/400.*invalid_request/)
  await expect(put('sv', SRT('x'), 'nobody')).rejects.toThrow(/404.*asset_not_found/)
  const picture = await upload('p.png', ['-f', 'lavfi', '-i', 'color=s=64x64', '-frames:v', '1'])
  await expect(put('sv', SRT('x'), picture)).rejects.toThrow(/415.*Only a video/)
  expect((await ready()).renditions.map(({ name }) => name)).not.toContain('added-subtitles-sv')
  expect(await shown()).toEqual(before)
}, 120_000)

test('a video that is being processed takes none until it is ready', async () => {
  await put('it', SRT('ecco qui'))
  await expect(put('es', SRT('no'))).rejects.toThrow(/409.*asset_busy/)
  expect(await shown()).toMatchObject({ it: 'ecco qui' })
}, 120_000)
