// A process that does the few things whose order of system calls is watched, one after another: puts into a folder store,
// appends to a spool, drains. Says on standard output when it was told that something is safe.
import { randomUUID } from 'node:crypto'
import { writeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { silentLog } from '../../src/core/log.ts'
import { DvrService } from '../../src/dvr/dvr-service.ts'
import { openFolderStore } from '../../src/storage/folder-store.ts'
import { parseObjectKey } from '../../src/storage/keys.ts'
import type { ObjectKey } from '../../src/storage/object-store.ts'
import { CELL_MS, FIRST_MSN, facts, LIMITS, pathOf, segmentBytes, startsAtMs } from './recorded-bytes.ts'

const [, , storeDir = '', spoolDir = ''] = process.argv
const call = { signal: new AbortController().signal }
const put = { ...call, contentType: 'text/plain' }
const say = (...words: readonly (string | number)[]) => writeSync(1, `${words.join(' ')}\n`)
const key = (text: string) => parseObjectKey(text) as ObjectKey

const store = await openFolderStore(storeDir, { randomId: randomUUID })
const first = await store.put(key('deep/er/one'), Buffer.from('one'), put)
say('put', 'deep/er/one')
await store.put(key('deep/er/two'), Buffer.alloc(600_000, 'two'), { ...put, ifAbsent: true })
say('put', 'deep/er/two')
await store.put(key('deep/er/one'), Buffer.from('new'), { ...put, ifMatch: first?.etag ?? '' })
say('put', 'deep/er/one')
// Null, but whoever hears it relies on the object.
await store.put(key('deep/er/two'), Buffer.from('late'), { ...put, ifAbsent: true })
say('there', 'deep/er/two')

let newest = FIRST_MSN
const dvr = await DvrService.open({
  ...{ spoolDir, limits: LIMITS, store, mode: 'segment', random: Math.random, randomId: randomUUID },
  now: () => startsAtMs(newest) + CELL_MS,
  log: silentLog,
  onTrouble: ({ message }) => say('trouble', message ?? 'over'),
})

async function record(trackId: string, msn: number): Promise<void> {
  const { offset, sizeBytes } = await dvr.spool.append({
    track: pathOf(trackId),
    facts: facts(trackId),
    init: { name: 'init-1.mp4', bytes: Buffer.from('init one') },
    segment: { msn, dsn: 0, startsAtMs: startsAtMs(msn), durationSec: CELL_MS / 1000, initName: 'init-1.mp4' },
    buffers: [segmentBytes(trackId, msn)],
  })
  say('safe', trackId, msn, offset + sizeBytes)
}

// One by one, then several that share a sync.
for (let n = 0; n < 3; n += 1) await record('v0', FIRST_MSN + n)
await Promise.all([3, 4, 5, 6, 7].flatMap((n) => [record('v0', FIRST_MSN + n), record('a0', FIRST_MSN + n)]))

newest = FIRST_MSN + 60 // An hour later the packs are due.
while (dvr.spool.usedBytes > 0) await delay(20)
say('drained')
await dvr[Symbol.asyncDispose]()
