// Does to a store what a sequence says, and compares every answer with the model's.
import { expect } from 'vitest'
import { collect } from '../../src/storage/collect.ts'
import { parseObjectKey } from '../../src/storage/keys.ts'
import type { ObjectBody, ObjectInfo, ObjectKey, ObjectStore, PutCall } from '../../src/storage/object-store.ts'
import type { TierCopy, TieredStore } from '../../src/storage/tiers.ts'
import { type PutCondition, StoreModel } from './store-model.ts'
import { type BodyPlan, KEYS, type Operation, type RangePlan, type When } from './store-operations.ts'

const signal = new AbortController().signal
/** More would wait for each other's connections. */
const MAX_READERS = 4

type Handles = readonly [ObjectStore, ObjectStore]
type Of<K extends Operation['kind']> = Extract<Operation, { readonly kind: K }>

/** Runs `operations` on a store that is empty, and leaves it empty. Throws at the first answer that is not the model's. */
export async function judge(handles: Handles, operations: readonly Operation[]): Promise<void> {
  const run = new Run(handles)
  try {
    for (const operation of operations) await run.step(operation)
    await run.expectAll()
  } finally {
    await run.clear()
  }
  for (const store of handles) expect(await listed(store, '', '')).toEqual([])
}

class Run {
  readonly #model = new StoreModel()
  readonly #handles: Handles
  readonly #readers: { readonly body: ObjectBody; readonly expected: Buffer }[] = []
  readonly #copies: TierCopy[] = []
  #racers = 0

  constructor(handles: Handles) {
    this.#handles = handles
  }

  async step(operation: Operation): Promise<void> {
    switch (operation.kind) {
      case 'put':
        return await this.#put(operation)
      case 'break_off':
        return await this.#breakOff(operation)
      case 'race':
        return await this.#race(operation)
      case 'read':
        return await this.#read(operation)
      case 'open':
        return await this.#open(operation)
      case 'finish':
        return await this.#finish(operation)
      case 'leave':
        return await this.#readers.splice(operation.reader, 1)[0]?.body[Symbol.asyncDispose]()
      case 'head':
        return this.#expectInfo(operation.key, await this.#handles[operation.by].head(keyOf(operation.key), { signal }))
      case 'list':
        return await this.#list(operation)
      case 'copy':
        return await this.#copy(operation)
      case 'release':
        return await this.#release(operation)
      case 'delete':
        await this.#handles[operation.by].delete(operation.keys.map(keyOf), { signal })
        for (const key of operation.keys) this.#model.remove(key)
    }
  }

