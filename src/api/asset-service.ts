// Uploaded content as people and programs ask for it: taken in, listed, searched, handed out, deleted.
import type { AssetFilter, Catalog } from '../catalog/types.ts'
import { MirrorError } from '../core/errors.ts'
import type { AssetRow, RenditionRow } from '../library/assets/asset.ts'
import { cleanFolder } from '../library/assets/asset-name.ts'
import type { AssetShelf, CreatedAsset } from '../library/assets/asset-shelf.ts'
import { searchWords } from '../library/assets/search-words.ts'
import type { SizeMaker } from '../library/assets/size-maker.ts'
import { takeIn } from '../library/intake/intake.ts'
import { sniffType } from '../library/intake/sniff.ts'
import type { SignedLinks } from '../library/links/signed-link.ts'
import { isSizeName } from '../library/processing/pictures/plan-image.ts'
import { assetOriginalKey, parseObjectKey } from '../storage/keys.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { AssetLinkView, AssetPageView, AssetQuery, AssetView, PatchAssetBody } from './asset-contract.ts'
import { AssetForm } from './asset-form.ts'
import { renderAsset } from './asset-view.ts'
import { invalidField } from './form-field.ts'
import type { SentObject } from './send-object.ts'
import { isoTime } from './stream-view.ts'

/** More than this at once are told to come back: each keeps a part of its body in memory. */
const MAX_UPLOADS = 16
/** The slowest line that is waited for; one that stalls is given up much earlier. */
const MAX_UPLOAD_MS = 6 * 3_600_000

export type UploadResult = 'stored' | 'duplicate' | 'refused'

export interface AssetServiceOptions {
  readonly shelf: AssetShelf
  readonly assets: Catalog['assets']
  readonly sizes: Pick<SizeMaker, 'make'>
  readonly store: Pick<ObjectStore, 'put' | 'delete'>
  readonly links: SignedLinks
  readonly maxBytes: number
  readonly consoleUrl: string
  readonly countUpload: (kind: string, result: UploadResult) => void
  readonly newId: () => string
  readonly clock: () => number
}

/** Everything but `upload` and `list` throws `asset_not_found`. */
export interface AssetService {
  /** Throws `invalid_request`, `payload_too_large`, `upload_…`, `uploads_full`, `store_unavailable`; nothing is kept then. */
  upload(tenantId: string, source: AsyncIterable<Uint8Array>, boundary: string): Promise<UploadedAsset>
  /** Throws `invalid_request` for a cursor that was not given out. */
  list(tenantId: string, query: AssetQuery): Promise<AssetPageView>
  get(tenantId: string, id: string): Promise<AssetView>
  edit(tenantId: string, id: string, change: PatchAssetBody): Promise<AssetView>
  trash(tenantId: string, id: string): Promise<AssetView>
  restore(tenantId: string, id: string): Promise<AssetView>
  /** Throws `asset_busy`. */
  process(tenantId: string, id: string, fromStart: boolean): Promise<AssetView>
  /**
   * What is sent of one: null for the original. A size of a picture that nobody has asked for is made now. Throws
   * `rendition_not_found`, `processing_busy`, and what is wrong with the picture.
   */
  sent(tenantId: string, id: string, rendition: string | null, signal: AbortSignal): Promise<SentObject>
  /** What a link opens: nothing of what is in the trash. */
  linked(tenantId: string, id: string, rendition: string | null, signal: AbortSignal): Promise<SentObject>
  link(tenantId: string, id: string, rendition: string | null, expiresInSec: number): Promise<AssetLinkView>
}

export interface UploadedAsset {
  readonly asset: AssetView
  readonly duplicate: boolean
}

