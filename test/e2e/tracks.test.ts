// Languages and subtitles in real players: switched while they play, read on the screen.
import { setTimeout as delay } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { renderReport } from '../../src/lint/report.ts'
import { watchPresentation } from '../../src/lint/watcher.ts'
import { launchChromium } from '../support/chromium.ts'
import { Encoder } from '../support/encoder.ts'
import { probeHls } from '../support/hls.ts'
import { BY_THE_CLOCK } from '../support/lint-rules.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { ShakaPage } from '../support/shaka-page.ts'
import { WatchPage } from '../support/watch-page.ts'

const LANGUAGES = ['eng', 'deu', 'fra'] as const
/** What was buffered in the other language is thrown away: on a machine that is short of breath playback may stand. */
const STANDING_MS_MAX = 5000
const TEXT = 'Guten Abend und herzlich willkommen'

let mirror: MirrorProcess
let browser: Browser
const opened = new AsyncDisposableStack()
let playback: { readonly hls: string; readonly watch: string }
let textUrl = ''

beforeAll(async () => {
  mirror = opened.use(await MirrorProcess.start())
  browser = await launchChromium()
  opened.defer(() => browser.close())
  const stream = await mirror.createStream('languages')
  playback = stream.playback
  textUrl = (stream.ingest?.cmaf ?? '').replace('?', '/s0?')
  const tracks = [
    { id: 's0', language: 'de' },
    { id: 'a2', name: 'Stade', role: 'commentary' },
  ]
  await mirror.api('PATCH', '/streams/languages', { settings: { tracks } })
  opened.use(new Encoder([...languagesArgs(), '-f', 'mpegts', stream.ingest?.srt ?? '']))
  await mirror.waitForStatus('languages', 'live')
  opened.defer(keepTalking())
})

afterAll(() => opened.disposeAsync())

/** A picture with three tones, each of another pitch. */
function languagesArgs(): string[] {
  const tones = LANGUAGES.flatMap((_, index) => ['-re', '-f', 'lavfi', '-i', `sine=frequency=${400 * (index + 1)}`])
  return [
    ...['-re', '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=30', ...tones],
    ...['-map', '0:v', ...LANGUAGES.flatMap((_, index) => ['-map', `${index + 1}:a`])],
    ...['-pix_fmt', 'yuv420p', '-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '60'],
    // ffmpeg packs many frames of quiet audio into one packet otherwise: parts would come late, in pairs.
    ...['-c:a', 'aac', '-b:a', '96k', '-pes_payload_size', '0'],
    ...LANGUAGES.flatMap((language, index) => [`-metadata:s:a:${index}`, `language=${language}`]),
  ]
}

/** Says the same again and again, with pauses, as a captioner with a keyboard would. Returns the way to stop. */
function keepTalking(): () => Promise<void> {
  const stop = new AbortController()
  const talk = async () => {
    for (let line = 0; !stop.signal.aborted; line++) {
      const body = `WEBVTT\n\n00:00.000 --> 00:01.000\n${TEXT} ${line}\n`
      const response = await fetch(textUrl, { method: 'POST', headers: { 'content-type': 'text/vtt' }, body })
      expect(response.status).toBe(200)
      await delay(1500, undefined, { signal: stop.signal }).catch(() => undefined)
    }
  }
  const talked = talk()
  return async () => {
    stop.abort()
    await talked
  }
}

/** Text of the cues that the browser shows now. */
function onScreen(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(`
    [...document.querySelector('video').textTracks].filter(({ mode }) => mode === 'showing')
      .flatMap(({ activeCues }) => [...(activeCues ?? [])]).map(({ text }) => text)`)
}

async function until<T>(look: () => Promise<T>, fits: (seen: T) => boolean, timeoutMs = 15_000): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const seen = await look()
    if (fits(seen)) return seen
    if (performance.now() > deadline) throw new Error(`never came: ${JSON.stringify(seen)}`)
    await delay(50)
  }
}

