// What every store promises that keeps objects in tiers.
import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { collect } from '../../src/storage/collect.ts'
import { parseObjectKey } from '../../src/storage/keys.ts'
import type { ObjectBody, ObjectKey } from '../../src/storage/object-store.ts'
import type { Tier, TieredStore } from '../../src/storage/tiers.ts'

const signal = new AbortController().signal
const call = { signal }
const put = { signal, contentType: 'application/octet-stream' }

/** `open` gives an empty store each time; `colder`: the tiers below hot that can be read at once. */
export function tieredStoreContract(
  name: string,
  open: () => Promise<TieredStore>,
  { colder }: { readonly colder: readonly [Tier, ...Tier[]] },
): void {
  describe(`tiers in ${name}`, () => {
    let store: TieredStore

    beforeEach(async () => {
      store = await open()
    })

    afterEach(async () => {
      await store[Symbol.asyncDispose]()
    })

    const read = async (name: string): Promise<Buffer | null> => {
      const body = await store.get(key(name), call)
      if (body === null) return null
      await using open = body
      return await bytesOf(open)
    }
    const move = async (name: string, to: Tier): Promise<void> => {
      const copy = await store.copyToTier(key(name), to, call)
      expect(copy).toMatchObject({ key: name, to })
      expect(copy !== null && (await store.release(copy, call))).toBe(true)
    }
    const tierOf = async (name: string) => {
      const info = await store.head(key(name), call)
      return info === null ? null : (info.tier ?? 'hot')
    }

    test('an object is read by its key, whatever its tier, down and up again', async () => {
      const bytes = randomBytes(700_000)
      await store.put(key('dvr/a.m4s'), bytes, put)
      for (const tier of [...colder, ...colder.toReversed(), 'hot'] as const) {
        await move('dvr/a.m4s', tier)
        expect(await tierOf('dvr/a.m4s')).toBe(tier)
        expect((await read('dvr/a.m4s'))?.equals(bytes)).toBe(true)
        await using part = await store.get(key('dvr/a.m4s'), { ...call, range: { start: 10, end: 20 } })
        expect(await bytesOf(part)).toEqual(bytes.subarray(10, 20))
        expect(part?.info).toEqual(await store.head(key('dvr/a.m4s'), call))
      }
    })

    test('a copy that is not released yet changes nothing for readers, and can be made again', async () => {
      await store.put(key('a'), text('body'), put)
      await store.copyToTier(key('a'), colder[0], call)
      expect((await read('a'))?.toString()).toBe('body')
      expect(await listed(store, '')).toEqual(['a'])
      await move('a', colder[0])
      await move('a', colder[0])
      expect([await tierOf('a'), (await read('a'))?.toString()]).toEqual([colder[0], 'body'])
    })

    test('a listing has every object once, in key order, with its tier', async () => {
      const names = ['a/1', 'a/2', 'a/20/x', 'a/3', 'b']
      for (const name of names) await store.put(key(name), text(name), put)
      await move('a/2', colder[0])
      await move('b', colder.at(-1) ?? 'warm')
      await store.copyToTier(key('a/3'), colder[0], call)
      expect(await listed(store, '')).toEqual(names)
      expect(await listed(store, 'a/2')).toEqual(['a/2', 'a/20/x'])
      for await (const info of store.list('a/2', call)) {
        expect(info.tier ?? 'hot').toBe(info.key === 'a/2' ? colder[0] : 'hot')
      }
    })

    test('what is deleted is gone from every tier, and cannot be moved', async () => {
      await store.put(key('a'), text('1'), put)
      await store.put(key('b'), text('2'), put)
      await move('a', colder[0])
      await store.copyToTier(key('b'), colder[0], call)
      await store.delete([key('a'), key('b')], call)
      expect([await read('a'), await read('b'), await listed(store, '')]).toEqual([null, null, []])
      expect(await store.copyToTier(key('a'), colder[0], call)).toBeNull()
    })

    test('a put replaces an object wherever it is, and new ones are hot', async () => {
      await store.put(key('a'), text('old'), put)
      await move('a', colder[0])
      expect(await store.put(key('a'), text('nobody'), { ...put, ifAbsent: true })).toBeNull()
      await store.put(key('a'), text('new'), put)
      expect([(await read('a'))?.toString(), await tierOf('a')]).toEqual(['new', 'hot'])
      await store.delete([key('a')], call)
      expect(await read('a')).toBeNull()
    })

    test('an object in a colder tier is replaced by whoever knows what it is', async () => {
      await store.put(key('a'), text('1'), put)
      await move('a', colder[0])
      const etag = (await store.head(key('a'), call))?.etag ?? ''
      expect(await store.put(key('a'), text('2'), { ...put, ifMatch: 'another' })).toBeNull()
      expect(await store.put(key('a'), text('2'), { ...put, ifMatch: etag })).not.toBeNull()
      expect((await read('a'))?.toString()).toBe('2')
    })

    test('readers find every object all the while it moves to and fro', async () => {
      await store.put(key('a'), text('always there'), put)
      let isMoving = true
      const moving = (async () => {
        for (let round = 0; round < 5; round += 1) for (const tier of [...colder, 'hot'] as const) await move('a', tier)
        isMoving = false
      })()
      let reads = 0
      while (isMoving) {
        expect((await read('a'))?.toString()).toBe('always there')
        expect(await listed(store, '')).toEqual(['a'])
        reads += 1
      }
      await moving
      expect(reads).toBeGreaterThan(3)
    })

    test('of several that move one object to different tiers it ends in one of them', async () => {
      const bytes = randomBytes(100_000)
      await store.put(key('a'), bytes, put)
      const tiers = [...colder, ...colder]
      await Promise.all(
        tiers.map(async (tier) => {
          const copy = await store.copyToTier(key('a'), tier, call)
          if (copy !== null) await store.release(copy, call)
        }),
      )
      expect(colder).toContain(await tierOf('a'))
      expect((await read('a'))?.equals(bytes)).toBe(true)
      await store.delete([key('a')], call)
      expect(await read('a')).toBeNull()
    })

    test('a move that was overtaken by another comes late to its release, and takes nothing away', async () => {
      const [below] = colder
      await store.put(key('a'), text('body'), put)
      await move('a', below)
      const slow = await store.copyToTier(key('a'), 'hot', call)
      await move('a', 'hot')
      if (slow !== null) await store.release(slow, call)
      expect((await read('a'))?.toString()).toBe('body')
      expect(await tierOf('a')).toBe('hot')
      // And against the other direction.
      await move('a', below)
      const up = await store.copyToTier(key('a'), 'hot', call)
      const down = await store.copyToTier(key('a'), below, call)
      for (const copy of [up, down]) if (copy !== null) await store.release(copy, call)
      expect((await read('a'))?.toString()).toBe('body')
    })

    test('what needs no restore is restored without end', async () => {
      await store.put(key('a'), text('x'), put)
      expect(await store.restore(key('a'), { ...call, keepMs: 1000 })).toEqual({ kind: 'restored', untilMs: null })
      expect(await store.restore(key('none'), { ...call, keepMs: 1000 })).toBeNull()
    })
  })
}

export function key(name: string): ObjectKey {
  const parsed = parseObjectKey(name)
  if (parsed === null) throw new Error(`not a key: ${name}`)
  return parsed
}

export async function bytesOf(body: Pick<ObjectBody, 'chunks'> | null): Promise<Buffer> {
  return body === null ? Buffer.alloc(0) : Buffer.from(await collect(body.chunks))
}

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content)
}

async function listed(store: TieredStore, prefix: string): Promise<string[]> {
  const keys: string[] = []
  for await (const info of store.list(prefix, call)) keys.push(info.key)
  return keys
}
