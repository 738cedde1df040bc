// What a catalog promises about uploaded content, whatever database is below it.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AssetFilter, Catalog } from '../../src/catalog/types.ts'
import type { AssetRow, RenditionRow } from '../../src/library/assets/asset.ts'
import { searchWords } from '../../src/library/assets/search-words.ts'

const NOW_MS = 1_795_200_000_000

export function asset(id: string, change: Partial<AssetRow> = {}): AssetRow {
  return {
    ...{ id, tenantId: 'default', kind: 'image', name: `Bild ${id}.jpg`, extension: 'jpg', folder: '' },
    ...{ format: 'jpeg', contentType: 'image/jpeg', sizeBytes: 5_000_000_000, sha256: `sha-${id}` },
    ...{ status: 'pending', step: null, failure: null, tags: [], metadata: { note: 'ü', list: [1, null] }, facts: {} },
    ...{ uploadedAtMs: NOW_MS, processedAtMs: null, deletedAtMs: null, updatedAtMs: NOW_MS },
    ...change,
  }
}

export function rendition(assetId: string, name: string, change: Partial<RenditionRow> = {}): RenditionRow {
  return {
    ...{ assetId, tenantId: 'default', name, objectKey: `assets/default/${assetId}/${name}-1/${name}.jpg` },
    ...{ contentType: 'image/jpeg', sizeBytes: 7, sha256: 'r', width: 150, height: null, createdAtMs: NOW_MS },
    ...change,
  }
}

