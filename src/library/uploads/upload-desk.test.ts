import { createHash, randomUUID } from 'node:crypto'
import { appendFile, mkdir, mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { silentLog } from '../../core/log.ts'
import { COMMIT_BYTES } from './receive-body.ts'
import type { Checksum } from './tus-headers.ts'
import { UploadDesk, type UploadDeskHost, type UploadLimits } from './upload-desk.ts'
import type { KeptUpload, WholeUpload } from './upload-keeper.ts'

const failing = (code: string) => expect.objectContaining({ code })
const never = new AbortController().signal
const LIMITS: UploadLimits = {
  maxBytes: 100 * 2 ** 20,
  maxUnfinished: 3,
  keepMs: 1_000,
  keepFreeBytes: 0,
  copies: 1,
  idleMs: 20_000,
}

let folder = ''
let nowMs = 0
let freeBytes = 0
let kept: { readonly id: string; readonly bytes: Buffer }[] = []
const desks: UploadDesk[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-uploads-'))
  nowMs = 1_000_000
  freeBytes = 2 ** 40
  kept = []
})
afterEach(async () => {
  for (const desk of desks.splice(0)) await desk[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function keep({ id, chunks }: WholeUpload): Promise<KeptUpload> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks()) all.push(chunk)
  kept.push({ id, bytes: Buffer.concat(all) })
  return { assetId: id, kind: 'other', isDuplicate: false }
}

async function open(more: Partial<UploadDeskHost> = {}, limits: Partial<UploadLimits> = {}): Promise<UploadDesk> {
  const desk = await UploadDesk.open({
    folder,
    keep,
    limits: { ...LIMITS, ...limits },
    freeBytes: async () => freeBytes,
    now: () => nowMs,
    newId: randomUUID,
    log: silentLog,
    ...more,
  })
  desks.push(desk)
  return desk
}

const begin = (desk: UploadDesk, lengthBytes: number, owner = 'key a') =>
  desk.create({ tenantId: 'default', owner, lengthBytes, metadata: { filename: '../../etc/passwd' } })

async function* chunksOf(bytes: Uint8Array, size = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const append = (
  desk: UploadDesk,
  id: string,
  offsetBytes: number,
  body: AsyncIterable<Uint8Array>,
  checksum: Checksum | null = null,
) => desk.append({ tenantId: 'default', id, offsetBytes }, body, { checksum, patience: never })

function noise(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, at) => (at * 7 + (at >> 8)) & 255))
}

/** A body that sends some and then waits until it is told how it ends. */
function held(bytes: Uint8Array): {
  readonly body: AsyncIterable<Uint8Array>
  readonly fail: () => void
  readonly taken: Promise<void>
} {
  let fail = () => {}
  let took = () => {}
  const taken = new Promise<void>((resolve) => {
    took = resolve
  })
  const ending = new Promise<never>((_, reject) => {
    fail = () => reject(new Error('aborted'))
  })
  ending.catch(() => {})
  async function* body(): AsyncGenerator<Uint8Array> {
    yield bytes
    took()
    await ending
  }
  return { body: body(), fail: () => fail(), taken }
}

test('an upload in parts is whole in the end, and is handed on once', async () => {
  const desk = await open()
  const told: KeptUpload[] = []
  desk.onKept((one) => told.push(one))
  const bytes = noise(300_000)
  const { id } = await begin(desk, bytes.length)
  expect(await append(desk, id, 0, chunksOf(bytes.subarray(0, 100_001)))).toMatchObject({
    offsetBytes: 100_001,
    done: null,
  })
  expect(await append(desk, id, 100_001, chunksOf(bytes.subarray(100_001)))).toMatchObject({ done: { assetId: id } })
  await desk.tick()
  expect(kept.map((one) => one.id)).toEqual([id])
  expect(told).toEqual([{ assetId: id, kind: 'other', isDuplicate: false }])
  expect(kept[0]?.bytes.equals(bytes)).toBe(true)
  expect(await readdir(join(folder, id))).not.toContain('bytes')
})

test('what came before a connection broke off is kept, and goes on from there', async () => {
  const desk = await open()
  const bytes = noise(200_000)
  const { id } = await begin(desk, bytes.length)
  const { body, fail, taken } = held(bytes.subarray(0, 70_000))
  const broken = append(desk, id, 0, body)
  await taken
  fail()
  await expect(broken).rejects.toThrow(failing('upload_cut_off'))
  expect(desk.get('default', id).offsetBytes).toBe(70_000)
  await append(desk, id, 70_000, chunksOf(bytes.subarray(70_000)))
  expect(kept[0]?.bytes.equals(bytes)).toBe(true)
})

