// The store that origins agree through is away as a publisher comes: live goes on without it.
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { pictureArgs } from '../support/encoder.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { PartFollower } from '../support/part-follower.ts'
import { Relay } from '../support/relay.ts'

const run = promisify(execFile)

test.concurrent.each([
  // A plain file in the place of the folder: every access fails at once.
  { fault: 'fails', take: (folder: string) => writeFile(folder, '') },
  // A pipe in the place of an entry: it is not listed, yet nothing can be made under its name.
  {
    fault: 'contradicts itself',
    take: async (folder: string) => {
      await mkdir(join(folder, 'default', 'away'), { recursive: true })
      await run('mkfifo', [join(folder, 'default', 'away', '0.json')])
    },
  },
])('a store that $fault for the first five seconds costs an event, not the stream', async ({ take }) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'mirror-test-'))
  await using away = new AsyncDisposableStack()
  away.defer(() => rm(dataDir, { recursive: true, force: true }))
  const mirror = away.use(await MirrorProcess.start({ dataDir }))
  const folder = join(dataDir, 'store', 'hot', 'timeline')
  await rm(folder, { recursive: true, force: true })
  await take(folder)
  const { ingest, playback } = await mirror.createStream('away')
  const relay = away.use(new Relay('flv', pictureArgs({ seconds: 60, size: '320x180', rate: '25', gop: 50 })))
  const first = await relay.connect(ingest?.rtmp ?? '')
  await mirror.waitForEvent(({ code }) => code === 'timeline_unconfirmed', 5000)
  await using follower = await PartFollower.start(playback.hls.replace('playlist.m3u8', 'v0/playlist.m3u8'))
  const startedAtMs = performance.now()
  await delay(5000)
  await rm(folder, { recursive: true, force: true })
  await follower.waitForArrivals(5, 5000)
  expect(follower.longestPauseMs(startedAtMs, performance.now())).toBeLessThan(1000)
  // The next connection finds the store there again and the stream on the entry that it had.
  await first.end()
  await relay.connect(ingest?.rtmp ?? '')
  await follower.waitForArrivals(20, 10_000)
  expect(follower.failures).toEqual([])
  expect(new Set(follower.arrivals.map(({ uri }) => /^p(\d+)-/.exec(uri)?.[1]))).toEqual(new Set(['0']))
  expect(JSON.parse(await readFile(join(folder, 'default', 'away', '0.json'), 'utf8'))).toMatchObject({ dsn: 0 })
})
