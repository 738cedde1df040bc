// What lies in the trash is not played: its indexes name no hours any more, which every origin sees within seconds. A job,
// so that it comes about whatever happens to the store or to Mirror.
import { z } from 'zod'
import type { Catalog } from '../../catalog/types.ts'
import { toMirrorError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { IndexStore } from '../../dvr/index-store.ts'
import type { StreamIndex } from '../../dvr/stream-index.ts'
import type { JobKind } from '../../jobs/job-runner.ts'
import type { JobService } from '../../jobs/job-service.ts'
import { assetPrefix, assetStreamId } from '../../storage/keys.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import type { AssetRow } from './asset.ts'
import type { AssetNews } from './asset-news.ts'

export const ASSET_PLAYBACK_JOB = 'asset-playback'

/** About a day with the pauses between them: an address that was given out may be valid for a week. */
const MAX_ATTEMPTS = 100

const payloadSchema = z.object({ tenant: z.string(), asset: z.string() })

export interface WithholdHost {
  readonly assets: Pick<Catalog['assets'], 'get'>
  readonly store: ObjectStore
  readonly now: () => number
}

/** Makes playback be as the asset is by then: one after another, so the last to begin has the last word. */
export function assetPlaybackJob(host: WithholdHost): JobKind {
  return {
    limit: 1,
    async run({ job, signal }) {
      const { tenant, asset: id } = payloadSchema.parse(job.payload)
      for (;;) {
        const asset = await host.assets.get(tenant, id)
        if (asset === null) return { outcome: 'nothing to do' }
        const isWithheld = asset.deletedAtMs !== null
        await withholdPlayback(host, asset, isWithheld, signal)
        // Somebody may have taken it out of the trash, or put it there, meanwhile.
        const after = await host.assets.get(tenant, id)
        if (after === null || (after.deletedAtMs !== null) === isWithheld) return { isWithheld }
      }
    },
  }
}

/** Adds a job for whatever goes into the trash or comes out of it, or was made while it lay there. Gives what ends it. */
export function followTrash(
  news: AssetNews,
  { jobs, log }: { readonly jobs: () => Pick<JobService, 'add'>; readonly log: Log },
): () => void {
  return news.on((kind, { tenantId, id, deletedAtMs }) => {
    const isTouched = kind === 'deleted' || kind === 'restored' || (kind === 'ready' && deletedAtMs !== null)
    if (!isTouched) return
    const payload = { tenant: tenantId, asset: id }
    const adding = jobs().add({ kind: ASSET_PLAYBACK_JOB, tenantId, payload, maxAttempts: MAX_ATTEMPTS })
    adding.catch((error: unknown) => {
      log.warn('addresses that were given out of an asset stay as they are', {
        ...{ asset: id, error: toMirrorError(error).message },
      })
    })
  })
}

/** All that was ever made playable of it; may be repeated. Throws `store_unavailable`, `index_damaged`. */
export async function withholdPlayback(
  { store, now }: Pick<WithholdHost, 'store' | 'now'>,
  { tenantId, id }: Pick<AssetRow, 'tenantId' | 'id'>,
  isWithheld: boolean,
  signal: AbortSignal,
): Promise<void> {
  const indexes = new IndexStore(store, now)
  const prefix = assetPrefix(tenantId, id)
  for await (const { key } of store.list(`${prefix}hls-`, { signal })) {
    const [, name] = /^([^/]+)\/index\.json$/.exec(key.slice(prefix.length)) ?? []
    if (name === undefined) continue
    const stream = { tenantId, streamId: assetStreamId(id, name) }
    await indexes.changeStream(stream, (index) => (isWithheld ? withheld(index) : givenBack(index)), { signal })
  }
}

/** As what retention is about to remove: it stays where it is, and no playlist names it. */
function withheld(index: StreamIndex): StreamIndex {
  return changed(index, ({ hours, expiring }) => ({
    hours: [],
    expiring: [...new Set([...expiring, ...hours])].sort(),
  }))
}

function givenBack(index: StreamIndex): StreamIndex {
  return changed(index, ({ hours, expiring }) => ({
    hours: [...new Set([...hours, ...expiring])].sort(),
    expiring: [],
  }))
}

type Track = StreamIndex['tracks'][string]

function changed(index: StreamIndex, change: (track: Track) => Pick<Track, 'hours' | 'expiring'>): StreamIndex {
  const tracks = Object.entries(index.tracks).map(([id, track]): [string, Track] => [
    id,
    { ...track, ...change(track) },
  ])
  const isSame = tracks.every(([id, { hours }]) => hours.length === index.tracks[id]?.hours.length)
  return isSame ? index : { ...index, tracks: Object.fromEntries(tracks) }
}