export function assetContract(name: string, open: () => Promise<Catalog>): void {
  describe(`uploaded content on ${name}`, () => {
    let catalog: Catalog
    const assets = () => catalog.assets
    const ids = (rows: readonly { readonly id: string }[]) => rows.map(({ id }) => id)
    const found = async (filter: Partial<AssetFilter>) =>
      ids(await assets().list({ tenantId: 'default', limit: 99, ...filter }))

    beforeEach(async () => {
      catalog = await open()
    })
    afterEach(() => catalog[Symbol.asyncDispose]())

    /** A job that runs, and the right to act for it. */
    async function claimed(id: string) {
      await catalog.jobs.add({ id, kind: 'asset', payload: {} }, NOW_MS)
      const job = await catalog.jobs.claim({ kinds: ['asset'], owner: 'me', nowMs: NOW_MS, leaseMs: 1000 })
      return { id, fence: job?.fence ?? 0 }
    }

    test('one comes back as it was kept, to its own tenant and nobody else', async () => {
      const row = asset('a', { tags: ['rot', 'blau'], folder: 'x/ü', facts: { width: 3 } })
      expect(await assets().add(row)).toEqual({ asset: row, isNew: true })
      expect(await assets().get('default', 'a')).toEqual(row)
      const claim = await claimed('j')
      const stranger = { tenantId: 'other', id: 'a' }
      expect(await assets().get('other', 'a')).toBeNull()
      expect(await assets().edit('other', 'a', { name: 'mine' }, NOW_MS)).toBeNull()
      expect(await assets().trash('other', 'a', NOW_MS)).toBeNull()
      expect(await assets().advance(stranger, { status: 'ready' }, { nowMs: NOW_MS })).toBeNull()
      expect(await assets().saveRendition(rendition('a', 'x', { tenantId: 'other' }), claim)).toBe(false)
      for (const filter of [{}, { words: ['bild'] }, { tags: ['rot'] }, { isTrash: true }]) {
        expect(await assets().list({ tenantId: 'other', limit: 9, ...filter })).toEqual([])
      }
      await assets().saveRendition(rendition('a', 'thumbnail'), claim)
      expect(await assets().renditions('other', ['a'])).toEqual([])
      await assets().trash('default', 'a', NOW_MS)
      expect(await assets().restore('other', 'a', NOW_MS)).toBeNull()
      expect(await assets().remove('other', 'a')).toBe(false)
    })

    test('the same bytes are one asset of a tenant, however many bring them at once', async () => {
      const added = await Promise.all(
        Array.from({ length: 8 }, (_, n) => assets().add(asset(`n${n}`, { sha256: 'same', tags: [`t${n}`] }))),
      )
      const winner = added.find(({ isNew }) => isNew)?.asset
      expect(added.filter(({ isNew }) => isNew)).toHaveLength(1)
      for (const { asset: each } of added) expect(each).toEqual(winner)
      expect((await assets().add(asset('theirs', { tenantId: 'other', sha256: 'same' }))).isNew).toBe(true)
      expect(await found({})).toEqual([winner?.id])
      expect((await assets().add(asset('new', { sha256: 'else' }))).isNew).toBe(true)
    })

    test('they are listed newest first from the last one seen, and nothing comes twice', async () => {
      for (let n = 0; n < 7; n += 1) await assets().add(asset(`a${n}`))
      const seen: string[] = []
      for (let before: string | undefined; ; ) {
        const page = await assets().list({ tenantId: 'default', limit: 2, ...(before === undefined ? {} : { before }) })
        if (page.length === 0) break
        seen.push(...ids(page))
        before = page.at(-1)?.id
        await assets().add(asset(`late${seen.length}`))
      }
      expect(seen).toEqual(['a6', 'a5', 'a4', 'a3', 'a2', 'a1', 'a0'])
      expect(await assets().list({ tenantId: 'default', limit: 2, before: 'gone' })).toEqual([])
    })

    test('folders and tags are listed once each, in order, without those of the trash and of other tenants', async () => {
      await assets().add(asset('a', { tags: ['red', 'big'], folder: 'x' }))
      await assets().add(asset('b', { tags: ['red'], folder: 'x' }))
      await assets().add(asset('c', { tags: ['blue'], folder: '' }))
      await assets().add(asset('d', { tags: ['gone'], folder: 'gone' }))
      await assets().add(asset('e', { tags: ['theirs'], folder: 'theirs', tenantId: 'other' }))
      await assets().trash('default', 'd', NOW_MS)
      expect(await assets().labels('default', 9)).toEqual({ folders: ['', 'x'], tags: ['big', 'blue', 'red'] })
      expect(await assets().labels('default', 1)).toEqual({ folders: [''], tags: ['big'] })
      expect(await assets().labels('nobody', 9)).toEqual({ folders: [], tags: [] })
    })

    test('they are found by kind, status, folder, tags, size and time', async () => {
      await assets().add(asset('a', { tags: ['red', 'big'], folder: 'x', sizeBytes: 10 }))
      await assets().add(asset('b', { kind: 'video', tags: ['red'], folder: 'x/y', uploadedAtMs: NOW_MS + 10 }))
      await assets().add(asset('c', { status: 'failed', uploadedAtMs: NOW_MS + 20 }))
      expect(await found({ kind: 'video' })).toEqual(['b'])
      expect(await found({ status: 'failed' })).toEqual(['c'])
      expect(await found({ folder: 'x' })).toEqual(['a'])
      expect(await found({ folder: '' })).toEqual(['c'])
      expect(await found({ tags: ['red'] })).toEqual(['b', 'a'])
      expect(await found({ tags: ['red', 'big'] })).toEqual(['a'])
      expect(await found({ tags: ['red"; --'] })).toEqual([])
      expect(await found({ minBytes: 10, maxBytes: 10 })).toEqual(['a'])
      expect(await found({ fromMs: NOW_MS + 10, toMs: NOW_MS + 20 })).toEqual(['b'])
    })

    test('words find names and tags by their beginnings, alike in every script, and follow each change', async () => {
      await assets().add(asset('c', { name: 'Ö' }))
      await assets().add(asset('b', { name: 'überfall 1e5 x.y', tags: ['日本語', "o'clock"] }))
      await assets().add(asset('a', { name: 'Überfahrt_2026-final.JPG', tags: ['Straße'] }))
      const search = (text: string) => found({ words: searchWords([text]) })
      expect(await search('uberf')).toEqual(['a', 'b'])
      expect(await search('ÜBERFAHRT final')).toEqual(['a'])
      expect(await search('strasse jpg')).toEqual(['a'])
      expect(await search('日本')).toEqual(['b'])
      for (const text of ['1e5', "o'clock", 'y x', 'clock']) expect(await search(text), text).toEqual(['b'])
      expect(await search('o')).toEqual(['b', 'c'])
      for (const text of ['fahrt', 'berf', 'a and', 'not', 'uberfahrt überfall'])
        expect(await search(text), text).toEqual([])
      expect(await search('')).toHaveLength(3)
      expect(await found({ words: ['o'], tags: ['日本語'] })).toEqual(['b'])
      await assets().edit('default', 'a', { name: 'anders' }, NOW_MS)
      await assets().edit('default', 'b', { tags: ['neu'] }, NOW_MS)
      await assets().trash('default', 'c', NOW_MS)
      expect(await search('uberfahrt')).toEqual([])
      expect([await search('ander stra'), await search('neu'), await search('日本'), await search('o')]).toEqual([
        ...[['a'], ['b'], [], []],
      ])
      expect(await found({ tags: ['日本語'] })).toEqual([])
      expect(await found({ words: ['o'], isTrash: true })).toEqual(['c'])
    })

    test('an edit says nothing of what it does not name', async () => {
      await assets().add(asset('a', { tags: ['one'] }))
      const edited = await assets().edit('default', 'a', { folder: 'x', metadata: { b: 1 } }, NOW_MS + 1)
      expect(edited).toEqual(asset('a', { tags: ['one'], folder: 'x', metadata: { b: 1 }, updatedAtMs: NOW_MS + 1 }))
      expect(await assets().get('default', 'a')).toEqual(edited)
      expect(await assets().edit('default', 'none', { folder: 'x' }, NOW_MS)).toBeNull()
    })

    test('processing moves one on, and a worker that lost its job changes nothing', async () => {
      await assets().add(asset('a'))
      const late = await claimed('j')
      const job = await catalog.jobs.claim({ kinds: ['asset'], owner: 'you', nowMs: NOW_MS + 2000, leaseMs: 1000 })
      const claim = { id: 'j', fence: job?.fence ?? 0 }
      const step = { name: 'avif', index: 5, count: 5 }
      const change = { status: 'processing', step, facts: { width: 4 } } as const
      expect(await assets().advance(asset('a'), change, { nowMs: NOW_MS, claim: late })).toBeNull()
      expect(await assets().saveRendition(rendition('a', 'avif'), late)).toBe(false)
      expect(await assets().advance(asset('a'), change, { nowMs: NOW_MS + 1, claim })).toEqual(
        asset('a', { ...change, updatedAtMs: NOW_MS + 1 }),
      )
      expect(await assets().saveRendition(rendition('a', 'avif'), claim)).toBe(true)
      const again = rendition('a', 'avif', { sha256: 'other', objectKey: 'assets/default/a/avif-2/avif.avif' })
      expect(await assets().saveRendition(again, claim)).toBe(true)
      expect(await assets().saveRendition(rendition('none', 'avif'), claim)).toBe(false)
      expect(await assets().renditions('default', ['a', 'b'])).toEqual([again])
      expect(await assets().removeRendition('other', 'a', 'avif')).toBe(false)
      expect(await assets().removeRendition('default', 'a', 'webp')).toBe(false)
      expect(await assets().removeRendition('default', 'a', 'avif')).toBe(true)
      expect(await assets().renditions('default', ['a'])).toEqual([])
      expect(ids(await assets().unfinished(9))).toEqual(['a'])
      const failure = { step: 'avif', code: 'content_damaged', message: 'ö' }
      const failed = { status: 'failed', step: null, failure, processedAtMs: NOW_MS } as const
      expect(await assets().advance(asset('a'), failed, { nowMs: NOW_MS, from: ['ready'] })).toBeNull()
      expect(await assets().advance(asset('a'), failed, { nowMs: NOW_MS, from: ['processing'] })).toMatchObject(failed)
      expect(await assets().unfinished(9)).toEqual([])
    })

    test('what is in the trash is listed apart, comes back once, and is not changed meanwhile', async () => {
      await assets().add(asset('a'))
      expect((await assets().trash('default', 'a', NOW_MS + 1))?.deletedAtMs).toBe(NOW_MS + 1)
      expect(await assets().trash('default', 'a', NOW_MS + 2)).toBeNull()
      expect([await found({}), await found({ isTrash: true })]).toEqual([[], ['a']])
      expect(await assets().edit('default', 'a', { name: 'x' }, NOW_MS)).toBeNull()
      expect((await assets().add(asset('b', { sha256: 'sha-a' }))).asset.deletedAtMs).toBe(NOW_MS + 1)
      expect((await assets().restore('default', 'a', NOW_MS + 3))?.deletedAtMs).toBeNull()
      expect(await assets().restore('default', 'a', NOW_MS + 3)).toBeNull()
      expect(await found({})).toEqual(['a'])
    })

    test('what was taken for good is seen by nobody, and its bytes may come in anew', async () => {
      for (const id of ['old', 'older', 'young', 'live']) await assets().add(asset(id, { tags: ['x'] }))
      await assets().trash('default', 'old', NOW_MS + 2)
      await assets().trash('default', 'older', NOW_MS + 1)
      await assets().trash('default', 'young', NOW_MS + 3)
      await assets().saveRendition(rendition('old', 'thumbnail'), await claimed('j'))
      expect(await assets().remove('default', 'old')).toBe(false)
      expect(ids(await assets().takePurged(NOW_MS + 3, 1))).toEqual(['older'])
      expect(ids(await assets().takePurged(NOW_MS + 3, 9))).toEqual(['older', 'old'])
      expect(await assets().get('default', 'old')).toBeNull()
      expect(await assets().restore('default', 'old', NOW_MS)).toBeNull()
      expect(await found({ isTrash: true })).toEqual(['young'])
      expect((await assets().add(asset('again', { sha256: 'sha-old' }))).isNew).toBe(true)
      expect(await assets().remove('default', 'old')).toBe(true)
      expect(await assets().remove('default', 'old')).toBe(false)
      expect(await assets().renditions('default', ['old'])).toEqual([])
      expect(await found({ words: ['bild'] })).toEqual(['again', 'live'])
    })
  })
}
