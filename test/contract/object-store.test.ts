import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { openFolderStore } from '../../src/storage/folder-store.ts'
import { createMemoryStore } from '../../src/storage/memory-store.ts'
import { objectStoreContract } from './object-store.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-store-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

objectStoreContract('memory', async () => createMemoryStore({ nowMs: Date.now }))
objectStoreContract('a folder', async () => {
  return await openFolderStore(await mkdtemp(join(folder, 'store-')), { randomId: randomUUID })
})
