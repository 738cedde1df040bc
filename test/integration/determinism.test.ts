// Two Mirrors behind one relay, which share nothing but a folder of timeline entries, name the same bytes alike.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { StreamView } from '../../src/api/contract.ts'
import { pictureArgs } from '../support/encoder.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { isSameListing, OriginRecord } from '../support/origin-record.ts'
import { epochClockArgs, Relay, type RelayFormat, type RelayOutput } from '../support/relay.ts'

const LATE_MS = 16_000
const RESTART_AT_MS = 34_000
const KILL_AT_MS = 52_000
const END_AT_MS = 78_000

interface Feed {
  readonly id: string
  readonly format: RelayFormat
  readonly rate: string
  /** Omitted: x264's default of 250 frames, so that most cells have no keyframe. */
  readonly gop?: number
  readonly isEpochLocked?: boolean
  readonly isLate: boolean
}

const FEEDS: readonly Feed[] = [
  { id: 'ts-60', format: 'ts', rate: '30000/1001', gop: 60, isLate: false },
  { id: 'ts-default-late', format: 'ts', rate: '25', isLate: true },
  { id: 'cmaf-60-late', format: 'cmaf', rate: '30000/1001', gop: 60, isLate: true },
  { id: 'cmaf-epoch-default', format: 'cmaf', rate: '25', isEpochLocked: true, isLate: false },
  { id: 'rtmp-60-late', format: 'flv', rate: '25', gop: 60, isLate: true },
  { id: 'rtmp-default', format: 'flv', rate: '30000/1001', isLate: false },
]

const opened = new AsyncDisposableStack()
const origins: MirrorProcess[] = []
const records = new Map<string, readonly [OriginRecord, OriginRecord]>()
/** Where each record's origin is at the moment. */
const views = new Map<string, StreamView>()
const outputs = new Map<string, RelayOutput>()
const relays = new Map<string, Relay>()
const tracks = ['v0', 'a0'] as const

const keyOf = (id: string, origin: number) => `${id} ${origin}`

beforeAll(async () => {
  const shared = await mkdtemp(join(tmpdir(), 'mirror-shared-'))
  opened.defer(() => rm(shared, { recursive: true, force: true }))
  const config = join(shared, 'mirror.yml')
  await writeFile(config, `store: { path: ${join(shared, 'store')} }\n`)
  for (let origin = 0; origin < 2; origin++) {
    origins.push(opened.use(await MirrorProcess.start({ env: { MIRROR_CONFIG: config } })))
    for (const { id } of FEEDS) views.set(keyOf(id, origin), (await origins[origin]?.createStream(id)) as StreamView)
  }
  for (const { id } of FEEDS) {
    for (const track of tracks) {
      const [first, second] = [0, 1].map((origin) =>
        opened.use(
          new OriginRecord(() =>
            (views.get(keyOf(id, origin))?.playback.hls ?? '').replace('playlist.m3u8', `${track}/playlist.m3u8`),
          ),
        ),
      )
      if (first !== undefined && second !== undefined) records.set(`${id} ${track}`, [first, second])
    }
  }
  const startedAtMs = performance.now()
  const until = (ms: number) => delay(Math.max(0, startedAtMs + ms - performance.now()))
  for (const feed of FEEDS) relays.set(feed.id, opened.use(encode(feed)))
  for (const { id, isLate } of FEEDS) {
    await publish(id, 0)
    if (!isLate) await publish(id, 1)
  }
  await until(LATE_MS)
  for (const { id, isLate } of FEEDS) if (isLate) await publish(id, 1)
  await until(RESTART_AT_MS)
  await restart(1, (mirror) => mirror.stop())
  await until(KILL_AT_MS)
  await restart(0, (mirror) => mirror.kill())
  await until(END_AT_MS)
  for (const pair of records.values()) for (const record of pair) await record[Symbol.asyncDispose]()
}, 110_000)

afterAll(() => opened.disposeAsync(), 30_000)

function encode({ format, rate, gop, isEpochLocked = false }: Feed): Relay {
  const picture = { seconds: 600, size: '320x180', rate, bFrames: true, ...(gop === undefined ? {} : { gop }) }
  const args = pictureArgs(picture)
  return isEpochLocked ? new Relay(format, args, epochClockArgs(Date.now())) : new Relay(format, args)
}

async function publish(id: string, origin: number): Promise<void> {
  const { ingest } = views.get(keyOf(id, origin)) ?? {}
  const { format } = FEEDS.find((feed) => feed.id === id) ?? { format: 'ts' }
  const url = { ts: ingest?.srt, flv: ingest?.rtmp, cmaf: ingest?.cmaf }[format] ?? ''
  const output = await relays.get(id)?.connect(url)
  if (output !== undefined) outputs.set(keyOf(id, origin), output)
}

async function restart(origin: number, end: (mirror: MirrorProcess) => Promise<unknown>): Promise<void> {
  const mirror = origins[origin]
  if (mirror === undefined) throw new Error('no such origin')
  await end(mirror)
  await mirror.start()
  for (const { id } of FEEDS) {
    views.set(keyOf(id, origin), await mirror.stream(id))
    await outputs.get(keyOf(id, origin))?.end()
    await publish(id, origin)
  }
}

describe.each(FEEDS.map(({ id, isLate }) => ({ id, isLate })))('$id', ({ id, isLate }) => {
  test.each(tracks)('%s: what both origins list is the same in every byte, name, length and number', (track) => {
    const [a, b] = records.get(`${id} ${track}`) ?? []
    if (a === undefined || b === undefined) throw new Error('not recorded')
    expect(a.contradictions).toEqual([])
    expect(b.contradictions).toEqual([])
    const both = a.msns.filter((msn) => b.segments.has(msn))
    // Of 78 s with cells of 2 s: from the start, but for what the restarts cost; late: from the next keyframe.
    expect(both.length).toBeGreaterThan(isLate ? 12 : 20)
    // The first cell of the one that joined was seen by the other from its start.
    if (isLate) expect(a.msns[0]).toBeLessThan(b.msns[0] ?? 0)
    if (isLate) expect(both[0]).toBe(b.msns[0])
    const unlike = both.flatMap((msn) => {
      const [one, other] = [a.segments.get(msn), b.segments.get(msn)]
      return one !== undefined && other !== undefined && isSameListing(one, other) ? [] : [[one, other]]
    })
    expect(unlike).toEqual([])
    const shared = [...a.hashes].filter(([uri]) => b.hashes.has(uri))
    expect(shared.length).toBeGreaterThan(both.length * 4)
    expect(shared.filter(([uri, hash]) => b.hashes.get(uri) !== hash).map(([uri]) => uri)).toEqual([])
  })

  test('nobody began a timeline entry of its own', async () => {
    for (const origin of [0, 1]) {
      const dsns = tracks.flatMap((track) =>
        [...(records.get(`${id} ${track}`)?.[origin]?.segments.values() ?? [])].map(({ dsn }) => dsn),
      )
      expect([...new Set(dsns)]).toEqual([0])
    }
  })
})

test('the relay lost nothing on the way', () => {
  expect([...outputs].filter(([, { isOverrun }]) => isOverrun).map(([key]) => key)).toEqual([])
})
