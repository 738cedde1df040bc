import { expect, test } from 'vitest'
import type { JobRow } from '../../jobs/types.ts'
import { directUploadKey } from '../../storage/keys.ts'
import { createMemoryStore } from '../../storage/memory-store.ts'
import { KEEP_DIRECT_MS, tidyDirectJob } from './tidy-direct-job.ts'

const signal = new AbortController().signal
const DAY_MS = 86_400_000

test('what is completed in the last moment has a day until it is swept', async () => {
  const store = createMemoryStore({ nowMs: () => 0 })
  await store.put(directUploadKey('default', 'a'), Buffer.from('text'), { contentType: 'text/plain', signal })
  const sweptAt = async (atMs: number) => {
    const sweep = async (_prefix: string, { beforeMs }: { readonly beforeMs: number }) => beforeMs
    const job = tidyDirectJob({ store, direct: { sweep }, now: () => atMs })
    return await job.run({ job: {} as JobRow, claim: { id: '', fence: 0 }, signal, progress() {} })
  }
  expect(await sweptAt(KEEP_DIRECT_MS + 1)).toMatchObject({ objects: 0 })
  expect(await sweptAt(KEEP_DIRECT_MS + DAY_MS)).toEqual({ objects: 0, uploads: 0 })
  expect(await sweptAt(KEEP_DIRECT_MS + DAY_MS + 1)).toEqual({ objects: 1, uploads: 1 })
})
