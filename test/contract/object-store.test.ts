import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { openCatalog } from '../../src/catalog/open-catalog.ts'
import { silentLog } from '../../src/core/log.ts'
import { openFolderStore } from '../../src/storage/folder-store.ts'
import { createMemoryStore } from '../../src/storage/memory-store.ts'
import { openPostgresStore } from '../../src/storage/postgres-store.ts'
import { startPostgres, type TestPostgres } from '../support/postgres.ts'
import { objectStoreContract } from './object-store.ts'

let folder: string
let postgres: TestPostgres

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-store-'))
  postgres = await startPostgres()
}, 30_000)

afterAll(async () => {
  await postgres?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

objectStoreContract('memory', async () => createMemoryStore({ nowMs: Date.now }))
objectStoreContract('a folder', async () => {
  return await openFolderStore(await mkdtemp(join(folder, 'store-')), { randomId: randomUUID })
})
objectStoreContract('PostgreSQL', async () => {
  const url = await postgres.createDatabase()
  // The catalog's migrations make the table.
  await using _catalog = await openCatalog(
    { kind: 'postgres', url },
    { log: silentLog, signal: new AbortController().signal },
  )
  return openPostgresStore(url, { nowMs: Date.now })
})
