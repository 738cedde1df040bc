import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseObjectKey } from '../../storage/keys.ts'
import { createMemoryStore } from '../../storage/memory-store.ts'
import type { ObjectKey, ObjectStore } from '../../storage/object-store.ts'
import { Scratch } from './scratch.ts'

const { signal } = new AbortController()
const key = parseObjectKey('assets/default/a/original') as ObjectKey
let root = ''
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'mirror-scratch-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

async function storeWith(text: string): Promise<ObjectStore> {
  const store = createMemoryStore({ nowMs: Date.now })
  await store.put(key, Buffer.from(text), { signal, contentType: 'text/plain' })
  return store
}

test('an object is a file as long as somebody works on it', async () => {
  const scratch = await Scratch.open(join(root, 'scratch'))
  const call = { store: await storeWith('bytes'), key, maxBytes: 5, signal }
  expect(await scratch.withObject(call, (path) => readFile(path, 'utf8'))).toBe('bytes')
  await expect(
    scratch.withObject(call, async () => {
      throw new Error('broken')
    }),
  ).rejects.toThrow('broken')
  expect(await readdir(join(root, 'scratch'))).toEqual([])
})

test('an object that is too large, or is not there, is not worked on', async () => {
  const scratch = await Scratch.open(join(root, 'scratch'))
  const never = async (): Promise<never> => {
    throw new Error('worked')
  }
  const store = await storeWith('bytes')
  await expect(scratch.withObject({ store, key, maxBytes: 4, signal }, never)).rejects.toThrow(
    expect.objectContaining({ code: 'content_too_large' }),
  )
  expect(
    await scratch.withObject({ store: createMemoryStore({ nowMs: Date.now }), key, maxBytes: 4, signal }, never),
  ).toBeNull()
  expect(await readdir(join(root, 'scratch'))).toEqual([])
})

test('what a killed process left is gone', async () => {
  await mkdir(join(root, 'scratch', 'old'), { recursive: true })
  await writeFile(join(root, 'scratch', 'old', 'original'), 'x')
  await Scratch.open(join(root, 'scratch'))
  expect(await readdir(join(root, 'scratch'))).toEqual([])
})