test('after a restart an upload is where it was told to be, whatever lies behind on the disk', async () => {
  const bytes = noise(50_000)
  const first = await open()
  const { id } = await begin(first, bytes.length)
  await append(first, id, 0, chunksOf(bytes.subarray(0, 20_000)))
  // What a crash leaves: bytes that nobody was told of.
  await appendFile(join(folder, id, 'bytes'), 'never acknowledged')
  const second = await open()
  expect(second.get('default', id)).toMatchObject({
    offsetBytes: 20_000,
    lengthBytes: 50_000,
    metadata: { filename: '../../etc/passwd' },
  })
  await append(second, id, 20_000, chunksOf(bytes.subarray(20_000)))
  expect(kept[0]?.bytes.equals(bytes)).toBe(true)
})

test('a long part is committed on its way, so that a crash loses little', async () => {
  const desk = await open()
  const size = 2 * COMMIT_BYTES + 1
  const { id } = await begin(desk, size + 1)
  const { body, taken } = held(Buffer.alloc(size))
  const writing = append(desk, id, 0, body)
  await taken
  await expect.poll(async () => (await open()).get('default', id).offsetBytes).toBe(size)
  await desk.settle('default', id)
  await expect(writing).rejects.toThrow(failing('upload_superseded'))
})

test('a client that comes back takes over from the connection that it lost', async () => {
  const desk = await open()
  const bytes = noise(100)
  const { id } = await begin(desk, 100)
  const lost = held(bytes.subarray(0, 40))
  const writing = append(desk, id, 0, lost.body)
  const ended = expect(writing).rejects.toThrow(failing('upload_superseded'))
  await lost.taken
  expect(await desk.settle('default', id)).toMatchObject({ offsetBytes: 40 })
  await ended
  await append(desk, id, 40, chunksOf(bytes.subarray(40)))
  expect(kept[0]?.bytes.equals(bytes)).toBe(true)
})

test('of two requests at once one goes on and nothing is mixed', async () => {
  const desk = await open()
  const { id } = await begin(desk, 100)
  const one = held(Buffer.alloc(10, 1))
  const first = append(desk, id, 0, one.body)
  const ended = expect(first).rejects.toThrow(failing('upload_superseded'))
  await one.taken
  await expect(append(desk, id, 0, chunksOf(Buffer.alloc(100, 2)))).rejects.toThrow(failing('upload_offset_wrong'))
  await ended
  await append(desk, id, 10, chunksOf(Buffer.alloc(90, 3)))
  expect(kept[0]?.bytes.equals(Buffer.concat([Buffer.alloc(10, 1), Buffer.alloc(90, 3)]))).toBe(true)
})

test('a part with a checksum is kept whole or not at all', async () => {
  const desk = await open()
  const bytes = noise(1_000)
  const { id } = await begin(desk, 1_000)
  const sum = (of: Uint8Array): Checksum => ({ algorithm: 'sha256', digest: createHash('sha256').update(of).digest() })
  const wrong = append(desk, id, 0, chunksOf(bytes.subarray(0, 500)), sum(bytes))
  await expect(wrong).rejects.toThrow(failing('upload_checksum_wrong'))
  expect(desk.get('default', id).offsetBytes).toBe(0)
  const cut = held(bytes.subarray(0, 400))
  const broken = append(desk, id, 0, cut.body, sum(bytes.subarray(0, 500)))
  await cut.taken
  cut.fail()
  await expect(broken).rejects.toThrow(failing('upload_cut_off'))
  expect(desk.get('default', id).offsetBytes).toBe(0)
  await append(desk, id, 0, chunksOf(bytes.subarray(0, 500)), sum(bytes.subarray(0, 500)))
  await append(desk, id, 500, chunksOf(bytes.subarray(500)))
  expect(kept[0]?.bytes.equals(bytes)).toBe(true)
})

test('more than was announced is refused, and what fitted stays', async () => {
  const desk = await open()
  const { id } = await begin(desk, 100)
  await expect(append(desk, id, 0, chunksOf(noise(101), 50))).rejects.toThrow(failing('upload_length_wrong'))
  expect(desk.get('default', id).offsetBytes).toBe(100)
})

test('a client that goes silent is given up, and can go on', async () => {
  const desk = await open({}, { idleMs: 50 })
  const { id } = await begin(desk, 100)
  await expect(append(desk, id, 0, held(Buffer.alloc(10)).body)).rejects.toThrow(failing('upload_paused'))
  expect(desk.get('default', id).offsetBytes).toBe(10)
})

test('size and number are limited before anything is written', async () => {
  const desk = await open()
  await expect(begin(desk, 0)).rejects.toThrow(failing('upload_empty'))
  await expect(begin(desk, LIMITS.maxBytes + 1)).rejects.toThrow(failing('payload_too_large'))
  const many = Array.from({ length: 5 }, () => begin(desk, 10))
  const results = await Promise.allSettled(many)
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(LIMITS.maxUnfinished)
  await expect(begin(desk, 10)).rejects.toThrow(failing('upload_limit'))
  const another = await begin(desk, 10, 'key b')
  expect(another.offsetBytes).toBe(0)
  const [first] = desk.list('default')
  await desk.remove('default', first?.id ?? '')
  await begin(desk, 10)
  expect(await readdir(folder)).toHaveLength(LIMITS.maxUnfinished + 1)
})

