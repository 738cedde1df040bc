import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { silentLog } from '../../core/log.ts'
import type { AssetRow } from './asset.ts'
import { SizeMaker } from './size-maker.ts'

let scratchDir: string

beforeAll(async () => {
  scratchDir = await mkdtemp(join(tmpdir(), 'mirror-sizes-'))
})

afterAll(async () => {
  await rm(scratchDir, { recursive: true, force: true })
})

const asset = (id: string, change: Partial<AssetRow> = {}): AssetRow => ({
  ...{ id, tenantId: 'default', kind: 'image', name: 'a.png', extension: 'png', folder: '', format: 'png' },
  ...{ contentType: 'image/png', sizeBytes: 1, sha256: id, status: 'ready', step: null, failure: null, tags: [] },
  ...{ metadata: {}, facts: { width: 9, height: 9 }, uploadedAtMs: 0, processedAtMs: 0, deletedAtMs: null },
  ...{ updatedAtMs: 0, ...change },
})

/** Over a store that does not answer until whoever asks gives up. */
function waitingMaker() {
  let asked = 0
  const maker = new SizeMaker({
    assets: { saveRendition: async () => true, renditions: async () => [] },
    store: {
      put: async () => null,
      get: async (_key, { signal }) => {
        asked += 1
        return await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      },
    },
    ...{ scratchDir, spawn, log: silentLog, now: () => 0 },
  })
  return { maker, asked: () => asked }
}

test('sixteen wait, one more is told to come back, and whoever leaves frees a place', async () => {
  const { maker, asked } = waitingMaker()
  const leave = new AbortController()
  const waiting = Array.from({ length: 16 }, (_, n) => maker.make(asset(`a${n}`), 'fit-320-webp', leave.signal))
  const also = maker.make(asset('a0'), 'fit-320-webp', leave.signal)
  await expect(maker.make(asset('late'), 'fit-320-webp', leave.signal)).rejects.toMatchObject({
    code: 'processing_busy',
  })
  await expect.poll(asked).toBe(1)
  leave.abort(new Error('left'))
  const ended = await Promise.allSettled([...waiting, also])
  expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(['rejected']))
  const next = new AbortController()
  const again = maker.make(asset('late'), 'fit-320-webp', next.signal)
  await expect.poll(asked).toBe(2)
  next.abort(new Error('left, too'))
  await expect(again).rejects.toThrow('left, too')
})

test('what is no picture, is not ready, or is no size of the list is not read at all', async () => {
  const { maker, asked } = waitingMaker()
  const { signal } = new AbortController()
  for (const [row, name] of [
    [asset('a', { kind: 'video' }), 'fit-320-webp'],
    [asset('a', { status: 'failed' }), 'fit-320-webp'],
    [asset('a'), 'fit-321-webp'],
  ] as const) {
    expect(await maker.make(row, name, signal)).toBeNull()
  }
  expect(asked()).toBe(0)
})
