// hls-lint against a real Mirror: every way in, watched at the same time.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { StreamView } from '../../src/api/contract.ts'
import type { LintReport } from '../../src/lint/report.ts'
import { renderReport } from '../../src/lint/report.ts'
import { watchPresentation } from '../../src/lint/watcher.ts'
import { CMAF_OUTPUT, Encoder, pictureArgs } from '../support/encoder.ts'
import { MirrorProcess } from '../support/mirror-process.ts'

const WATCH_SEC = 15
const PUBLISH_SEC = 60

let mirror: MirrorProcess
const encoders: Encoder[] = []

beforeAll(async () => {
  mirror = await MirrorProcess.start()
})

afterAll(async () => {
  await Promise.all(encoders.map((encoder) => encoder.stop()))
  await mirror[Symbol.asyncDispose]()
})

test('hls-lint finds nothing in what Mirror serves, whichever way media comes in', async () => {
  const picture = { seconds: PUBLISH_SEC, size: '320x180', rate: '30' } as const
  const demo = await mirror.api<StreamView>('POST', '/demo')
  const [rtmp, srt, cmaf] = await Promise.all(
    ['lint-rtmp', 'lint-srt', 'lint-cmaf'].map((id) => mirror.createStream(id)),
  )
  encoders.push(
    // An encoder's default: keyframes every 250 frames, longer than a segment.
    new Encoder([...pictureArgs(picture), '-f', 'flv', rtmp?.ingest?.rtmp ?? '']),
    new Encoder([...pictureArgs({ ...picture, gop: 30, bFrames: true }), '-f', 'mpegts', srt?.ingest?.srt ?? '']),
    new Encoder([...pictureArgs({ ...picture, gop: 60 }), ...CMAF_OUTPUT, '-method', 'POST', cmaf?.ingest?.cmaf ?? '']),
  )
  const streams = [demo.id, 'lint-rtmp', 'lint-srt', 'lint-cmaf']
  const views = await Promise.all(streams.map((id) => mirror.waitForStatus(id, 'live', 15_000)))
  const reports = await Promise.all(views.map(({ playback }) => watch(playback.hls)))
  const text = reports.map((report, index) => `${streams[index]}\n${renderReport(report)}`).join('\n')
  const found = Object.fromEntries(
    reports.map(({ findings }, index) => [streams[index], [...new Set(findings.map(({ rule }) => rule))]]),
  )
  // Where an encoder makes no keyframe for eight seconds, there are segments without one; Mirror advises the same.
  found['lint-rtmp'] = found['lint-rtmp']?.filter((rule: string) => rule !== 'segment-keyframe') ?? []
  expect(found, text).toEqual(Object.fromEntries(streams.map((id) => [id, []])))
  for (const report of reports) {
    // It did look: held reloads and parts of both renditions, and media of some.
    expect(report.renditions).toHaveLength(2)
    for (const { held, parts, mediaFetched } of report.renditions) {
      expect(Math.min(held, parts, mediaFetched)).toBeGreaterThan(5)
    }
  }
  // Only where the playlist reaches back beyond CAN-SKIP-UNTIL, which for streams of irregular keyframes is 24 s.
  expect(reports[0]?.renditions.map(({ deltas }) => deltas > 3)).toEqual([true, true])
})

async function watch(url: string): Promise<LintReport> {
  return await watchPresentation({
    url,
    seconds: WATCH_SEC,
    media: 'sample',
    maxRenditions: 4,
    fetch,
    now: Date.now,
    signal: AbortSignal.timeout(4000 * WATCH_SEC),
  })
}
