// What every store promises, whatever holds the bytes.
import { createHash, randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseObjectKey } from '../../src/storage/keys.ts'
import type { ObjectBody, ObjectInfo, ObjectKey, ObjectStore } from '../../src/storage/object-store.ts'

const signal = new AbortController().signal
const put = { signal, contentType: 'application/octet-stream' }

export interface ContractOptions {
  /** While an object is replaced, the server answers with the body of one version and the ETag of another. */
  readonly mixesVersions?: boolean
  /**
   * Of a put whose answer was lost, and whose object somebody else has replaced since, nobody can tell any more whether it
   * was done: it may be done twice.
   */
  readonly losesAnswers?: boolean
}

/** `open` gives an empty store each time. */
export function objectStoreContract(
  name: string,
  open: () => Promise<ObjectStore>,
  { mixesVersions = false, losesAnswers = false }: ContractOptions = {},
): void {
  describe(`object store in ${name}`, () => {
    let store: ObjectStore

    beforeEach(async () => {
      store = await open()
    })

    afterEach(async () => {
      await store[Symbol.asyncDispose]()
    })

    test('an object comes back as it was put', async () => {
      const startedAtMs = Date.now()
      const info = await store.put(key('a/b/c.bin'), text('hello'), put)
      expect(info).toMatchObject({ key: 'a/b/c.bin', sizeBytes: 5 })
      expect(info?.etag).toMatch(/^[\x21-\x7e]+$/)
      expect(await read(store, 'a/b/c.bin')).toBe('hello')
      const head = await store.head(key('a/b/c.bin'), { signal })
      expect(head).toMatchObject({ ...info })
      expect(Math.abs((head?.modifiedAtMs ?? 0) - startedAtMs)).toBeLessThan(60_000)
      await using body = await store.get(key('a/b/c.bin'), { signal })
      expect(body?.info).toEqual(head)
    })

    test('what is absent is null', async () => {
      await store.put(key('a/b'), text('x'), put)
      for (const absent of ['nothing', 'a', 'a/c', 'a/b/c', 'A/b']) {
        expect(await store.get(key(absent), { signal })).toBeNull()
        expect(await store.head(key(absent), { signal })).toBeNull()
      }
    })

    test('a put replaces the whole object and its etag', async () => {
      const first = await store.put(key('a'), text('the first, longer body'), put)
      const second = await store.put(key('a'), text('second'), put)
      expect(await read(store, 'a')).toBe('second')
      expect(second?.etag).not.toBe(first?.etag)
      expect(await store.head(key('a'), { signal })).toMatchObject({ ...second })
    })

    test('a reader keeps the body that it opened while the object is replaced and deleted', async () => {
      const bytes = randomBytes(3_000_000)
      await store.put(key('a'), bytes, put)
      await using body = await store.get(key('a'), { signal })
      await store.put(key('a'), text('new'), put)
      await store.delete([key('a')], { signal })
      expect(sha256(await collect(body))).toBe(sha256(bytes))
    })

    test('an empty body is an object', async () => {
      await store.put(key('empty'), new Uint8Array(0), put)
      await store.put(key('empty-stream'), chunks([]), put)
      for (const name of ['empty', 'empty-stream']) {
        expect(await read(store, name)).toBe('')
        expect((await store.head(key(name), { signal }))?.sizeBytes).toBe(0)
      }
    })

    test('a large streamed body of odd chunks survives', async () => {
      const bytes = randomBytes(20_000_003)
      const info = await store.put(key('large'), chunks(split(bytes, 99_991)), put)
      expect(info?.sizeBytes).toBe(bytes.byteLength)
      await using body = await store.get(key('large'), { signal })
      expect(sha256(await collect(body))).toBe(sha256(bytes))
    })

    test('a body in shared memory is taken as any other', async () => {
      const shared = new Uint8Array(new SharedArrayBuffer(10)).fill(65)
      await store.put(key('a'), shared.subarray(2, 5), put)
      await store.put(key('b'), chunks([shared.subarray(0, 2), shared.subarray(3, 4)]), put)
      expect(await read(store, 'a')).toBe('AAA')
      expect(await read(store, 'b')).toBe('AAA')
    })

    test('a range is in bytes, its end exclusive and clipped to the object', async () => {
      await store.put(key('a'), text('0123456789'), put)
      const cases: [number, number, string][] = [
        [0, 10, '0123456789'],
        [0, 1, '0'],
        [3, 7, '3456'],
        [9, 10, '9'],
        [8, 100, '89'],
        [10, 12, ''],
        [50, 60, ''],
        [4, 4, ''],
      ]
      for (const [start, end, expected] of cases) {
        await using body = await store.get(key('a'), { signal, range: { start, end } })
        expect((await collect(body)).toString()).toBe(expected)
        expect(body?.info.sizeBytes).toBe(10)
      }
    })

    test('a range that is none is refused', async () => {
      await store.put(key('a'), text('0123456789'), put)
      for (const range of [
        { start: -1, end: 3 },
        { start: 3, end: 2 },
        { start: 0.5, end: 2 },
      ]) {
        await expect(store.get(key('a'), { signal, range })).rejects.toThrow(RangeError)
      }
    })

    test('of twenty conditional puts at once exactly one wins, and the others change nothing', async () => {
      const results = await Promise.all(
        range(20).map((n) => store.put(key('race/1.json'), chunks([text(`body ${n}`)]), { ...put, ifAbsent: true })),
      )
      const winners = results.flatMap((result, n) => (result === null ? [] : [n]))
      expect(winners).toHaveLength(1)
      expect(await read(store, 'race/1.json')).toBe(`body ${winners[0]}`)
      expect(await store.put(key('race/1.json'), text('late'), { ...put, ifAbsent: true })).toBeNull()
      expect(await store.head(key('race/1.json'), { signal })).toMatchObject({ ...results[winners[0]!] })
    })

    test('an object is replaced only by whoever knows what it is', async () => {
      const first = await store.put(key('index.json'), text('1'), put)
      const second = await store.put(key('index.json'), text('2'), { ...put, ifMatch: first?.etag ?? '' })
      expect(second).not.toBeNull()
      expect(await store.put(key('index.json'), text('late'), { ...put, ifMatch: first?.etag ?? '' })).toBeNull()
      expect(await read(store, 'index.json')).toBe('2')
      expect((await store.head(key('index.json'), { signal }))?.etag).toBe(second?.etag)
      expect(await store.put(key('nothing.json'), text('1'), { ...put, ifMatch: first?.etag ?? '' })).toBeNull()
      expect(await store.head(key('nothing.json'), { signal })).toBeNull()
    })

    test('of ten that replace one version at once exactly one wins', async () => {
      const first = await store.put(key('index.json'), text('1'), put)
      const change = { ...put, ifMatch: first?.etag ?? '' }
      const results = await Promise.all(range(10).map((n) => store.put(key('index.json'), text(`by ${n}`), change)))
      const winners = results.flatMap((result, n) => (result === null ? [] : [n]))
      expect(winners).toHaveLength(1)
      expect(await read(store, 'index.json')).toBe(`by ${winners[0]}`)
    })

    test.skipIf(mixesVersions)('of ten that add a word at once, each after reading, no word is lost', async () => {
      await store.put(key('words.txt'), text('begin'), put)
      const add = async (n: number): Promise<void> => {
        for (;;) {
          await using body = await store.get(key('words.txt'), { signal })
          if (body === null) throw new Error('the object is gone')
          const words = Buffer.from(await collect(body)).toString()
          const change = { ...put, ifMatch: body.info.etag }
          if ((await store.put(key('words.txt'), text(`${words} ${n}`), change)) !== null) return
        }
      }
      await Promise.all(range(10).map(add))
      const words = ((await read(store, 'words.txt')) ?? '').split(' ').slice(1)
      const added = losesAnswers ? [...new Set(words)] : words
      expect(added.map(Number).toSorted((a, b) => a - b)).toEqual(range(10))
    })

    test('a conditional put succeeds again after a delete', async () => {
      await store.put(key('a'), text('1'), { ...put, ifAbsent: true })
      await store.delete([key('a')], { signal })
      expect(await store.put(key('a'), text('2'), { ...put, ifAbsent: true })).not.toBeNull()
      expect(await read(store, 'a')).toBe('2')
    })

    test('a put that is aborted half-way rejects with the reason and leaves nothing', async () => {
      const stop = new AbortController()
      const reason = new Error('stop')
      const hanging = (async function* () {
        yield randomBytes(1_000_000)
        stop.abort(reason)
        await new Promise(() => {})
      })()
      await expect(store.put(key('a/b'), hanging, { ...put, signal: stop.signal })).rejects.toBe(reason)
      expect(await store.head(key('a/b'), { signal })).toBeNull()
      expect(await listed(store, '')).toEqual([])
    })

    test('an aborted replacement leaves the object as it was', async () => {
      await store.put(key('a'), text('old'), put)
      const stop = new AbortController()
      const body = (async function* () {
        yield text('new')
        stop.abort()
        yield text('newer')
      })()
      await expect(store.put(key('a'), body, { ...put, signal: stop.signal })).rejects.toThrow()
      expect(await read(store, 'a')).toBe('old')
    })

    test('a body that fails passes its error on and leaves nothing', async () => {
      const failure = new Error('the upload broke')
      const body = (async function* () {
        yield text('half')
        throw failure
      })()
      await expect(store.put(key('a'), body, put)).rejects.toBe(failure)
      await expect(store.put(key('a'), failing(failure), { ...put, ifAbsent: true })).rejects.toBe(failure)
      expect(await store.head(key('a'), { signal })).toBeNull()
    })

    test('a call with an aborted signal rejects with the reason', async () => {
      await store.put(key('a'), text('x'), put)
      const reason = new Error('stop')
      const aborted = AbortSignal.abort(reason)
      await expect(store.put(key('b'), text('x'), { ...put, signal: aborted })).rejects.toBe(reason)
      await expect(store.get(key('a'), { signal: aborted })).rejects.toBe(reason)
      await expect(store.head(key('a'), { signal: aborted })).rejects.toBe(reason)
      await expect(store.delete([key('a')], { signal: aborted })).rejects.toBe(reason)
      await expect(listed(store, '', aborted)).rejects.toBe(reason)
      expect(await listed(store, '')).toEqual(['a'])
    })

    test('an abort while reading ends the read with the reason', async () => {
      await store.put(key('a'), randomBytes(2_000_000), put)
      const stop = new AbortController()
      const reason = new Error('stop')
      await using body = await store.get(key('a'), { signal: stop.signal })
      const reading = (async () => {
        for await (const _ of body!.chunks) stop.abort(reason)
      })()
      await expect(reading).rejects.toBe(reason)
    })

    test('a reader may leave early or never start', async () => {
      await store.put(key('a'), randomBytes(2_000_000), put)
      for (let n = 0; n < 50; n += 1) {
        await using left = await store.get(key('a'), { signal })
        for await (const _ of left!.chunks) break
        await using unread = await store.get(key('a'), { signal })
        expect(unread).not.toBeNull()
      }
    })

    test('deleting is idempotent and takes several keys', async () => {
      for (const name of ['x/1', 'x/2', 'x/3']) await store.put(key(name), text(name), put)
      await store.delete([key('x/1'), key('nothing'), key('x/3')], { signal })
      await store.delete([key('x/1'), key('x/3')], { signal })
      await store.delete([], { signal })
      expect(await listed(store, '')).toEqual(['x/2'])
    })

    test('puts and deletes in one folder at once do not disturb each other', async () => {
      await Promise.all(
        range(30).map(async (n) => {
          await store.put(key(`deep/er/${n}`), text(`${n}`), put)
          if (n % 3 !== 0) await store.delete([key(`deep/er/${n}`)], { signal })
        }),
      )
      expect(await listed(store, 'deep/')).toHaveLength(10)
    })

    test('keys are listed in the order of their UTF-8 bytes', async () => {
      const names = [
        'b/1',
        'b-1',
        'b.json',
        'b0',
        'a/z',
        'a/Z',
        'B/1',
        'a/10',
        'a/9',
        'é/1',
        '東/京',
        '\u{1f3ac}',
        '\uffee',
        'b/c/d',
        'b/c-d',
      ]
      await Promise.all(names.map((name) => store.put(key(name), text(name), put)))
      const expected = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      expect(await listed(store, '')).toEqual(expected)
      for (const name of names) expect(await read(store, name)).toBe(name)
    })

    test('a listing has every key that starts with the prefix, at a slash or not', async () => {
      const names = ['s/demo/1.json', 's/demo/2.json', 's/demo-2/1.json', 's/dem', 's/Demo/1.json', 't/demo/1.json']
      for (const name of names) await store.put(key(name), text('x'), put)
      expect(await listed(store, 's/demo/')).toEqual(['s/demo/1.json', 's/demo/2.json'])
      expect(await listed(store, 's/demo')).toEqual(['s/demo-2/1.json', 's/demo/1.json', 's/demo/2.json'])
      expect(await listed(store, 's/dem')).toEqual(['s/dem', 's/demo-2/1.json', 's/demo/1.json', 's/demo/2.json'])
      expect(await listed(store, 's/demo/1.json')).toEqual(['s/demo/1.json'])
      expect(await listed(store, 's')).toHaveLength(5)
      expect(await listed(store, '')).toHaveLength(6)
      for (const nothing of [
        'x',
        's/demo/1.json/',
        's/nobody/',
        '/',
        's//',
        '../',
        '..',
        './',
        '.',
        's/../s/',
        'a\u0000',
      ]) {
        expect(await listed(store, nothing)).toEqual([])
      }
    })

    test('a listing begins after any text, and leaves out what comes before', async () => {
      for (const name of ['a', 's/a/1', 's/b-c/1', 's/b/1', 's/b/2/3', 's/b0', 's/bé/1', 's/c', 't'])
        await store.put(key(name), text(name), put)
      const behind = async (prefix: string, at: string) => {
        const keys: string[] = []
        for await (const info of store.list(prefix, { signal, after: at })) keys.push(info.key)
        return keys
      }
      expect(await behind('s/', 's/b')).toEqual(['s/b-c/1', 's/b/1', 's/b/2/3', 's/b0', 's/bé/1', 's/c'])
      expect(await behind('s/', 's/b/1')).toEqual(['s/b/2/3', 's/b0', 's/bé/1', 's/c'])
      expect(await behind('s/b/', 's/b/2')).toEqual(['s/b/2/3'])
      expect(await behind('s/', 's/b0')).toEqual(['s/bé/1', 's/c'])
      expect(await behind('s/', 's/b\u{10ffff}')).toEqual(['s/c'])
      expect(await behind('s/', 'a')).toHaveLength(7)
      expect(await behind('', 's/b0')).toEqual(['s/bé/1', 's/c', 't'])
      expect(await behind('s/', 't')).toEqual([])
    })

    test('a listing tells what head tells', async () => {
      await store.put(key('a/b'), text('hello'), put)
      const infos: ObjectInfo[] = []
      for await (const each of store.list('a/', { signal })) infos.push(each)
      expect(infos).toEqual([await store.head(key('a/b'), { signal })])
    })

    test('a long listing is complete, and may be left early', async () => {
      await Promise.all(range(250).map((n) => store.put(key(`many/${n}`), text(''), put)))
      expect(await listed(store, 'many/')).toEqual(
        range(250)
          .map((n) => `many/${n}`)
          .sort(),
      )
      for await (const { key: first } of store.list('many/', { signal })) {
        expect(first).toBe('many/0')
        break
      }
    })

    test('awkward names are only names', async () => {
      const names = [
        '.hidden',
        'con',
        'a:b',
        'q?x=1&y="2"',
        'back\\slash',
        'dot.',
        ' space ',
        '%2E%2E',
        '...',
        '~',
        '.tmp/x',
        "it's",
      ]
      await Promise.all(names.map((name) => store.put(key(name), text(name), put)))
      for (const name of names) expect(await read(store, name)).toBe(name)
      expect(await listed(store, '')).toEqual([...names].sort())
      expect(await listed(store, '.')).toEqual(['...', '.hidden', '.tmp/x'])
    })

    test('the longest segment and a long key are taken', async () => {
      const name = [...range(4).map((n) => `${n}`.repeat(200)), 'x'.repeat(200)].join('/')
      await store.put(key(name), text('deep'), put)
      expect(await read(store, name)).toBe('deep')
      expect(await listed(store, name.slice(0, 500))).toEqual([name])
    })
  })
}

function key(name: string): ObjectKey {
  const parsed = parseObjectKey(name)
  if (parsed === null) throw new Error(`not a key: ${name}`)
  return parsed
}

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content)
}

async function* chunks(parts: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* parts
}

// biome-ignore lint/correctness/useYield: fails before its first chunk.
async function* failing(error: Error): AsyncGenerator<Uint8Array> {
  throw error
}

function* split(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let start = 0; start < bytes.byteLength; start += size) yield bytes.subarray(start, start + size)
}

async function collect(body: ObjectBody | null): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const chunk of body?.chunks ?? []) parts.push(chunk)
  return Buffer.concat(parts)
}

async function read(store: ObjectStore, name: string): Promise<string | null> {
  await using body = await store.get(key(name), { signal })
  return body === null ? null : (await collect(body)).toString()
}

async function listed(store: ObjectStore, prefix: string, by: AbortSignal = signal): Promise<string[]> {
  const keys: string[] = []
  for await (const info of store.list(prefix, { signal: by })) keys.push(info.key)
  return keys
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n)
}
