// Finds out what a folder can do by trying it, with a few objects below probe/ that are removed again.
import { stat, statfs } from 'node:fs/promises'
import { toMirrorError } from '../core/errors.ts'
import { CAPABILITY_IDS, type CapabilityAnswer, type CapabilityId, type CapabilityMatrix } from './capabilities.ts'
import { collect } from './collect.ts'
import { openFolderStore } from './folder-store.ts'
import { parseObjectKey, probeKey } from './keys.ts'
import type { ObjectKey, ObjectStore } from './object-store.ts'

const RACERS = 8
const BODY = new TextEncoder().encode('0123456789')
const AWKWARD = ['a b+c&d=1', 'grüße-京', 'q?x="1"', '%2E%2E']

/** What S3 stores have and folders do not: a folder has no requests, classes, versions or addresses. */
const NOT_FOR_FOLDERS: readonly CapabilityId[] = [
  ...(['multipart', 'conditionalComplete', 'unequalParts', 'batchDelete', 'copy', 'rejectsDamage'] as const),
  ...(['keepsChecksum', 'sdkChecksums', 'storageClasses', 'versioning', 'objectLock', 'lifecycle'] as const),
  ...(['cors', 'hostStyle', 'clock'] as const),
]

export interface FolderProbeHost {
  readonly signal: AbortSignal
  readonly nowMs: () => number
  readonly randomId: () => string
}

/** Never rejects but for an abort: what fails is part of the answer. The folder must exist; nothing is made of a typing error. */
export async function probeFolder(path: string, host: FolderProbeHost): Promise<CapabilityMatrix> {
  const { signal, nowMs, randomId } = host
  const startedAtMs = nowMs()
  const answers = new Map<CapabilityId, CapabilityAnswer>(
    NOT_FOR_FOLDERS.map((id) => [id, { outcome: 'none', note: '' }]),
  )
  const prefix = randomId()
  let store: ObjectStore | null = null
  answers.set(
    'reach',
    await tried(signal, async () => {
      if (!(await stat(path)).isDirectory()) return no('it is a file')
      store = await openFolderStore(path, { randomId })
      return yes()
    }),
  )
  if (store !== null) {
    await using opened: ObjectStore = store
    for (const [id, check] of Object.entries(checks(opened, path, prefix, signal)) as [CapabilityId, Check][]) {
      answers.set(id, await tried(signal, check))
    }
    await removeAll(opened, prefix, signal)
  }
  const untried: CapabilityAnswer = { outcome: 'unknown', note: 'not tried' }
  return {
    version: 1,
    place: path,
    probedAtMs: startedAtMs,
    tookMs: nowMs() - startedAtMs,
    answers: Object.fromEntries(CAPABILITY_IDS.map((id) => [id, answers.get(id) ?? untried])) as Record<
      CapabilityId,
      CapabilityAnswer
    >,
  }
}

type Check = () => Promise<CapabilityAnswer>

function checks(
  store: ObjectStore,
  path: string,
  prefix: string,
  signal: AbortSignal,
): Partial<Record<CapabilityId, Check>> {
  const call = { signal }
  const put = { signal, contentType: 'application/octet-stream' }
  const key = (name: string): ObjectKey => parseObjectKey(`${probeKey(prefix)}/${name}`) ?? probeKey(prefix)
  const race = async (name: string, condition: { readonly ifAbsent?: boolean; readonly ifMatch?: string }) => {
    const bodies = Array.from({ length: RACERS }, (_, n) => new TextEncoder().encode(`racer ${n}`))
    const won = await Promise.all(bodies.map((body) => store.put(key(name), body, { ...put, ...condition })))
    const winners = won.filter((info) => info !== null).length
    return winners === 1 ? yes() : no(`of ${RACERS} at once ${winners} won`)
  }
  const read = async (name: string, range?: { readonly start: number; readonly end: number }) => {
    await using body = await store.get(key(name), range === undefined ? call : { ...call, range })
    return body === null ? null : Buffer.from(await collect(body.chunks)).toString()
  }
  return {
    async write() {
      await store.put(key('body'), BODY, put)
      if ((await read('body')) !== '0123456789') return no('it came back changed')
      const { bavail, bsize } = await statfs(path)
      return yes(`${((bavail * bsize) / 2 ** 30).toFixed(1)} GiB free`)
    },
    range: async () => ((await read('body', { start: 3, end: 7 })) === '3456' ? yes() : no('other bytes came')),
    async list() {
      for (const name of ['l/b', 'l/a', 'l-c']) await store.put(key(name), BODY, put)
      const listed = await keysOf(store, `${probeKey(prefix)}/l`, signal)
      const expected = ['l-c', 'l/a', 'l/b'].map(key)
      return JSON.stringify(listed) === JSON.stringify(expected) ? yes() : no('in another order, or not all')
    },
    async awkwardKeys() {
      for (const name of AWKWARD) await store.put(key(name), new TextEncoder().encode(name), put)
      const kept = await Promise.all(AWKWARD.map(async (name) => (await read(name)) === name))
      return kept.every(Boolean) ? yes() : no('some came back changed')
    },
    conditionalCreate: () => race('create', { ifAbsent: true }),
    async conditionalReplace() {
      const stored = await store.put(key('replace'), BODY, put)
      return await race('replace', { ifMatch: stored?.etag ?? '' })
    },
    async delete() {
      await store.delete([key('body')], call)
      return (await store.head(key('body'), call)) === null ? yes() : no('it is still there')
    },
  }
}

async function tried(signal: AbortSignal, check: Check): Promise<CapabilityAnswer> {
  try {
    return await check()
  } catch (error) {
    signal.throwIfAborted()
    const { code } = error as NodeJS.ErrnoException
    return no(code === 'ENOENT' ? 'there is no such folder: make it, or mount its disk' : toMirrorError(error).message)
  }
}

async function removeAll(store: ObjectStore, prefix: string, signal: AbortSignal): Promise<void> {
  const keys = await keysOf(store, `${probeKey(prefix)}/`, signal).catch(() => [])
  await store.delete(keys, { signal }).catch(() => {}) // Whether it can delete was asked above.
}

async function keysOf(store: ObjectStore, prefix: string, signal: AbortSignal): Promise<ObjectKey[]> {
  const keys: ObjectKey[] = []
  for await (const { key } of store.list(prefix, { signal })) keys.push(key)
  return keys
}

function yes(note = ''): CapabilityAnswer {
  return { outcome: 'yes', note }
}

function no(note: string): CapabilityAnswer {
  return { outcome: 'no', note }
}
