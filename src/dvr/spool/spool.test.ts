import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { appendFile, mkdtemp, readdir, readFile, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FACTS, HOUR_MS, msnOf, recording, TRACK } from '../recordings.test-support.ts'
import { type SealedPack, Spool } from './spool.ts'

let folder: string
let nowMs: number
let sealed: SealedPack[]
let ids: number

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-spool-'))
  nowMs = HOUR_MS
  sealed = []
  ids = 0
})

afterEach(async () => {
  await rm(folder, { recursive: true })
})

const LIMITS = { maxBytes: 10_000, packMs: 60_000, packBytes: 1000 }

async function open(limits: Partial<typeof LIMITS> = {}): Promise<Spool> {
  const host = {
    now: () => nowMs,
    randomId: () => `id${ids++}`,
    onSealed: (pack: SealedPack) => void sealed.push(pack),
  }
  return await Spool.open(folder, { ...LIMITS, ...limits }, host)
}

async function bytesOf(spool: Spool, msn: number): Promise<Buffer | null> {
  const place = spool.find(TRACK, msn)
  if (place === null) return null
  return (await readFile(place.path)).subarray(place.offset, place.offset + place.length)
}

const numbersOf = (pack: SealedPack | undefined) => pack?.segments.map((segment) => segment.msn)

test('a segment is found as it was appended, while its pack is open and after it was sealed', async () => {
  const spool = await open()
  for (const n of [1, 2, 3]) await spool.append(recording(n))
  expect(await bytesOf(spool, msnOf(2))).toEqual(Buffer.alloc(100, 2))
  expect(spool.segments(TRACK).map(({ msn, sizeBytes }) => [msn, sizeBytes])).toEqual([
    [msnOf(1), 100],
    [msnOf(2), 100],
    [msnOf(3), 100],
  ])
  await spool[Symbol.asyncDispose]()
  expect(await bytesOf(spool, msnOf(2))).toEqual(Buffer.alloc(100, 2))
  expect(spool.segments(TRACK)[1]?.sha256).toBe(createHash('sha256').update(Buffer.alloc(100, 2)).digest('hex'))
  expect(spool.find(TRACK, msnOf(4))).toBeNull()
  expect(spool.find({ ...TRACK, trackId: 'a0' }, msnOf(2))).toBeNull()
})

test('segments that come at once keep their order', async () => {
  const spool = await open()
  await Promise.all([1, 2, 3, 4, 5].map((n) => spool.append(recording(n))))
  await spool[Symbol.asyncDispose]()
  expect(sealed.map(numbersOf)).toEqual([[msnOf(1), msnOf(2), msnOf(3), msnOf(4), msnOf(5)]])
})

test('memory that workers share can be recorded', async () => {
  const shared = Buffer.from(new SharedArrayBuffer(100)).fill(7)
  await using spool = await open()
  await spool.append(recording(1, { buffers: [shared] }))
  expect(await bytesOf(spool, msnOf(1))).toEqual(Buffer.alloc(100, 7))
})

test('a pack is sealed when it is old, when it is large, at the full hour, and when init segment or facts change', async () => {
  const spool = await open()
  await spool.append(recording(0))
  nowMs += 60_000
  await spool.append(recording(1)) // old
  await spool.append(recording(2, { buffers: [Buffer.alloc(1000)] }))
  await spool.append(recording(3)) // large
  await spool.append(recording(1800)) // hour
  const init = { name: 'init-2.mp4', bytes: Buffer.from('init two') }
  await spool.append(recording(1801, { init })) // init
  await spool.append(recording(1802, { init, facts: { ...FACTS, widthPx: 640 } })) // facts
  expect(sealed.map(numbersOf)).toEqual([[msnOf(0)], [msnOf(1), msnOf(2)], [msnOf(3)], [msnOf(1800)], [msnOf(1801)]])
  expect(sealed.map(({ hour, init: own }) => `${hour} ${own?.name}`).slice(2)).toEqual([
    '2026-11-21T07 init-1.mp4',
    '2026-11-21T08 init-1.mp4',
    '2026-11-21T08 init-2.mp4',
  ])
  expect(Buffer.from(spool.init(TRACK, 'init-2.mp4') ?? []).toString()).toBe('init two')
  nowMs += 60_000
  await spool.sealDue()
  expect(sealed).toHaveLength(6)
  await spool[Symbol.asyncDispose]()
})

