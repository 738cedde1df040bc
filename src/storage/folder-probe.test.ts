import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { judgeStore, renderMatrix } from './capabilities.ts'
import { probeFolder } from './folder-probe.ts'

const host = { signal: new AbortController().signal, nowMs: Date.now, randomId: randomUUID }
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-folder-probe-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

test('a folder on a local disk can do all that folders can, and nothing of the probe is left', async () => {
  const matrix = await probeFolder(folder, host)
  expect(judgeStore(matrix)).toEqual({ isUsable: true, isArbiter: true, advice: [] })
  expect(matrix.answers.write.note).toMatch(/^\d+\.\d GiB free$/)
  expect(matrix.answers.cors.outcome).toBe('none')
  expect(renderMatrix(matrix)).not.toContain('CORS')
  expect(await readdir(folder)).toEqual(['.tmp'])
})

test('a folder that is not there is not made, and is told from a file', async () => {
  const missing = await probeFolder(join(folder, 'typo'), host)
  expect(judgeStore(missing).isUsable).toBe(false)
  expect(missing.answers.reach).toEqual({
    outcome: 'no',
    note: 'there is no such folder: make it, or mount its disk',
  })
  expect(await readdir(folder)).toEqual([])
  await writeFile(join(folder, 'file'), '')
  expect((await probeFolder(join(folder, 'file'), host)).answers.reach.note).toBe('it is a file')
})

test('an abort ends a probe with its reason', async () => {
  const reason = new Error('stop')
  await expect(probeFolder(folder, { ...host, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
})
