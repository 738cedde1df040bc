// hls-lint on streams that Mirror did not make: it must not stumble, and what it finds must be true. Each expectation was
// checked by hand against the playlists, the media and the specification.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { renderReport } from '../../src/lint/report.ts'
import { notRun } from '../not-run.ts'
import { Encoder, pictureArgs } from '../support/encoder.ts'
import { gstreamerMissing } from '../support/gstreamer-player.ts'
import { runLintCommand } from '../support/lint-command.ts'
import { findNginx, type NginxFolder, serveFolder } from '../support/nginx-folder.ts'

const PUBLISH_SEC = 120
const WATCH_SEC = 12
const SEGMENTS_MIN = 4
const START_TIMEOUT_MS = 40_000

/** nginx says nothing about caching or other sites, and no vendor's playlist can make up for that. */
const OF_THE_SERVER = ['cors', 'error-cache-short', 'media-cache-long', 'playlist-cache-short']
/** Rules that measure how fast something came: on a busy machine these generators are late. */
const BY_THE_CLOCK = ['segment-in-time', 'pdt-not-future']

/** Of ffmpeg: BANDWIDTH counts the sound alone where no bit rate is set for the picture, FRAME-RATE is missing. */
const OF_FFMPEG = ['bandwidth-peak', 'resolution-present']

const opened = new AsyncDisposableStack()
const nginx = findNginx()
let web: NginxFolder

beforeAll(async () => {
  if (nginx !== null) web = opened.use(await serveFolder(nginx))
})

afterAll(() => opened.disposeAsync())

test.concurrent('what ffmpeg writes as live HLS with MPEG-TS has the faults that it has', async () => {
  if (nginx === null) return notRun('hls-lint on streams of others', 'nginx was not found')
  const folder = await segmentWithFfmpeg('ffmpeg-ts', [])
  await expectFindings(folder, 'main.m3u8', OF_FFMPEG)
})

test.concurrent('what ffmpeg writes as live HLS with fMP4 has the faults that it has', async () => {
  if (nginx === null) return notRun('hls-lint on streams of others', 'nginx was not found')
  const flags = ['-hls_flags', 'delete_segments+program_date_time+independent_segments', '-hls_segment_type', 'fmp4']
  const folder = await segmentWithFfmpeg('ffmpeg-fmp4', flags)
  // EXT-X-MAP asks for version 6, ffmpeg says 7. Debian's nginx serves m4s as text.
  await expectFindings(folder, 'main.m3u8', [...OF_FFMPEG, 'media-type', 'version-excessive'])
})

test.concurrent("what GStreamer's hlssink2 writes has the faults that it has", async () => {
  if (nginx === null) return notRun('hls-lint on streams of others', 'nginx was not found')
  const missing = gstreamerMissing()
  if (missing !== null) return notRun('hls-lint on a stream of GStreamer', missing)
  const folder = join(web.folder, 'gstreamer')
  await mkdir(folder)
  const sink = `hlssink2 name=h target-duration=2 playlist-length=6 max-files=60 location=${folder}/s%05d.ts playlist-location=${folder}/live.m3u8`
  const picture = `videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=30/1 ! openh264enc gop-size=60`
  const sound = 'audiotestsrc is-live=true ! audioconvert ! avenc_aac ! aacparse ! h.audio'
  const pipeline = `${sink} ${picture} ! h264parse ! h.video ${sound}`
  const child = spawn('gst-launch-1.0', ['-q', ...pipeline.split(' ')], { stdio: 'ignore' })
  opened.defer(async () => {
    const exited = once(child, 'exit')
    if (child.kill('SIGKILL')) await exited
  })
  // Whole seconds in EXTINF would do with version 1.
  await expectFindings(folder, 'live.m3u8', ['version-excessive'])
})

async function segmentWithFfmpeg(name: string, flags: readonly string[]): Promise<string> {
  const folder = join(web.folder, name)
  await mkdir(folder)
  const picture = pictureArgs({ seconds: PUBLISH_SEC, size: '320x180', gop: 60 })
  const hls = [
    '-f',
    'hls',
    '-hls_time',
    '2',
    '-hls_list_size',
    '6',
    '-hls_delete_threshold',
    '60',
    '-hls_flags',
    'delete_segments',
    ...flags,
  ]
  opened.use(new Encoder([...picture, ...hls, '-master_pl_name', 'main.m3u8', join(folder, 'live.m3u8')]))
  return folder
}

/** Watches as soon as a few segments are there; everything found is expected, and everything expected is found. */
async function expectFindings(folder: string, playlist: string, expected: readonly string[]): Promise<void> {
  await segmentsIn(join(folder, 'live.m3u8'))
  const url = `${web.url}${folder.slice(web.folder.length)}/${playlist}`
  const { report, exitCode } = await runLintCommand(url, WATCH_SEC)
  const found = new Set(report.findings.map(({ rule }) => rule))
  for (const rule of BY_THE_CLOCK) found.delete(rule)
  expect([...found].toSorted(), renderReport(report)).toEqual([...expected, ...OF_THE_SERVER].toSorted())
  expect(exitCode).toBe(report.counts.must > 0 ? 1 : 0)
  for (const { reloads, mediaFetched } of report.renditions) expect(Math.min(reloads, mediaFetched)).toBeGreaterThan(1)
}

async function segmentsIn(file: string): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS
  while (true) {
    const text = existsSync(file) ? await readFile(file, 'utf8') : ''
    if (text.split('#EXTINF').length > SEGMENTS_MIN) return
    if (performance.now() > deadline) throw new Error(`no live playlist:\n${text}`)
    await delay(100)
  }
}