  /** What is there is all that is there, byte for byte. */
  async expectAll(): Promise<void> {
    for (const reader of this.#readers.splice(0)) expect(await bytesOf(reader.body)).toEqual(reader.expected)
    await this.#list({ by: 0, kind: 'list', prefix: '', after: '' })
    for (const key of KEYS) await this.#read({ by: 1, kind: 'read', key, range: null })
  }

  async clear(): Promise<void> {
    for (const { body } of this.#readers.splice(0)) await body[Symbol.asyncDispose]()
    await this.#handles[0].delete(KEYS.map(keyOf), { signal })
  }

  async #put({ by, key, body, when }: Of<'put'>): Promise<void> {
    const condition = this.#condition(key, when)
    const bytes = bytesOfPlan(body)
    const source = body.chunkBytes === null ? bytes : chunks(bytes, body.chunkBytes)
    const stored = await this.#handles[by].put(keyOf(key), source, callOf(condition))
    if (!this.#model.admits(key, condition)) return expect(stored).toBeNull()
    expect(stored).toMatchObject({ key, sizeBytes: bytes.length, etag: expect.stringMatching(/^[\x21-\x7e]+$/) })
    this.#model.keep(key, { bytes, etag: stored?.etag ?? '' })
  }

  /** The body ends too early: nothing changes. A put that may not replace need not even have looked at its body. */
  async #breakOff({ by, key, body, when, how }: Of<'break_off'>): Promise<void> {
    const condition = this.#condition(key, when)
    const stop = new AbortController()
    const reason = new Error('broken off')
    const source = (async function* () {
      yield bytesOfPlan(body)
      if (how === 'error') throw reason
      stop.abort(reason)
      if (how === 'abort_and_hang') await new Promise(() => {})
    })()
    const call = { ...callOf(condition), signal: stop.signal }
    const ended = await this.#handles[by].put(keyOf(key), source, call).catch((error: unknown) => error)
    if (ended !== null || this.#model.admits(key, condition)) expect(ended).toBe(reason)
  }

  async #race({ key, racers, when }: Of<'race'>): Promise<void> {
    const condition = this.#condition(key, when)
    const bodies = Array.from({ length: racers }, () => {
      this.#racers += 1
      return Buffer.from(`racer ${this.#racers} of this sequence`)
    })
    const results = await Promise.all(
      bodies.map((body, n) => this.#handles[n % 2 === 0 ? 0 : 1].put(keyOf(key), body, callOf(condition))),
    )
    const winners = results.flatMap((stored, n) => (stored === null ? [] : [{ stored, bytes: bodies[n] as Buffer }]))
    expect(winners).toHaveLength(this.#model.admits(key, condition) ? 1 : 0)
    for (const { stored, bytes } of winners) this.#model.keep(key, { bytes, etag: stored.etag })
  }

  async #read({ by, key, range }: Of<'read'>): Promise<void> {
    await using body = await this.#get(by, key, range)
    if (body !== null) expect(await bytesOf(body)).toEqual(this.#expected(key, range))
  }

  async #open({ by, key, range }: Of<'open'>): Promise<void> {
    if (this.#readers.length >= MAX_READERS) return
    const body = await this.#get(by, key, range)
    if (body !== null) this.#readers.push({ body, expected: this.#expected(key, range) })
  }

  /** A reader has what it opened, whatever has become of the object since. */
  async #finish({ reader }: Of<'finish'>): Promise<void> {
    const [opened] = this.#readers.splice(reader, 1)
    if (opened !== undefined) expect(await bytesOf(opened.body)).toEqual(opened.expected)
  }

  async #list({ by, prefix, after }: Of<'list'>): Promise<void> {
    const infos = await listed(this.#handles[by], prefix, after)
    const expected = this.#model.list(prefix, after)
    expect(infos.map(({ key }) => key)).toEqual(expected.map(({ key }) => key))
    for (const info of infos) this.#expectInfo(info.key, info)
  }

  /** A copy changes nothing but perhaps the etag, whether it is released or not. */
  async #copy({ by, key, to }: Of<'copy'>): Promise<void> {
    const store = tiered(this.#handles[by])
    const copy = await store.copyToTier(keyOf(key), to, { signal })
    const object = this.#model.object(key)
    if (object === null) return expect(copy).toBeNull()
    expect(copy).toMatchObject({ key, to, sizeBytes: object.bytes.length, sourceEtag: object.etag })
    if (copy !== null) this.#copies.push(copy)
    await this.#expectMoved(store, key)
  }

  /** True only when it is the object that was copied; either way the key holds what it held. */
  async #release({ by, copy: n }: Of<'release'>): Promise<void> {
    const store = tiered(this.#handles[by])
    const [copy] = this.#copies.splice(-1 - n, 1)
    if (copy === undefined) return
    const isReleased = await store.release(copy, { signal })
    await this.#expectMoved(store, copy.key)
    // What was where it was to be was not copied, and there is nothing to let go of.
    if (isReleased && copy.from !== copy.to) expect(this.#model.object(copy.key)).toMatchObject({ etag: copy.etag })
  }

  async #expectMoved(store: ObjectStore, key: string): Promise<void> {
    const info = await store.head(keyOf(key), { signal })
    const object = this.#model.object(key)
    expect(info?.sizeBytes).toBe(object?.bytes.length)
    if (object === null || info === null) return
    this.#model.rename(key, info.etag)
    await this.#read({ by: 0, kind: 'read', key, range: null })
  }

  async #get(by: 0 | 1, key: string, range: RangePlan | null): Promise<ObjectBody | null> {
    const span = range === null ? null : spanOf(range, this.#model.object(key)?.bytes.length ?? 0)
    const body = await this.#handles[by].get(keyOf(key), span === null ? { signal } : { signal, range: span })
    this.#expectInfo(key, body?.info ?? null)
    return body
  }

  #expected(key: string, range: RangePlan | null): Buffer {
    const bytes = this.#model.object(key)?.bytes ?? Buffer.alloc(0)
    if (range === null) return bytes
    const { start, end } = spanOf(range, bytes.length)
    return bytes.subarray(start, end)
  }

  #expectInfo(key: string, info: ObjectInfo | null): void {
    const object = this.#model.object(key)
    const seen = info === null ? null : { key: info.key, sizeBytes: info.sizeBytes, etag: info.etag }
    expect(seen).toEqual(object === null ? null : { key, sizeBytes: object.bytes.length, etag: object.etag })
  }

  #condition(key: string, when: When): PutCondition {
    if (when === 'always' || when === 'absent') return { kind: when }
    const own = this.#model.etags(key)
    const others = KEYS.filter((other) => other !== key).flatMap((other) => this.#model.etags(other))
    const etag = { current: own.at(-1), stale: own[0], strange: others[0] }[when]
    return etag === undefined ? { kind: 'absent' } : { kind: 'match', etag }
  }
}

function tiered(store: ObjectStore): TieredStore {
  if (!('copyToTier' in store)) throw new Error('a store without tiers')
  return store as TieredStore
}

async function listed(store: ObjectStore, prefix: string, after: string): Promise<ObjectInfo[]> {
  const infos: ObjectInfo[] = []
  for await (const info of store.list(prefix, { signal, after })) infos.push(info)
  return infos
}

async function bytesOf(body: ObjectBody): Promise<Buffer> {
  await using closed = body
  return Buffer.from(await collect(closed.chunks))
}

function bytesOfPlan({ fill, sizeBytes }: BodyPlan): Buffer {
  const bytes = Buffer.alloc(sizeBytes)
  for (let at = 0; at < sizeBytes; at += 1) bytes[at] = (fill * 37 + at * 11 + (at >> 8)) & 255
  return bytes
}

async function* chunks(bytes: Buffer, chunkBytes: number): AsyncGenerator<Uint8Array> {
  // Large bodies in small chunks would only take time.
  const step = Math.max(chunkBytes, Math.ceil(bytes.length / 50))
  for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step)
}

function spanOf({ fromPermille, lengthPermille }: RangePlan, sizeBytes: number): { start: number; end: number } {
  const start = Math.floor((sizeBytes * fromPermille) / 1000)
  return { start, end: start + Math.floor((sizeBytes * lengthPermille) / 1000) }
}

function callOf(condition: PutCondition): PutCall {
  const call = { signal, contentType: 'application/octet-stream' }
  if (condition.kind === 'always') return call
  return condition.kind === 'absent' ? { ...call, ifAbsent: true } : { ...call, ifMatch: condition.etag }
}

function keyOf(text: string): ObjectKey {
  const key = parseObjectKey(text)
  if (key === null) throw new Error(`not a key: ${text}`)
  return key
}
