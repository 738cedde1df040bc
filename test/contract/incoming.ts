// What every catalog promises about what was taken of watched objects.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Catalog } from '../../src/catalog/types.ts'
import type { IncomingRow } from '../../src/library/assets/incoming-object.ts'
import { parseObjectKey } from '../../src/storage/keys.ts'

const NOW_MS = 1_795_200_000_000

function row(text: string, change: Partial<IncomingRow> = {}): IncomingRow {
  const key = parseObjectKey(text)
  if (key === null) throw new Error(text)
  return { key, tenantId: 'default', etag: 'e1', sequencer: null, takenAtMs: NOW_MS, ...change }
}

/** `open` gives an empty catalog each time. */
export function incomingContract(name: string, open: () => Promise<Catalog>): void {
  describe(`watched objects on ${name}`, () => {
    let catalog: Catalog

    beforeEach(async () => {
      catalog = await open()
    })
    afterEach(async () => await catalog[Symbol.asyncDispose]())

    test('one is known by its key, and the newest counts', async () => {
      const { incoming } = catalog
      await incoming.put(row('in/default/ü.mp4'))
      const newer = row('in/default/ü.mp4', { etag: 'e2', sequencer: '0055', takenAtMs: NOW_MS + 1 })
      await incoming.put(newer)
      expect(await incoming.get(newer.key)).toEqual(newer)
      expect(await incoming.get(row('in/default/x').key)).toBeNull()
    })

    test('they are listed in key order, below the prefix alone, page by page', async () => {
      const { incoming } = catalog
      const keys = [
        'in/default/a',
        'in/default/Z',
        'in/default/ü',
        'in/default/a/b',
        'in0',
        'in',
        'im/z',
        'in/\u{1F600}',
        'in/\uFF5E',
      ]
      for (const key of keys) await incoming.put(row(key))
      const all = async (after: string, limit: number) =>
        (await incoming.list({ prefix: 'in/', after, limit })).map(({ key }) => key)
      const sorted = ['in/default/Z', 'in/default/a', 'in/default/a/b', 'in/default/ü', 'in/\uFF5E', 'in/\u{1F600}']
      expect(await all('', 10)).toEqual(sorted)
      expect(await all('in/default/a', 2)).toEqual(sorted.slice(2, 4))
      await incoming.remove(sorted.slice(0, 4).map((key) => row(key).key))
      await incoming.remove([])
      expect(await all('', 10)).toEqual(sorted.slice(4))
    })
  })
}
