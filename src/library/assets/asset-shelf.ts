// Assets as uploads and the API see them: taken in once, however often their bytes come; found, changed, thrown away.
import type { Catalog } from '../../catalog/types.ts'
import { MirrorError } from '../../core/errors.ts'
import type { JobService } from '../../jobs/job-service.ts'
import { assetOriginalKey } from '../../storage/keys.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import type { Intake } from '../intake/intake.ts'
import { sniffType } from '../intake/sniff.ts'
import type { AssetEdit, AssetProgress, AssetRow, JsonObject } from './asset.ts'
import { assetWork } from './asset-job.ts'
import { cleanFileName, cleanFolder, extensionOf } from './asset-name.ts'
import type { AssetNews } from './asset-news.ts'
import { resumeAt, stepNamed, stepsOf } from './asset-steps.ts'

export interface AssetShelfHost {
  readonly assets: Catalog['assets']
  readonly store: Pick<ObjectStore, 'delete'>
  /** Known only once there are kinds of jobs. */
  readonly jobs: () => Pick<JobService, 'add'>
  readonly news: AssetNews
  readonly now: () => number
}

export interface NewAsset {
  /** Its original lies at `assetOriginalKey` of this tenant and id. */
  readonly id: string
  readonly tenantId: string
  /** As it was sent. */
  readonly name: string
  readonly folder: string
  readonly tags: readonly string[]
  readonly metadata: JsonObject
  readonly intake: Pick<Intake, 'sizeBytes' | 'sha256' | 'head'>
}

export interface CreatedAsset {
  readonly asset: AssetRow
  /** The tenant had these bytes already: `asset` is that one, and no second object is kept. */
  readonly isDuplicate: boolean
}

export class AssetShelf {
  readonly #host: AssetShelfHost

  constructor(host: AssetShelfHost) {
    this.#host = host
  }

  /**
   * What every upload calls when its bytes are in the store. What lies in the trash with the same bytes is brought back.
   * Rejects with `database_unavailable`; the object is the caller's then.
   */
  async create({ intake, ...sent }: NewAsset): Promise<CreatedAsset> {
    const { assets, store, jobs, news, now } = this.#host
    const { id, tenantId } = sent
    const name = cleanFileName(sent.name)
    const { kind, format, mediaType } = sniffType(intake.head)
    const nowMs = now()
    const added = await assets.add(
      {
        ...{ id, tenantId, kind, format, name, extension: extensionOf(name), folder: cleanFolder(sent.folder) },
        ...{ contentType: mediaType, sizeBytes: intake.sizeBytes, sha256: intake.sha256, status: 'pending' },
        ...{ step: null, failure: null, tags: [...new Set(sent.tags)], metadata: sent.metadata, facts: {} },
        ...{ uploadedAtMs: nowMs, processedAtMs: null, deletedAtMs: null, updatedAtMs: nowMs },
      },
      news.written('created'),
    )
    if (added.isNew) {
      await jobs().add(assetWork(added.asset))
      news.tell('created', added.asset)
      return { asset: added.asset, isDuplicate: false }
    }
    if (added.asset.id !== id) {
      await store.delete([assetOriginalKey(tenantId, id)], { signal: AbortSignal.timeout(CLEANUP_MS) })
    }
    const asset = added.asset.deletedAtMs === null ? null : await this.#restored(added.asset)
    return { asset: asset ?? added.asset, isDuplicate: true }
  }

  /** Also what is in the trash. Throws `asset_not_found`. */
  async get(tenantId: string, id: string): Promise<AssetRow> {
    return (await this.#host.assets.get(tenantId, id)) ?? notFound(id)
  }

  /** Throws `asset_not_found`, also for what is in the trash. */
  async edit(tenantId: string, id: string, change: Omit<AssetEdit, 'extension'>): Promise<AssetRow> {
    const { assets, news, now } = this.#host
    const { name, folder, tags, ...rest } = change
    const clean: AssetEdit = {
      ...rest,
      ...(name === undefined ? {} : { name: cleanFileName(name), extension: extensionOf(cleanFileName(name)) }),
      ...(folder === undefined ? {} : { folder: cleanFolder(folder) }),
      ...(tags === undefined ? {} : { tags: [...new Set(tags)] }),
    }
    const edited = (await assets.edit(tenantId, id, clean, now(), news.written('updated'))) ?? notFound(id)
    news.tell('updated', edited)
    return edited
  }

  /** Into the trash; what is there already stays. Throws `asset_not_found`. */
  async trash(tenantId: string, id: string): Promise<AssetRow> {
    const { assets, news, now } = this.#host
    const trashed = await assets.trash(tenantId, id, now(), news.written('deleted'))
    if (trashed === null) return await this.get(tenantId, id)
    news.tell('deleted', trashed)
    return trashed
  }

  /** Out of the trash; what is not there stays as it is. Throws `asset_not_found`. */
  async restore(tenantId: string, id: string): Promise<AssetRow> {
    const asset = await this.get(tenantId, id)
    return (asset.deletedAtMs === null ? null : await this.#restored(asset)) ?? (await this.get(tenantId, id))
  }

  /**
   * Processes it again: at the step that failed, or from the start; whatever comes out otherwise than before gets a key of
   * its own. Throws `asset_not_found`, also for what is in the trash, and `asset_busy`.
   */
  async process(tenantId: string, id: string, { fromStart }: { readonly fromStart: boolean }): Promise<AssetRow> {
    const asset = await this.get(tenantId, id)
    return await this.#begin(asset, fromStart || asset.status === 'ready' ? { step: null } : {})
  }

  /** Processes it again from this step on, or from the one that failed before it. Throws as `process` does. */
  async remake(tenantId: string, id: string, name: string): Promise<AssetRow> {
    const asset = await this.get(tenantId, id)
    const isMissed = asset.status === 'failed' && resumeAt(asset) < stepsOf(asset).indexOf(name)
    return await this.#begin(asset, isMissed ? {} : { step: stepNamed(asset, name) })
  }

  async #begin(asset: AssetRow, step: Pick<AssetProgress, 'step'>): Promise<AssetRow> {
    const { assets, jobs, news, now } = this.#host
    const { id } = asset
    if (asset.deletedAtMs !== null) return notFound(id)
    const begin = { status: 'pending', failure: null, processedAtMs: null } as const
    const on = { nowMs: now(), from: ['ready', 'failed'], tell: news.written('updated') } as const
    const pending = await assets.advance(asset, { ...begin, ...step }, on)
    if (pending === null) throw new MirrorError('asset_busy', `asset ${id} is being processed already`)
    await jobs().add(assetWork(pending))
    news.tell('updated', pending)
    return pending
  }

  async #restored({ tenantId, id }: AssetRow): Promise<AssetRow | null> {
    const { assets, news, now } = this.#host
    const restored = await assets.restore(tenantId, id, now(), news.written('restored'))
    if (restored !== null) news.tell('restored', restored)
    return restored
  }
}

const CLEANUP_MS = 10_000

function notFound(id: string): never {
  throw new MirrorError('asset_not_found', `There is no asset ${id}`)
}
