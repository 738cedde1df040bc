// A process that does nothing but record, as fast as the disk lets it, until it is killed: spool, drainer, indexes and
// retention as Mirror's archive thread has them, and moves from tier to tier as its jobs do. Says on standard output what it was told is safe.
import { randomUUID } from 'node:crypto'
import { writeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { silentLog } from '../../src/core/log.ts'
import { DvrService } from '../../src/dvr/dvr-service.ts'
import { openStore } from '../../src/storage/open-store.ts'
import { Moving } from './moving.ts'
import {
  CELL_MS,
  type ChildOrder,
  facts,
  LIMITS,
  pathOf,
  RETENTION,
  segmentBytes,
  startsAtMs,
} from './recorded-bytes.ts'

const order = JSON.parse(process.argv[2] ?? '') as ChildOrder
const SPOOLED_MAX_BYTES = 400_000
const signal = new AbortController().signal
let newest = Math.max(...Object.values(order.next))
/** The clock runs with the media: an hour passes in a fraction of a second. */
const now = () => startsAtMs(newest) + CELL_MS
const say = (line: string) => writeSync(1, `${line}\n`)

const store = await openStore(order.store)
const moving = order.moving === undefined ? null : await Moving.open(order.moving, store, now)
const dvr = await DvrService.open({
  spoolDir: order.spoolDir,
  limits: LIMITS,
  store,
  mode: order.mode,
  // Half an hour of this clock is over before a store has taken what the last life sent.
  lateWritesMs: Number.POSITIVE_INFINITY,
  now,
  random: Math.random,
  randomId: randomUUID,
  log: silentLog,
  onTrouble: ({ message }) => {
    if (message !== null) say(`trouble ${message}`)
  },
})
say('open')

async function record(trackId: string, first: number): Promise<never> {
  for (let msn = first; ; msn += 1) {
    // A store that is slower than the disk sets the pace, so that draining and expiring are under way at every moment.
    while (dvr.spool.usedBytes > SPOOLED_MAX_BYTES) await delay(5)
    await dvr.spool.append({
      track: pathOf(trackId),
      facts: facts(trackId),
      init: { name: 'init-1.mp4', bytes: Buffer.from('init one') },
      segment: { msn, dsn: 0, startsAtMs: startsAtMs(msn), durationSec: CELL_MS / 1000, initName: 'init-1.mp4' },
      buffers: [segmentBytes(trackId, msn)],
    })
    say(`safe ${trackId} ${msn}`)
    newest = Math.max(newest, msn)
  }
}

async function move(): Promise<never> {
  for (;;) {
    if ((await moving?.finishJob(signal)) === true) say('moved')
    await moving?.addJob()
    await delay(20)
  }
}

async function expire(): Promise<never> {
  for (;;) {
    await dvr.expire(pathOf('v0'), RETENTION, { signal })
    await delay(20)
  }
}

const recording = Object.entries(order.next).map(([trackId, first]) => record(trackId, first))
await Promise.all([...recording, expire(), ...(moving === null ? [] : [move()])])
