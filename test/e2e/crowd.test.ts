import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Crowd } from '../support/crowd.ts'
import { Encoder, pictureArgs } from '../support/encoder.ts'
import { timeUntil } from '../support/listeners.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { PartFollower } from '../support/part-follower.ts'

/** Crowd and Mirror hold one descriptor each; what else they need is far less than a thousand. */
const CROWD = Math.min(10_000, descriptorLimit() - 1000)
const PER_ADDRESS = 250
/** Sockets, parsers and bookkeeping of an idle connection. */
const BYTES_PER_CONNECTION = 24 * 1024
const LONGEST_PAUSE_MS = 2000
/** Whoever has asked for something within the last second is not idle. */
const IDLE_MS = 1000

test(`${CROWD} idle connections cost little memory, disturb nobody, and give way to those who want something`, async () => {
  await using opened = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'mirror-crowd-'))
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const config = join(folder, 'mirror.yml')
  await writeFile(config, `trustedAddresses: ''\nmedia: { maxConnections: ${CROWD}, maxConnectionsPerAddress: 300 }\n`)
  const mirror = opened.use(await MirrorProcess.start({ env: { MIRROR_CONFIG: config } }))
  const port = Number(new URL(mirror.mediaUrl).port)
  const stream = await mirror.createStream('cam-1')
  const picture = pictureArgs({ seconds: 600, size: '160x90', gop: 30 })
  opened.use(new Encoder([...picture, '-f', 'flv', stream.ingest?.rtmp ?? '']))
  await mirror.waitForStatus(stream.id, 'live')
  const follower = opened.use(
    await PartFollower.start(stream.playback.hls.replace('playlist.m3u8', 'v0/playlist.m3u8')),
  )
  await follower.waitForArrivals(10, 30_000)
  const crowd = opened.use(new Crowd())
  // The first thousand warm up heaps and pools; what counts is what the others cost.
  await crowd.send({ port, connections: 1000, net: 1, perAddress: PER_ADDRESS })
  const rssBefore = rssOf(mirror.pid)
  const startMs = performance.now()
  const filled = await crowd.send({ port, connections: CROWD - 1100, net: 2, perAddress: PER_ADDRESS })
  expect(filled.statuses).toEqual({ 200: CROWD - 1100 })
  // A machine that needs more than 20 s for it loses the first ones again.
  expect(filled.open).toBeGreaterThan(CROWD / 2)
  expect(rssOf(mirror.pid) - rssBefore).toBeLessThan((CROWD - 1100) * BYTES_PER_CONNECTION)

  // All places are taken soon; from then on somebody who does nothing, for a second by now, goes for everybody who comes.
  await delay(IDLE_MS)
  const more = await crowd.send({ port, connections: 500, net: 3, perAddress: PER_ADDRESS })
  expect(more.statuses).toEqual({ 200: 500 })
  await timeUntil('who gave way has gone', () => openConnections(port) <= CROWD, 15_000)
  const oneAddress = await crowd.send({ port, connections: 400, net: 4, perAddress: 400 })
  expect(oneAddress.statuses[200]).toBe(300)

  await follower.waitForArrivals(10, 30_000)
  expect(follower.failures).toEqual([])
  expect(follower.longestPauseMs(startMs, performance.now())).toBeLessThan(LONGEST_PAUSE_MS)
  await mirror.waitForEvent(({ code }) => code === 'connections_per_address')
  // Each thread reports once a second; the first report may hold only some of them.
  const metrics = async () => await (await fetch(`${mirror.consoleUrl}/metrics`)).text()
  await expect.poll(metrics).toMatch(/^media_connections_refused_total\{reason="connections_per_address"\} 100$/m)
  await expect.poll(metrics).toMatch(/^media_connections_refused_total\{reason="idle"\} [1-9]\d*$/m)
  // Whoever does nothing is not kept for ever either.
  await timeUntil('the crowd has been sent home', () => openConnections(port) < 20, 40_000)
})

function rssOf(pid: number): number {
  return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
}

function descriptorLimit(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8')
  return Number(/^Max open files\s+\d+\s+(\d+)/m.exec(limits)?.[1] ?? 4096)
}

/** Established connections to a port of 127.0.0.1. A stranger's own port, on an address of its own, may be the same. */
function openConnections(port: number): number {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const rows = readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)
  return rows.map((row) => row.trim().split(/\s+/)).filter(([, from, , state]) => from === local && state === '01')
    .length
}