test('hls.js: a viewer changes the language and reads subtitles, and the picture plays on', async () => {
  await using watch = await WatchPage.open(browser, playback.watch)
  await watch.waitFor(({ state }) => state === 'playing', 30_000)
  const { tracks } = await watch.waitFor((stats) => stats.tracks.text.length > 0, 20_000)
  expect(tracks.audio.map(({ label, language }) => [label, language])).toEqual([
    ['English', 'en'],
    ['Deutsch', 'de'],
    ['Stade', 'fr'],
  ])
  expect(tracks.audioId).toBe('en|English')
  expect(tracks.text.map(({ label }) => label)).toEqual(['Deutsch'])
  expect(tracks.textId).toBeNull()

  await watch.page.getByRole('button', { name: 'Audio and subtitles' }).click()
  await watch.page.getByRole('radio', { name: 'Deutsch' }).first().check()
  await watch.page
    .getByRole('group', { name: 'Subtitles', exact: true })
    .getByRole('radio', { name: 'Deutsch' })
    .check()
  const before = await watch.waitFor((stats) => stats.tracks.audioId === 'de|Deutsch', 10_000)
  expect(before.tracks.textId).toBe('de|Deutsch')
  const first = await until(
    () => onScreen(watch.page),
    (texts) => texts.length > 0,
  )
  expect(first[0]).toMatch(`${TEXT} `)
  // Another sentence follows, and never the same one twice at a time.
  await until(
    () => onScreen(watch.page),
    (texts) => texts.length > 0 && texts[0] !== first[0],
  )
  for (const { tracks: now, fatalErrors } of await watch.observe(5)) {
    expect([now.audioId, now.textId, fatalErrors]).toEqual(['de|Deutsch', 'de|Deutsch', 0])
    expect((await onScreen(watch.page)).length).toBeLessThanOrEqual(1)
  }
  const after = await watch.waitFor(
    ({ decodedFrames, positionSec }) =>
      decodedFrames > before.decodedFrames + 100 && positionSec > before.positionSec + 4,
    10_000,
  )
  expect(after.stalledMs).toBeLessThan(STANDING_MS_MAX)
  expect(after.reloads).toBe(0)
  await watch.page.keyboard.press('Escape')
  expect(await watch.page.getByRole('radio').count()).toBe(0)
  await watch.page.keyboard.press('c')
  await watch.waitFor((stats) => stats.tracks.textId === null, 15_000)
  expect(watch.pageErrors).toEqual([])
})

test('Shaka Player plays another language and the same subtitles', async () => {
  await using shaka = await ShakaPage.open(browser, playback.hls)
  const before = await shaka.waitFor(({ isPlaying }) => isPlaying, 20_000)
  const page = shaka.page
  expect(
    await page.evaluate<string[]>(`window.__shaka.player.getAudioTracks().map(({ language }) => language).sort()`),
  ).toEqual(['de', 'en', 'fr'])
  await page.evaluate(`{
    const { player } = window.__shaka
    player.selectAudioTrack(player.getAudioTracks().find(({ language }) => language === 'de'))
    player.selectTextTrack(player.getTextTracks()[0])
    player.setTextVisibility?.(true)
  }`)
  const texts = await until(
    () => onScreen(page),
    (seen) => seen.length > 0,
    20_000,
  )
  expect(texts[0]).toMatch(TEXT)
  const after = await shaka.waitFor(({ positionSec }) => positionSec > before.positionSec + 3, 15_000)
  expect(after.errors).toEqual([])
  expect(
    await page.evaluate<string[]>(
      `window.__shaka.player.getAudioTracks().filter(({ active }) => active).map(({ language }) => language)`,
    ),
  ).toEqual(['de'])
})

test('ffmpeg reads every language', async () => {
  const streams = await probeHls(playback.hls)
  expect(streams.filter((stream) => stream.includes('aac'))).toHaveLength(LANGUAGES.length)
})

test('hls-lint finds nothing', async () => {
  const report = await watchPresentation({
    ...{ url: playback.hls, seconds: 15, media: 'sample', maxRenditions: 8 },
    ...{ fetch, now: Date.now, signal: AbortSignal.timeout(60_000) },
  })
  // Whether things come in time is judged where nothing else runs: here four encodings share the machine with browsers.
  const found = report.findings.map(({ rule }) => rule).filter((rule) => !BY_THE_CLOCK.has(rule))
  expect(found, renderReport(report)).toEqual([])
  const names = ['v0', 'a0', 'a1', 'a2', 's0'].map((id) => `${id}/playlist.m3u8`)
  const followed = report.renditions.filter(({ name }) => names.includes(name))
  expect(followed.map(({ name }) => name).toSorted()).toEqual(names.toSorted())
  for (const { held, parts } of followed) expect(Math.min(held, parts)).toBeGreaterThan(5)
})
