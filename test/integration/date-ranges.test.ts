// Date ranges on two origins with one database, and what hls-lint thinks of a stream that has some.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { renderReport } from '../../src/lint/report.ts'
import { watchPresentation } from '../../src/lint/watcher.ts'
import { BY_THE_CLOCK } from '../support/lint-rules.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { startPostgres } from '../support/postgres.ts'

const WATCH_SEC = 12
const opened = new AsyncDisposableStack()
let origins: readonly [MirrorProcess, MirrorProcess]

beforeAll(async () => {
  const postgres = opened.use(await startPostgres())
  const env = { MIRROR_DATABASE_URL: await postgres.createDatabase() }
  const live = async (origin: MirrorProcess) => {
    await origin.api('POST', '/streams/show/test-source')
    await origin.waitForStatus('show', 'live', 15_000)
  }
  const told = opened.use(await MirrorProcess.start({ env }))
  await told.createStream('show', { segment: '1s', gop: 'fixed', window: '10s' })
  await live(told)
  // It makes a key for its own command line, in place of the other's: from here on only this one is asked.
  const asked = opened.use(await MirrorProcess.start({ env }))
  await live(asked)
  origins = [told, asked]
}, 60_000)

afterAll(() => opened.disposeAsync())

async function listed({ mediaUrl }: MirrorProcess, playlist: string): Promise<string[]> {
  const text = await (await fetch(`${mediaUrl}/stream/show/${playlist}`)).text()
  return text.split('\n').filter((line) => line.startsWith('#EXT-X-DATERANGE'))
}

test('what one origin is told, both announce in every playlist, with its end', async () => {
  const body = { id: 'show-1', class: 'show', plannedDuration: 3600, scte35Out: '0xFC302F' }
  await origins[1].api('POST', '/streams/show/dateranges', body)
  await expect.poll(() => listed(origins[1], 'v0/playlist.m3u8')).toHaveLength(1)
  const [line] = await listed(origins[1], 'v0/playlist.m3u8')
  expect(line).toMatch(
    /^#EXT-X-DATERANGE:ID="show-1",CLASS="show",START-DATE=".*",PLANNED-DURATION=3600.00000,SCTE35-OUT/,
  )
  for (const origin of origins)
    for (const playlist of ['v0/playlist.m3u8', 'a0/playlist.m3u8', 'v0/iframes.m3u8'])
      await expect.poll(() => listed(origin, playlist)).toEqual([line])
  await origins[1].api('PATCH', '/streams/show/dateranges/show-1', { endDate: 'now' })
  await expect.poll(() => listed(origins[0], 'a0/playlist.m3u8')).toEqual([expect.stringContaining('END-DATE')])
})

test('hls-lint finds nothing while date ranges come, end, and leave the playlists', async () => {
  const [{ mediaUrl }] = origins
  const watching = watchPresentation({
    url: `${mediaUrl}/stream/show/playlist.m3u8`,
    ...{ seconds: WATCH_SEC, media: 'sample', maxRenditions: 4, fetch, now: Date.now },
    signal: AbortSignal.timeout(60_000),
  })
  const attributes = { 'X-COM-EXAMPLE': 'a, b', 'X-SCORE': 1.5 }
  await origins[1].api('POST', '/streams/show/dateranges', { id: 'short', duration: 1, attributes })
  await origins[1].api('POST', '/streams/show/dateranges', { id: 'next', class: 'part', endOnNext: true })
  const report = await watching
  // What a busy machine is late with is for another test.
  const found = report.findings.filter(({ rule }) => !BY_THE_CLOCK.has(rule))
  expect(found, renderReport(report)).toEqual([])
  expect(report.renditions.map(({ deltas }) => deltas > 0)).toContain(true)
})
