import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { collect } from '../../storage/collect.ts'
import { openFolderStore } from '../../storage/folder-store.ts'
import { parseObjectKey } from '../../storage/keys.ts'
import { createMemoryStore } from '../../storage/memory-store.ts'
import type { ObjectKey, ObjectStore } from '../../storage/object-store.ts'
import { type IntakeCall, takeIn } from './intake.ts'
import { SNIFF_BYTES } from './sniff.ts'

const key = parseObjectKey('recordings/default/r1/original') as ObjectKey
const signal = new AbortController().signal
const MiB = 2 ** 20

for (const kind of ['memory', 'a folder'] as const) {
  describe(`into ${kind}`, () => {
    let store: ObjectStore
    let folder: string

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'mirror-intake-'))
      store =
        kind === 'memory'
          ? createMemoryStore({ nowMs: Date.now })
          : await openFolderStore(folder, { randomId: randomUUID })
    })
    afterEach(async () => {
      await store[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    })

    const call = (limits: Partial<IntakeCall['limits']> = {}, more: Partial<IntakeCall> = {}): IntakeCall => ({
      ...{ store, key, signal, contentTypeOf: () => 'audio/wav' },
      limits: { maxBytes: 8 * MiB, declaredBytes: null, ...limits },
      ...more,
    })

    /** Neither the object nor a part of it. */
    async function expectNothing(): Promise<void> {
      expect(await store.head(key, { signal })).toBeNull()
      const files = await readdir(folder, { recursive: true, withFileTypes: true })
      expect(files.filter((file) => file.isFile() && !file.name.includes('lock')).map(({ name }) => name)).toEqual([])
    }

    test.each([0, 1, SNIFF_BYTES - 1, SNIFF_BYTES, SNIFF_BYTES + 1, 3 * MiB])(
      '%i bytes arrive as they are',
      async (size) => {
        const bytes = randomBytes(size)
        const intake = await takeIn(inChunks(bytes, 997), call({ declaredBytes: size }))
        expect(intake.sizeBytes).toBe(size)
        expect(intake.sha256).toBe(createHash('sha256').update(bytes).digest('hex'))
        expect(Buffer.compare(intake.head, bytes.subarray(0, SNIFF_BYTES))).toBe(0)
        const body = await store.get(key, { signal })
        expect(Buffer.compare(await collect(body?.chunks ?? inChunks(Buffer.from('none'), 1)), bytes)).toBe(0)
      },
    )

    test('exactly as much as is allowed is let in', async () => {
      expect((await takeIn(inChunks(randomBytes(1000), 100), call({ maxBytes: 1000 }))).sizeBytes).toBe(1000)
    })

    test('one byte more than is allowed ends it, and nothing is left', async () => {
      const taken = takeIn(inChunks(randomBytes(MiB + 1), 64 * 1024), call({ maxBytes: MiB }))
      await expect(taken).rejects.toMatchObject({ code: 'payload_too_large' })
      await expectNothing()
    })

    test('what declares too much is refused before a byte is read', async () => {
      const taken = takeIn(neverRead(), call({ maxBytes: 10, declaredBytes: 11 }))
      await expect(taken).rejects.toMatchObject({ code: 'payload_too_large' })
    })

    test.each([
      ['less', 5000],
      ['more', 9000],
    ])('%s than was declared ends it, and nothing is left', async (_, size) => {
      const taken = takeIn(inChunks(randomBytes(size), 512), call({ declaredBytes: 6000 }))
      await expect(taken).rejects.toMatchObject({ code: 'upload_length_wrong' })
      await expectNothing()
    })

    test('a source that breaks leaves nothing, and its own error', async () => {
      await expect(takeIn(breaking(MiB), call())).rejects.toThrow('the line was cut')
      await expectNothing()
    })

    test('a source that falls silent is given up', async () => {
      const taken = takeIn(hanging(20_000), call({ idleMs: 30 }))
      await expect(taken).rejects.toMatchObject({ code: 'upload_stalled' })
      await expectNothing()
    })

    test('a source that never sends is given up as well', async () => {
      await expect(takeIn(hanging(0), call({ idleMs: 30 }))).rejects.toMatchObject({ code: 'upload_stalled' })
    })

    test('who aborts hears its own reason', async () => {
      const stop = new AbortController()
      const taken = takeIn(hanging(20_000), call({}, { signal: stop.signal }))
      setTimeout(() => stop.abort(new Error('the caller left')), 20)
      await expect(taken).rejects.toThrow('the caller left')
      await expectNothing()
    })

    test('who sees the first bytes can refuse them, and the store is never asked', async () => {
      const contentTypeOf = () => {
        throw new Error('no sound')
      }
      await expect(takeIn(inChunks(randomBytes(MiB), 4096), call({}, { contentTypeOf }))).rejects.toThrow('no sound')
      await expectNothing()
    })
  })
}

test('no more is pulled than the store takes', async () => {
  const gate = Promise.withResolvers<void>()
  let pulled = 0
  async function* source(): AsyncGenerator<Uint8Array> {
    for (pulled = 0; pulled < 100; pulled += 1) yield randomBytes(64 * 1024)
  }
  const store: IntakeCall['store'] = {
    async put(_key, body) {
      if (body instanceof Uint8Array) throw new Error('all at once')
      const chunks = body[Symbol.asyncIterator]()
      await chunks.next()
      await gate.promise
      while ((await chunks.next()).done !== true) {}
      return { key, sizeBytes: 0, etag: '' }
    },
    async delete() {},
  }
  const limits = { maxBytes: 8 * MiB, declaredBytes: null, idleMs: 1 }
  const taken = takeIn(source(), { store, key, limits, contentTypeOf: () => '', signal })
  await new Promise((resolve) => setTimeout(resolve, 20)) // Longer than the sender may be silent: the store may not be.
  expect(pulled).toBeLessThan(3)
  gate.resolve()
  expect((await taken).sizeBytes).toBe(100 * 64 * 1024)
})

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size)
}

async function* breaking(after: number): AsyncGenerator<Uint8Array> {
  yield* inChunks(randomBytes(after), 4096)
  throw new Error('the line was cut')
}

async function* hanging(after: number): AsyncGenerator<Uint8Array> {
  yield* inChunks(randomBytes(after), 4096)
  await new Promise(() => {})
}

async function* neverRead(): AsyncGenerator<Uint8Array> {
  yield await Promise.reject(new Error('it was read'))
}