test('a disk without room is said by its name, at the beginning and on the way', async () => {
  const desk = await open({}, { keepFreeBytes: 1_000, copies: 2, maxUnfinished: 10 })
  freeBytes = 1_199
  await expect(begin(desk, 100)).rejects.toThrow(failing('upload_disk_full'))
  freeBytes = 1_200
  const { id } = await begin(desk, 100)
  // The next one would need what the first still does.
  await expect(begin(desk, 1)).rejects.toThrow(failing('upload_disk_full'))
  freeBytes = 999
  await expect(append(desk, id, 0, chunksOf(noise(100)))).rejects.toThrow(failing('upload_disk_full'))
  freeBytes = 10_000
  await append(desk, id, 0, chunksOf(noise(100)))
  expect(kept).toHaveLength(1)
})

test('what nobody continues expires, what is done is remembered for as long, what is whole stays', async () => {
  let isAway = true
  const desk = await open({
    keep: async (whole) => {
      if (isAway) throw new Error('the store is away')
      return await keep(whole)
    },
  })
  const idle = await begin(desk, 100)
  const whole = await begin(desk, 10)
  expect(await append(desk, whole.id, 0, chunksOf(noise(10)))).toMatchObject({
    done: null,
    failure: { code: 'internal' },
  })
  nowMs += LIMITS.keepMs
  await desk.tick()
  expect(() => desk.get('default', idle.id)).toThrow(failing('upload_not_found'))
  expect(desk.get('default', whole.id)).toMatchObject({ done: null, expiresAtMs: null })
  isAway = false
  nowMs += 600_000
  await desk.tick()
  await expect.poll(() => desk.get('default', whole.id).done).not.toBeNull()
  nowMs += LIMITS.keepMs
  await desk.tick()
  expect(() => desk.get('default', whole.id)).toThrow(failing('upload_not_found'))
  expect(await readdir(folder)).toEqual([])
})

test('an upload that was whole before a restart is handed on after it', async () => {
  const first = await open({ keep: () => new Promise(() => {}) })
  const { id } = await begin(first, 10)
  await first.append({ tenantId: 'default', id, offsetBytes: 0 }, chunksOf(noise(10)), {
    checksum: null,
    patience: AbortSignal.abort(),
  })
  const second = await open()
  await expect.poll(() => second.get('default', id).done).toEqual({ atMs: nowMs, assetId: id })
  expect(kept[0]?.bytes.equals(noise(10))).toBe(true)
  desks.shift()
})

test('what was never begun or half removed is gone after a restart, and what is not ours stays', async () => {
  await mkdir(join(folder, randomUUID()))
  await mkdir(join(folder, 'lost+found'))
  await open()
  expect(await readdir(folder)).toEqual(['lost+found'])
})

test('what the disk has lost comes again from the start', async () => {
  const desk = await open()
  const bytes = noise(100)
  const [short, unknown] = [await begin(desk, 100), await begin(desk, 100)]
  for (const { id } of [short, unknown]) await append(desk, id, 0, chunksOf(bytes.subarray(0, 60)))
  await truncate(join(folder, short.id, 'bytes'), 30)
  await writeFile(join(folder, unknown.id, 'progress.json'), '{"offsetBytes":6')
  const after = await open()
  for (const { id } of [short, unknown]) {
    expect(after.get('default', id).offsetBytes).toBe(0)
    await append(after, id, 0, chunksOf(bytes))
  }
  expect(kept.map((one) => one.bytes.equals(bytes))).toEqual([true, true])
})

test('an upload that is done takes no more and stays done', async () => {
  const desk = await open()
  const { id } = await begin(desk, 10)
  await append(desk, id, 0, chunksOf(noise(10)))
  expect(await append(desk, id, 10, chunksOf(noise(5)))).toMatchObject({ offsetBytes: 10, done: { assetId: id } })
  expect(kept).toHaveLength(1)
})

test('an upload that waits for a store that hangs can be deleted', async () => {
  const desk = await open({
    keep: (_, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  })
  const { id } = await begin(desk, 10)
  await desk.append({ tenantId: 'default', id, offsetBytes: 0 }, chunksOf(noise(10)), {
    checksum: null,
    patience: AbortSignal.abort(),
  })
  await desk.remove('default', id)
  expect(desk.list('default')).toEqual([])
  expect(await readdir(folder)).toEqual([])
})

test('another tenant sees nothing of it', async () => {
  const desk = await open()
  const { id } = await begin(desk, 10)
  expect(desk.list('other')).toEqual([])
  expect(() => desk.get('other', id)).toThrow(failing('upload_not_found'))
  await expect(desk.remove('other', id)).rejects.toThrow(failing('upload_not_found'))
  await expect(
    desk.append({ tenantId: 'other', id, offsetBytes: 0 }, chunksOf(noise(10)), {
      checksum: null,
      patience: never,
    }),
  ).rejects.toThrow(failing('upload_not_found'))
})
