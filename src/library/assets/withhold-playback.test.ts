import { expect, test } from 'vitest'
import { silentLog } from '../../core/log.ts'
import { IndexStore } from '../../dvr/index-store.ts'
import type { TrackFacts } from '../../dvr/track-facts.ts'
import type { JobContext } from '../../jobs/job-runner.ts'
import type { NewJob } from '../../jobs/types.ts'
import { assetStreamId, type Hour } from '../../storage/keys.ts'
import { createMemoryStore } from '../../storage/memory-store.ts'
import type { AssetRow } from './asset.ts'
import { AssetNews } from './asset-news.ts'
import { ASSET_PLAYBACK_JOB, assetPlaybackJob, followTrash } from './withhold-playback.ts'

const { signal } = new AbortController()
const HOURS = ['2020-01-01T00' as Hour]
const stream = { tenantId: 'default', streamId: assetStreamId('film', 'hls-0123456789ab') }

async function filmThatIsPlayed() {
  const store = createMemoryStore({ nowMs: Date.now })
  const indexes = new IndexStore(store, Date.now)
  const facts: TrackFacts = {
    ...{ kind: 'video', codecs: 'avc1.64001f', widthPx: 320, heightPx: 180, frameRate: null },
    ...{ cell: { num: 4, den: 1 }, targetDurationSec: 4, hasIndependentSegments: true },
  }
  const tracks = { v0: { facts, hours: HOURS, expiring: [] } }
  await indexes.changeStream(stream, (index) => ({ ...index, tracks }), { signal })
  const played = async () => (await indexes.stream(stream, { signal }))?.tracks['v0']?.hours
  return { store, played }
}

/** What the catalog says at each look; the last one stays. */
function looks(...deletedAtMs: readonly (number | null)[]) {
  let look = 0
  return {
    get: async () => {
      const row = { id: 'film', tenantId: 'default', deletedAtMs: deletedAtMs[Math.min(look, deletedAtMs.length - 1)] }
      look += 1
      return row as AssetRow
    },
  }
}

const context = { job: { payload: { tenant: 'default', asset: 'film' } }, signal } as unknown as JobContext

test('what is in the trash is not played, and is again when it comes out', async () => {
  const { store, played } = await filmThatIsPlayed()
  await assetPlaybackJob({ assets: looks(1), store, now: Date.now }).run(context)
  expect(await played()).toEqual([])
  await assetPlaybackJob({ assets: looks(null), store, now: Date.now }).run(context)
  expect(await played()).toEqual(HOURS)
})

test('what comes out of the trash while it is being taken out of play is played', async () => {
  const { store, played } = await filmThatIsPlayed()
  await assetPlaybackJob({ assets: looks(1, null), store, now: Date.now }).run(context)
  expect(await played()).toEqual(HOURS)
})

test('there is a job for what goes into the trash, comes out of it, or was made while it lay there', async () => {
  const added: Omit<NewJob, 'id'>[] = []
  const add = async (job: Omit<NewJob, 'id'>) => {
    added.push(job)
    return { job: {} as never, isNew: true }
  }
  const news = new AssetNews()
  const end = followTrash(news, { jobs: () => ({ add }), log: silentLog })
  const film = (deletedAtMs: number | null) => ({ id: 'film', tenantId: 'default', deletedAtMs }) as AssetRow
  news.tell('ready', film(null))
  news.tell('updated', film(1))
  expect(added).toEqual([])
  news.tell('deleted', film(1))
  news.tell('ready', film(1))
  news.tell('restored', film(null))
  end()
  news.tell('deleted', film(1))
  expect(added.map(({ kind, payload }) => [kind, payload])).toEqual(
    [1, 2, 3].map(() => [ASSET_PLAYBACK_JOB, { tenant: 'default', asset: 'film' }]),
  )
})
