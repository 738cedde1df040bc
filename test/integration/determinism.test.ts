// Two Mirrors behind one relay, which share nothing but a folder of timeline entries, name the same bytes alike.

import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { FAST_DISK } from '../support/fast-disk.ts'
import { OriginPair, onFolder } from '../support/origin-pair.ts'
import { encodeFeeds, expectSameNames, type Feed, OriginScenario } from '../support/origin-scenario.ts'

/** The folder lies in memory where it can: a disk that flushes for over a second leaves each origin on its own, by design. */
/** New segments of 2 s before each next step: joining late, a restart, a kill. */
const CELLS = 3

const FEEDS: readonly Feed[] = [
  { id: 'ts-60', format: 'ts', rate: '30000/1001', gop: 60, isLate: false },
  { id: 'ts-default-late', format: 'ts', rate: '25', isLate: true },
  { id: 'cmaf-60-late', format: 'cmaf', rate: '30000/1001', gop: 60, isLate: true },
  { id: 'cmaf-epoch-default', format: 'cmaf', rate: '25', isEpochLocked: true, isLate: false },
  { id: 'rtmp-60-late', format: 'flv', rate: '25', gop: 60, isLate: true },
  { id: 'rtmp-default', format: 'flv', rate: '30000/1001', isLate: false },
]

const opened = new AsyncDisposableStack()
let scenario: OriginScenario

beforeAll(async () => {
  const shared = await mkdtemp(join(FAST_DISK, 'mirror-shared-'))
  opened.defer(() => rm(shared, { recursive: true, force: true }))
  const setup = onFolder(join(shared, 'store'))
  const ids = FEEDS.map(({ id }) => id)
  const pair = opened.use(await OriginPair.start([setup, setup], ids, false))
  const relays = encodeFeeds(FEEDS)
  for (const relay of relays.values()) opened.use(relay)
  scenario = opened.use(new OriginScenario(pair, FEEDS, relays))
  await scenario.run(CELLS)
}, 300_000)

afterAll(() => opened.disposeAsync(), 30_000)

expectSameNames(FEEDS, () => scenario, CELLS)
