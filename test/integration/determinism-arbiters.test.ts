// The same as determinism.test.ts for origins that share no folder: a bucket, or a PostgreSQL database.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { notRun } from '../not-run.ts'
import { OriginPair, onDatabase, onS3 } from '../support/origin-pair.ts'
import { encodeFeeds, expectSameNames, type Feed, OriginScenario } from '../support/origin-scenario.ts'
import { startPostgres } from '../support/postgres.ts'
import { rgwMissing } from '../support/rgw.ts'
import { createTestBucket } from '../support/s3-bucket.ts'

/** New segments of 2 s before each next step: joining late, a restart, a kill. */
const CELLS = 2

const FEEDS: readonly Feed[] = [
  { id: 'ts-60-late', format: 'ts', rate: '30', gop: 60, isLate: true },
  { id: 'cmaf-60', format: 'cmaf', rate: '30000/1001', gop: 60, isLate: false },
  { id: 'rtmp-60-late', format: 'flv', rate: '25', gop: 60, isLate: true },
]
const IDS = FEEDS.map(({ id }) => id)

const ARBITERS = [
  {
    name: 'a bucket',
    missing: rgwMissing(),
    async start() {
      const setup = onS3(await createTestBucket('rgw'))
      return await OriginPair.start([setup, setup], IDS, false)
    },
  },
  {
    name: 'one database',
    missing: null,
    async start() {
      const postgres = opened.use(await startPostgres())
      const setup = onDatabase(await postgres.createDatabase())
      return await OriginPair.start([setup, setup], IDS, true)
    },
  },
] as const

const opened = new AsyncDisposableStack()
const scenarios = new Map<string, OriginScenario>()
const scenarioOf = (name: string): OriginScenario => {
  const scenario = scenarios.get(name)
  if (scenario === undefined) throw new Error('did not run')
  return scenario
}

beforeAll(async () => {
  // Both at once behind the same encoders.
  const present = ARBITERS.filter(({ missing }) => missing === null)
  const pairs: [string, OriginPair][] = []
  for (const { name, start } of present) pairs.push([name, opened.use(await start())])
  const relays = encodeFeeds(FEEDS)
  for (const relay of relays.values()) opened.use(relay)
  for (const [name, pair] of pairs) scenarios.set(name, opened.use(new OriginScenario(pair, FEEDS, relays)))
  await Promise.all([...scenarios.values()].map((scenario) => scenario.run(CELLS)))
}, 300_000)

afterAll(() => opened.disposeAsync(), 30_000)

for (const { name, missing } of ARBITERS) {
  if (missing !== null) notRun(`two origins that agree through ${name}`, missing)
  describe.skipIf(missing !== null)(`two origins that agree through ${name}`, () => {
    expectSameNames(FEEDS, () => scenarioOf(name), CELLS)

    test('every entry was confirmed', async () => {
      const { origins } = scenarioOf(name).pair
      for (const mirror of origins) {
        expect((await mirror.events()).filter(({ code }) => code === 'timeline_unconfirmed')).toEqual([])
      }
    })
  })
}
