// The benchmark runs to its end, measures something, and leaves nothing behind.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { DvrBenchReport } from '../../bench/dvr/report.ts'
import type { LibraryBenchReport } from '../../bench/library/report.ts'
import { family } from '../../bench/process-usage.ts'
import type { BenchReport } from '../../bench/report.ts'
import type { StrangersReport } from '../../bench/strangers.ts'

const run = promisify(execFile)

test('a small run has no errors, finite ratios and every figure', async () => {
  const args = ['bench/live.ts', '--streams', '1', '--viewers', '5', '--seconds', '5', '--mbit', '2', '--json']
  const { stdout } = await run(process.execPath, args, { timeout: 100_000, maxBuffer: 2 ** 20 })
  const report = JSON.parse(stdout) as BenchReport

  expect(report.machine.cores).toBeGreaterThan(0)
  expect(report.ingest).toMatchObject({ streamsLive: 1, publisherFailures: [], drops: {} })
  // Whoever stands still while it is measured, or before, moves figures: the bounds are for three seconds of it.
  expect(report.ingest.mbitPerSecIn).toBeGreaterThan(0)
  expect(report.ingest.mbitPerSecIn).toBeLessThan(4.5)
  for (const load of [report.delivery, report.baseline.delivery]) {
    expect(load.errorCauses).toEqual({})
    expect(load.errors).toBe(0)
    // Five viewers, two tracks, five parts a second, a reload and a part each.
    expect(load.requestsPerSec).toBeGreaterThan(40)
    expect(load.requestsPerSec).toBeLessThan(160)
    // Five times 2 Mbit/s.
    expect(load.mbitPerSecOut).toBeGreaterThan(4)
    expect(load.cores).toBeGreaterThan(0)
    for (const times of [load.fanOutMs, load.playlistLatencyMs, load.partLatencyMs, load.partFirstByteMs]) {
      expect(times?.count).toBeGreaterThan(50)
      expect(times?.p99).toBeGreaterThanOrEqual(times?.p50 ?? Number.NaN)
    }
  }
  expect(report.memory.peakMiB).toBeGreaterThan(report.memory.idleMiB / 2)
  for (const ratio of Object.values(report.ratios)) expect(ratio).toSatisfy(Number.isFinite)
}, 110_000)

test('what a live playlist costs hardly depends on how far it reaches back', async () => {
  const args = ['bench/dvr.ts', '--only', 'live', '--quick', '--json']
  const { stdout } = await run(process.execPath, args, { timeout: 100_000, maxBuffer: 2 ** 20 })
  const { live, firstByte } = JSON.parse(stdout) as DvrBenchReport
  expect(firstByte).toBeNull()
  expect(live?.map(({ hours }) => hours)).toEqual([0.25, 4, 24, 72])
  const [short, , , long] = live ?? []
  expect(long?.segments).toBe(129_600)
  expect(long?.bytesPerUpdate).toBeLessThan(2 * (short?.bytesPerUpdate ?? 0))
  expect(long?.deltaBytes).toBeLessThan(1.2 * (short?.deltaBytes ?? 0))
  expect(long?.fullCpuMs?.p50).toBeLessThan(50)
}, 110_000)

test.runIf(process.env['TEST_LONG'] !== undefined)(
  'a small run over a bucket plays everything, and one read serves all who go to one moment',
  async () => {
    const args = ['bench/dvr.ts', '--quick', '--json']
    const { stdout } = await run(process.execPath, args, { timeout: 280_000, maxBuffer: 2 ** 20 })
    const report = JSON.parse(stdout) as DvrBenchReport
    expect(report.firstByte).toMatchObject([{ hours: 4, errors: 0, coldFirstMs: { count: 128 } }])
    expect(report.oneMoment).toEqual({ viewers: 50, storeReads: 1 })
    expect(report.recorded?.[0]?.warmCpuMs?.p50).toBeLessThan(50)
    for (const { mibPerSec } of [...(report.packUploads ?? []), ...(report.spool ?? [])]) {
      expect(mibPerSec).toBeGreaterThan(0)
    }
    const [packs, segments] = report.requests ?? []
    expect(packs?.perTrackHour).toEqual({ puts: 37, gets: 24 })
    expect(segments?.perTrackHour.puts).toBe(1825)
  },
  300_000,
)

test.runIf(process.env['TEST_LONG'] !== undefined)(
  'a small run over a library takes in, processes and finds all of it, on both databases',
  async () => {
    const args = ['bench/library.ts', '--quick', '--json']
    const { stdout } = await run(process.execPath, args, { timeout: 280_000, maxBuffer: 2 ** 20 })
    const report = JSON.parse(stdout) as LibraryBenchReport
    expect(report.uploads?.map(({ files, mibPerSec }) => [files, mibPerSec > 0])).toEqual([
      [10, true],
      [1, true],
      [1, true],
    ])
    expect(report.images?.readyMs?.count).toBe(3)
    expect(report.video?.factor).toBeGreaterThan(0)
    expect(report.search?.map(({ database }) => database)).toEqual(['sqlite', 'postgres'])
    for (const { queries } of report.search ?? []) for (const { ms } of queries) expect(ms.count).toBe(20)
  },
  300_000,
)

test.runIf(process.env['TEST_LONG'] !== undefined)(
  'viewers stand still for nobody: not for guesses, idle connections or slow readers',
  async () => {
    const args = ['bench/strangers.ts', '--viewers', '5', '--seconds', '5', '--json']
    const { stdout } = await run(process.execPath, args, { timeout: 180_000, maxBuffer: 2 ** 20 })
    const { alone, beside } = JSON.parse(stdout) as StrangersReport
    for (const { errors, stalls } of [alone, ...Object.values(beside)]) expect([errors, stalls]).toEqual([0, 0])
    // Twenty addresses have 200 guesses each, and 50 more a second in each of the threads.
    expect(beside.guesses.crowd?.answers).toBeLessThan(100_000)
  },
  200_000,
)

test('a wrong flag is answered with the right ones and exit code 2', async () => {
  const failure = await run(process.execPath, ['bench/live.ts', '--protocol', 'rtsp']).catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 2, stderr: expect.stringContaining('--protocol must be cmaf, rtmp or srt') })
  const other = await run(process.execPath, ['bench/dvr.ts', '--only', 'tape']).catch((error: unknown) => error)
  expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('not tape') })
})

test('stopped by a signal, it ends every process that it started', async () => {
  const promise = run(process.execPath, ['bench/live.ts', '--streams', '1', '--viewers', '1', '--mbit', '2'])
  const stderr: string[] = []
  await new Promise<void>((resolve) => {
    promise.child.stderr?.on('data', (chunk: Buffer | string) => {
      stderr.push(String(chunk))
      if (stderr.join('').includes('measuring ingest')) resolve()
    })
  })
  const started = family(promise.child.pid ?? 0)
  promise.child.kill('SIGTERM')
  await expect(promise).rejects.toMatchObject({ code: 1 })
  // Itself, Mirror with its SRT child, and the encoders.
  expect(started.length).toBeGreaterThanOrEqual(3)
  await expect.poll(() => started.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([])
})
