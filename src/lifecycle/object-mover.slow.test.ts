import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { LedgerEntry } from '../catalog/ledger-entry.ts'
import { MirrorError } from '../core/errors.ts'
import { openFolderStore } from '../storage/folder-store.ts'
import { parseObjectKey } from '../storage/keys.ts'
import type { ObjectKey } from '../storage/object-store.ts'
import type { TierCopy, TieredStore } from '../storage/tiers.ts'
import { type MoveReport, type MoverHost, moveObjects } from './object-mover.ts'

const call = { signal: new AbortController().signal }
const key = (n: number) => parseObjectKey(`dvr/${n}.m4s`) as ObjectKey
const COUNT = 130

let folder: string
let store: TieredStore
let rows: LedgerEntry[]
let isClaimLost: boolean
let ids = 0

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-mover-'))
  const [warm, cold, archive] = [join(folder, 'warm'), join(folder, 'cold'), join(folder, 'archive')]
  const tiers = { warm, cold, archive, restoreDelayMs: 0 }
  store = await openFolderStore(join(folder, 'hot'), { randomId: () => `id${ids++}`, tiers })
  for (let n = 0; n < COUNT; n += 1) await store.put(key(n), Buffer.from(`${n}`), { ...call, contentType: 'video/mp4' })
  rows = []
  isClaimLost = false
})

afterEach(async () => {
  await rm(folder, { recursive: true })
})

async function move(change: Partial<TieredStore> = {}, signal = call.signal): Promise<MoveReport> {
  const { copyToTier, release } = {
    copyToTier: store.copyToTier.bind(store),
    release: store.release.bind(store),
    ...change,
  }
  const ledger: MoverHost['ledger'] = {
    append: async (entries) => {
      if (isClaimLost) return false
      rows.push(...entries)
      return true
    },
    history: async () => [],
    keysOf: async () => [],
    trim: async () => 0,
  }
  const objects = Array.from({ length: COUNT }, (_, n) => ({ key: key(n), sha256: null }))
  const order = {
    to: 'cold',
    streamId: 'demo',
    claim: { id: 'j', fence: 1 },
    attempt: 1,
    onProgress: () => {},
  } as const
  return await moveObjects({ store: { copyToTier, release }, ledger, now: () => 0 }, objects, order, { signal })
}

const tierOf = async (n: number) => (await store.head(key(n), call))?.tier ?? 'hot'
const statesOf = (n: number) => rows.filter((row) => row.key === key(n)).map(({ state }) => state)

test('nothing is copied before its intent is written, and nothing released before it is written down as verified', async () => {
  const report = await move({
    copyToTier: async (of, to, by) => {
      expect(rows.some((row) => row.key === of && row.state === 'intent')).toBe(true)
      return await store.copyToTier(of, to, by)
    },
    release: async (copy: TierCopy, by) => {
      expect(rows.some((row) => row.key === copy.key && row.state === 'verified')).toBe(true)
      return await store.release(copy, by)
    },
  })
  expect(report).toMatchObject({ moved: COUNT, alreadyThere: 0, gone: 0, failed: 0, failures: [] })
  expect([statesOf(0), statesOf(COUNT - 1)]).toEqual([
    ['intent', 'verified', 'done'],
    ['intent', 'verified', 'done'],
  ])
})

test('whoever has lost the job touches nothing more', async () => {
  let copies = 0
  const copyToTier: TieredStore['copyToTier'] = async (of, to, by) => {
    copies += 1
    if (copies === 40) isClaimLost = true
    return await store.copyToTier(of, to, by)
  }
  await expect(move({ copyToTier })).rejects.toMatchObject({ code: 'job_abandoned' })
  // The first batch was copied and not released: it is read as before, and may be copied again.
  expect([copies, await tierOf(0), await tierOf(100)]).toEqual([64, 'hot', 'hot'])
  isClaimLost = false
  expect(await move()).toMatchObject({ moved: COUNT })
  expect(await tierOf(0)).toBe('cold')
})

test('one object that cannot be moved keeps no other from it; what nothing can be done about ends the job', async () => {
  const failing = (code: 'object_archived' | 'store_unavailable', of: ObjectKey): Partial<TieredStore> => ({
    copyToTier: async (each, to, by) => {
      if (each === of) throw new MirrorError(code, 'no')
      return await store.copyToTier(each, to, by)
    },
  })
  const report = await move(failing('object_archived', key(3)))
  expect(report).toMatchObject({ moved: COUNT - 1, failed: 1, failures: [{ key: key(3), message: 'no' }] })
  expect(statesOf(3)).toEqual(['intent', 'failed'])
  await expect(move(failing('store_unavailable', key(3)))).rejects.toMatchObject({ code: 'store_unavailable' })
  expect(statesOf(3)).toEqual(['intent', 'failed', 'intent', 'failed'])
  expect(statesOf(100)).toEqual(['intent', 'verified', 'done'])
})

test('what was deleted before its turn, or while it was copied, is not brought back', async () => {
  await store.delete([key(1)], call)
  const report = await move({
    release: async (copy, by) => {
      if (copy.key === key(2)) await store.delete([key(2)], call)
      return await store.release(copy, by)
    },
  })
  expect(report).toMatchObject({ moved: COUNT - 2, gone: 2, failed: 0 })
  expect([await store.head(key(1), call), await store.head(key(2), call)]).toEqual([null, null])
  expect(statesOf(2)).toEqual(['intent', 'verified', 'failed'])
})

test('a job that is cancelled stops, and leaves every object in one tier', async () => {
  const cancelled = new AbortController()
  let copies = 0
  const copyToTier: TieredStore['copyToTier'] = async (of, to, by) => {
    copies += 1
    if (copies === 80) cancelled.abort(new Error('cancelled'))
    return await store.copyToTier(of, to, by)
  }
  await expect(move({ copyToTier }, cancelled.signal)).rejects.toThrow('cancelled')
  expect([await tierOf(0), await tierOf(COUNT - 1)]).toEqual(['cold', 'hot'])
  const lying = await Promise.all(['hot', 'cold'].map(async (tier) => await readdir(join(folder, tier, 'dvr'))))
  expect(lying.flat()).toHaveLength(COUNT)
  expect(new Set(lying.flat()).size).toBe(COUNT)
})