test('a gap takes no bytes and is kept', async () => {
  const spool = await open()
  await spool.append(recording(1))
  await spool.append(recording(2, { buffers: [] }))
  await spool.append(recording(3))
  await spool[Symbol.asyncDispose]()
  const again = await open()
  expect(again.segments(TRACK).map(({ msn, sizeBytes }) => [msn, sizeBytes])).toEqual([
    [msnOf(1), 100],
    [msnOf(2), 0],
    [msnOf(3), 100],
  ])
  expect(again.find(TRACK, msnOf(2))).toBeNull()
})

test('what a torn write left is not taken for a segment', async () => {
  const spool = await open()
  for (const n of [1, 2, 3]) await spool.append(recording(n))
  await spool[Symbol.asyncDispose]()
  const path = sealed[0]?.path ?? ''
  await appendFile(path.replace('.pack', '.journal'), `[${msnOf(4)},0,17`) // Row torn.
  expect((await open()).segments(TRACK)).toHaveLength(3)
  await truncate(path, 250) // Bytes torn: the row is there, its media is not.
  sealed.length = 0
  expect((await open()).segments(TRACK).map(({ msn }) => msn)).toEqual([msnOf(1), msnOf(2)])
  expect(numbersOf(sealed[0])).toEqual([msnOf(1), msnOf(2)])
})

test('files without a readable journal are removed', async () => {
  const spool = await open()
  await spool.append(recording(1))
  await spool[Symbol.asyncDispose]()
  await truncate((sealed[0]?.path ?? '').replace('.pack', '.journal'), 10)
  sealed.length = 0
  await open()
  expect(sealed).toEqual([])
  expect((await readdir(folder, { recursive: true })).filter((name) => /pack|journal/.test(name))).toEqual([])
})

test('beyond its limit the spool refuses, and takes again what has room after a removal', async () => {
  await using spool = await open({ maxBytes: 250, packMs: 0 })
  await spool.append(recording(1))
  await spool.append(recording(2))
  await expect(spool.append(recording(3))).rejects.toMatchObject({ code: 'spool_full' })
  expect(spool.oldestAtMs).toBe(HOUR_MS + 2000)
  await spool.remove(sealed[0] as SealedPack)
  expect(spool.oldestAtMs).toBe(HOUR_MS + 4000)
  expect(spool.usedBytes).toBe(100)
  await spool.append(recording(3))
  expect(spool.find(TRACK, msnOf(1))).toBeNull()
})

test('three times kill -9 in full flight: every acknowledged segment is there, whole, with its init segment', async () => {
  const acknowledged: string[] = []
  for (let round = 0; round < 3; round += 1) acknowledged.push(...(await recordUntilKilled(round)))
  const spool = await open({ maxBytes: 1e9 })
  const found = new Set(spool.segments(TRACK).map(({ msn }) => String(msn)))
  expect(acknowledged.length).toBeGreaterThan(150)
  expect(acknowledged.filter((msn) => !found.has(msn))).toEqual([])
  for (const { msn, sha256, initName } of spool.segments(TRACK)) {
    expect(
      createHash('sha256')
        .update((await bytesOf(spool, msn)) ?? '')
        .digest('hex'),
    ).toBe(sha256)
    expect(spool.init(TRACK, initName ?? '')).not.toBeNull()
  }
})

async function recordUntilKilled(round: number): Promise<string[]> {
  const source = (file: string): string => JSON.stringify(fileURLToPath(new URL(file, import.meta.url)))
  const code = `
    import { randomUUID } from 'node:crypto'
    import { Spool } from ${source('./spool.ts')}
    import { recording } from ${source('../recordings.test-support.ts')}
    const limits = { maxBytes: 1e9, packMs: 50, packBytes: 1e9 }
    const spool = await Spool.open(process.argv[1], limits, { now: Date.now, randomId: randomUUID, onSealed() {} })
    async function record(lane) {
      for (let n = 0; ; n += 4) {
        const { msn } = await spool.append(recording(process.argv[2] * 100000 + n + lane))
        process.stdout.write(msn + '.\\n')
      }
    }
    await Promise.all([0, 1, 2, 3].map(record))
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', code, folder, String(round)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const acknowledged: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.endsWith('.')) continue // The kill may cut the last line.
    acknowledged.push(line.slice(0, -1))
    if (acknowledged.length === 100) child.kill('SIGKILL')
  }
  expect((await exited)[1]).toBe('SIGKILL')
  return acknowledged
}