export function createAssetService(options: AssetServiceOptions): AssetService {
  const { shelf, assets, sizes, store, links, maxBytes, consoleUrl, countUpload, newId, clock } = options
  let uploads = 0

  async function view(asset: AssetRow): Promise<AssetView> {
    return renderAsset(asset, await assets.renditions(asset.tenantId, [asset.id]))
  }

  async function receive(tenantId: string, form: AssetForm): Promise<CreatedAsset> {
    const file = await form.toFile()
    const id = newId()
    const key = assetOriginalKey(tenantId, id)
    const signal = AbortSignal.timeout(MAX_UPLOAD_MS)
    const contentTypeOf = (head: Uint8Array) => sniffType(head).mediaType
    const limits = { maxBytes, declaredBytes: null }
    const intake = await takeIn(file.chunks, { store, key, limits, contentTypeOf, signal })
    try {
      if (intake.sizeBytes === 0) throw invalidField('file', 'has no bytes')
      const { name, ...fields } = await form.toEnd()
      return await shelf.create({ id, tenantId, name: name ?? file.fileName ?? '', ...fields, intake })
    } catch (error) {
      await store.delete([key], { signal: AbortSignal.timeout(10_000) }).catch(() => {})
      throw error
    }
  }

  async function sent(
    tenantId: string,
    id: string,
    rendition: string | null,
    signal: AbortSignal,
  ): Promise<SentObject> {
    const asset = await shelf.get(tenantId, id)
    if (rendition === null) {
      const { sizeBytes, sha256: version, contentType, name: fileName } = asset
      return { key: assetOriginalKey(tenantId, id), sizeBytes, version, contentType, fileName }
    }
    const kept = (await assets.renditions(tenantId, [id])).find(({ name }) => name === rendition)
    const found = kept ?? (await sizes.make(asset, rendition, signal))
    const key = found === null ? null : parseObjectKey(found.objectKey)
    if (found === null || key === null) {
      throw noRendition(id, rendition)
    }
    const { sizeBytes, sha256: version, contentType } = found
    return { key, sizeBytes, version, contentType, fileName: renditionName(asset, found) }
  }

  async function existing(tenantId: string, id: string): Promise<AssetRow> {
    const asset = await shelf.get(tenantId, id)
    if (asset.deletedAtMs !== null) throw new MirrorError('asset_not_found', `Asset ${id} was deleted`)
    return asset
  }

  return {
    async upload(tenantId, source, boundary) {
      if (uploads >= MAX_UPLOADS) {
        const said = `${MAX_UPLOADS} uploads are coming in already`
        throw new MirrorError('uploads_full', said, { details: { retryAfterSec: 5 } })
      }
      uploads += 1
      const form = new AssetForm(source, boundary)
      try {
        const { asset, isDuplicate } = await receive(tenantId, form)
        countUpload(asset.kind, isDuplicate ? 'duplicate' : 'stored')
        return { asset: await view(asset), duplicate: isDuplicate }
      } catch (error) {
        countUpload('unknown', 'refused')
        throw error
      } finally {
        uploads -= 1
        await form[Symbol.asyncDispose]().catch(() => {})
      }
    },

    async list(tenantId, query) {
      const { limit } = query
      const before = query.cursor === undefined ? {} : { before: query.cursor }
      if (query.cursor !== undefined && (await assets.get(tenantId, query.cursor)) === null) {
        throw invalidField('cursor', 'must be the nextCursor of a page')
      }
      // One more tells whether there is a next page.
      const rows = await assets.list({ ...filterOf(tenantId, query), ...before, limit: limit + 1 })
      const page = rows.slice(0, limit)
      const renditions = await assets.renditions(
        tenantId,
        page.map(({ id }) => id),
      )
      const last = rows.length > limit ? page.at(-1) : undefined
      return {
        assets: page.map((asset) =>
          renderAsset(
            asset,
            renditions.filter(({ assetId }) => assetId === asset.id),
          ),
        ),
        nextCursor: last?.id ?? null,
      }
    },

    get: async (tenantId, id) => await view(await shelf.get(tenantId, id)),

    async edit(tenantId, id, change) {
      const { name, folder, tags, metadata } = change
      return await view(
        await shelf.edit(tenantId, id, {
          ...(name === undefined ? {} : { name }),
          ...(folder === undefined ? {} : { folder }),
          ...(tags === undefined ? {} : { tags }),
          ...(metadata === undefined ? {} : { metadata }),
        }),
      )
    },

    trash: async (tenantId, id) => await view(await shelf.trash(tenantId, id)),
    restore: async (tenantId, id) => await view(await shelf.restore(tenantId, id)),
    process: async (tenantId, id, fromStart) => await view(await shelf.process(tenantId, id, { fromStart })),
    sent,

    async linked(tenantId, id, rendition, signal) {
      await existing(tenantId, id)
      return await sent(tenantId, id, rendition, signal)
    },

    async link(tenantId, id, rendition, expiresInSec) {
      const asset = await existing(tenantId, id)
      const names = (await assets.renditions(tenantId, [id])).map(({ name }) => name)
      // A size is made when the link is opened.
      const isSize = rendition !== null && asset.kind === 'image' && isSizeName(rendition)
      if (rendition !== null && !isSize && !names.includes(rendition)) throw noRendition(id, rendition)
      const expiresAtMs = clock() + expiresInSec * 1000
      const url = `${consoleUrl}${links.sign(linkPath(tenantId, id, rendition), expiresAtMs)}`
      return { url, expiresIn: expiresInSec, expiresAt: isoTime(expiresAtMs) }
    },
  }
}

function noRendition(id: string, name: string): MirrorError {
  return new MirrorError('rendition_not_found', `Asset ${id} has no rendition ${name.slice(0, 64)}`)
}

function linkPath(tenantId: string, id: string, rendition: string | null): string {
  const asset = `/links/assets/${encodeURIComponent(tenantId)}/${encodeURIComponent(id)}`
  return rendition === null ? `${asset}/original` : `${asset}/renditions/${encodeURIComponent(rendition)}`
}

/** `harbour-thumbnail.jpg` */
function renditionName({ name, extension }: AssetRow, { name: rendition, objectKey }: RenditionRow): string {
  const stem = extension === '' ? name : name.slice(0, -extension.length - 1)
  return `${stem}-${rendition}${/\.[a-z0-9]+$/.exec(objectKey)?.[0] ?? ''}`
}

function filterOf(tenantId: string, query: AssetQuery): AssetFilter {
  const { q, kind, status, tag, folder, from, to, minBytes, maxBytes, trash } = query
  return {
    tenantId,
    isTrash: trash,
    ...(q === undefined ? {} : { words: searchWords([q]) }),
    ...(kind === undefined ? {} : { kind }),
    ...(status === undefined ? {} : { status }),
    ...(tag === undefined ? {} : { tags: tag }),
    ...(folder === undefined ? {} : { folder: cleanFolder(folder) }),
    ...(from === undefined ? {} : { fromMs: Date.parse(from) }),
    ...(to === undefined ? {} : { toMs: Date.parse(to) }),
    ...(minBytes === undefined ? {} : { minBytes }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
  }
}
