import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { atPath } from './folder-errors.ts'
import { listFolder } from './folder-listing.ts'
import { decodeName, encodeSegment } from './folder-paths.ts'
import { openFolderStore } from './folder-store.ts'
import { parseObjectKey } from './keys.ts'
import type { ObjectKey, ObjectStore } from './object-store.ts'

const signal = new AbortController().signal
const put = { signal, contentType: 'text/plain' }
let root: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'mirror-folder-store-'))
})

afterEach(async () => {
  await rm(root, { recursive: true, force: true })
})

function open(folder = root): Promise<ObjectStore> {
  return openFolderStore(folder, { randomId: randomUUID })
}

function key(text: string): ObjectKey {
  return parseObjectKey(text)!
}

test('an object lies under its key as a plain file', async () => {
  await using store = await open()
  await store.put(key('timeline/default/demo/1.json'), Buffer.from('{}'), put)
  expect((await stat(join(root, 'timeline/default/demo/1.json'))).size).toBe(2)
})

test('etags and objects survive a restart, and what a crash left is swept', async () => {
  const first = await open()
  const info = await first.put(key('a'), Buffer.from('x'), put)
  await first[Symbol.asyncDispose]()
  await writeFile(join(root, '.tmp', 'left-over'), 'half')
  const longAgo = new Date(Date.now() - 2 * 86_400_000)
  await utimes(join(root, '.tmp', 'left-over'), longAgo, longAgo)
  await writeFile(join(root, '.tmp', 'of-another-process'), 'half')
  await using second = await open()
  expect(await second.head(key('a'), { signal })).toEqual(info)
  expect(await readdir(join(root, '.tmp'))).toEqual(['of-another-process'])
})

test('winners, losers, failures and aborts leave no temporary file', async () => {
  await using store = await open()
  const bodies = Array.from({ length: 10 }, (_, n) => Buffer.from(`${n}`))
  await Promise.all(bodies.map((body) => store.put(key('a'), body, { ...put, ifAbsent: true })))
  await store.put(key('a'), Buffer.from('x'), put)
  const failing = (async function* () {
    yield Buffer.from('x')
    throw new Error('broken')
  })()
  await expect(store.put(key('b'), failing, put)).rejects.toThrow('broken')
  const stop = new AbortController()
  const aborting = (async function* () {
    yield Buffer.from('x')
    stop.abort()
  })()
  await expect(store.put(key('b'), aborting, { ...put, signal: stop.signal })).rejects.toThrow()
  expect(await readdir(join(root, '.tmp'))).toEqual([])
})

test('a delete removes folders that became empty, and no others', async () => {
  await using store = await open()
  await store.put(key('a/b/c/1'), Buffer.from('x'), put)
  await store.put(key('a/2'), Buffer.from('x'), put)
  await store.delete([key('a/b/c/1')], { signal })
  expect(await readdir(join(root, 'a'))).toEqual(['2'])
  await store.delete([key('a/2')], { signal })
  expect(await readdir(root)).toEqual(['.tmp'])
})

test('foreign files and links are not listed', async () => {
  await using store = await open()
  await store.put(key('a'), Buffer.from('x'), put)
  await writeFile(join(root, '.DS_Store'), 'x')
  await writeFile(join(root, 'what?'), 'x')
  const keys: string[] = []
  for await (const info of store.list('', { signal })) keys.push(info.key)
  expect(keys).toEqual(['a'])
})

test('a store whose disk went away is unavailable, not empty', async () => {
  await using store = await open()
  await store.put(key('a'), Buffer.from('x'), put)
  await rename(root, `${root}-gone`)
  await mkdir(root) // The mount point of a disk that is not mounted.
  try {
    const unavailable = { code: 'store_unavailable', message: expect.stringContaining(root) }
    await expect(store.get(key('a'), { signal })).rejects.toMatchObject(unavailable)
    await expect(store.head(key('a'), { signal })).rejects.toMatchObject(unavailable)
    await expect(store.list('', { signal })[Symbol.asyncIterator]().next()).rejects.toMatchObject(unavailable)
    await expect(store.put(key('a'), Buffer.from('x'), put)).rejects.toMatchObject(unavailable)
    await expect(store.delete([key('a')], { signal })).rejects.toMatchObject(unavailable)
    expect(await readdir(root)).toEqual([])
  } finally {
    await rm(`${root}-gone`, { recursive: true, force: true })
  }
})

test('a full disk is named with its path and what to do', async () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' })
  await expect(atPath('/mnt/store/.tmp/1', () => Promise.reject(full))).rejects.toMatchObject({
    code: 'store_unavailable',
    message: '/mnt/store/.tmp/1: the disk is full: free space or attach a larger disk',
    cause: full,
  })
})

test('a folder that cannot be made is refused at the start', async () => {
  await writeFile(join(root, 'file'), 'x')
  await expect(open(join(root, 'file', 'store'))).rejects.toMatchObject({
    code: 'store_unavailable',
    message: expect.stringContaining(join(root, 'file', 'store')),
  })
})

test('an object in the way of a folder is named', async () => {
  await using store = await open()
  await store.put(key('a'), Buffer.from('x'), put)
  await expect(store.put(key('a/b'), Buffer.from('x'), put)).rejects.toMatchObject({ code: 'store_unavailable' })
})

test('a folder of many names is listed whole in pages of few', async () => {
  const names = Array.from({ length: 57 }, (_, n) => `n${n}`)
  for (const name of names) await writeFile(join(root, name), '')
  const seen: string[] = []
  for await (const { segment } of listFolder(root, '', 10)) seen.push(segment)
  expect(seen).toEqual([...names].sort())
})

test('every segment has a file name of its own, without dots at the ends or characters that file systems refuse', () => {
  for (const segment of ['a', 'A', '.', '..', '...', 'a.', 'a ', 'a:b', 'a%3Ab', '%', 'x?', 'é', '.tmp']) {
    const name = encodeSegment(segment)
    expect(name).not.toMatch(/^\.|[. ]$|[<>:"|?*\\/]/)
    expect(decodeName(name)).toBe(segment)
  }
  for (const foreign of ['.hidden', 'a:b', '%3a', '%41', 'a.']) expect(decodeName(foreign)).toBeNull()
})
