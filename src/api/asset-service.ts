// Uploaded content as people and programs ask for it: taken in, listed, searched, handed out, deleted.
import type { AssetFilter, AssetLabels, Catalog } from '../catalog/types.ts'
import { MirrorError } from '../core/errors.ts'
import type { SignedLinks } from '../core/signed-link.ts'
import { playbackPath } from '../dvr/vod/playback-token.ts'
import type { JobService } from '../jobs/job-service.ts'
import type { JobRow } from '../jobs/types.ts'
import { type AssetRow, PLAYBACK_RENDITION, type RenditionRow } from '../library/assets/asset.ts'
import { cleanFolder } from '../library/assets/asset-name.ts'
import type { AssetShelf, CreatedAsset } from '../library/assets/asset-shelf.ts'
import { pullAssetWork } from '../library/assets/pull-asset-job.ts'
import { searchWords } from '../library/assets/search-words.ts'
import type { SizeMaker } from '../library/assets/size-maker.ts'
import type { SubtitleDesk } from '../library/assets/subtitle-desk.ts'
import { discardUnlessKept } from '../library/assets/take-as-asset.ts'
import { takeIn } from '../library/intake/intake.ts'
import { sniffType } from '../library/intake/sniff.ts'
import { isSizeName } from '../library/processing/pictures/plan-image.ts'
import { maskUrl } from '../live/ingest/pull/pull-url.ts'
import { parsePullHop } from '../outbound/pull-policy.ts'
import { assetOriginalKey, parseObjectKey } from '../storage/keys.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import {
  type AssetLinkView,
  type AssetPageView,
  type AssetQuery,
  type AssetView,
  type PatchAssetBody,
  pullAssetSchema,
} from './asset-contract.ts'
import { AssetForm } from './asset-form.ts'
import { renderAsset } from './asset-view.ts'
import { invalidField, parseFields } from './form-field.ts'
import type { SentObject } from './send-object.ts'
import { isoTime } from './stream-view.ts'

/** More than this at once are told to come back: each keeps a part of its body in memory. */
const MAX_UPLOADS = 16
/** The slowest line that is waited for; one that stalls is given up much earlier. */
const MAX_UPLOAD_MS = 6 * 3_600_000
/** Of folders, and of tags: what a person can choose from. */
const MAX_LABELS = 1000

const HOUR_MS = 3_600_000
/** How long what an answer says can be played at least. */
const PLAYBACK_MS = 12 * HOUR_MS

export type UploadResult = 'stored' | 'duplicate' | 'refused'

export interface AssetServiceOptions {
  readonly shelf: AssetShelf
  readonly assets: Catalog['assets']
  readonly sizes: Pick<SizeMaker, 'make'>
  readonly subtitles: Pick<SubtitleDesk, 'put' | 'remove'>
  readonly store: Pick<ObjectStore, 'put' | 'delete'>
  readonly links: SignedLinks
  /** Of addresses at the media origin. */
  readonly playback: SignedLinks
  readonly mediaUrl: string
  readonly jobs: Pick<JobService, 'add'>
  readonly seal: (text: string) => string
  readonly maxBytes: number
  /** How long what was deleted can be restored. */
  readonly trashMs: number
  readonly consoleUrl: string
  readonly countUpload: (kind: string, result: UploadResult) => void
  readonly newId: () => string
  readonly clock: () => number
}

/** Everything but `upload`, `list` and `labels` throws `asset_not_found`. */
export interface AssetService {
  /** Throws `invalid_request`, `payload_too_large`, `upload_…`, `uploads_full`, `store_unavailable`; nothing is kept then. */
  upload(tenantId: string, source: AsyncIterable<Uint8Array>, boundary: string): Promise<UploadedAsset>
  /** The job that fetches it. Throws `invalid_request`, `pull_url_invalid`. */
  pull(tenantId: string, order: unknown): Promise<JobRow>
  /** Throws `invalid_request` for a cursor that was not given out. */
  list(tenantId: string, query: AssetQuery): Promise<AssetPageView>
  /** Folders and tags that are in use. */
  labels(tenantId: string): Promise<AssetLabels>
  get(tenantId: string, id: string): Promise<AssetView>
  edit(tenantId: string, id: string, change: PatchAssetBody): Promise<AssetView>
  trash(tenantId: string, id: string): Promise<AssetView>
  restore(tenantId: string, id: string): Promise<AssetView>
  /** Throws `asset_busy`. */
  process(tenantId: string, id: string, fromStart: boolean): Promise<AssetView>
  /** Shows them in a language (BCP 47), in place of others in it. Throws as `SubtitleDesk.put` does. */
  putSubtitles(
    tenantId: string,
    id: string,
    sent: { readonly language: string; readonly bytes: Uint8Array },
    signal: AbortSignal,
  ): Promise<AssetView>
  /** Throws `asset_busy`, `rendition_not_found`. */
  removeSubtitles(tenantId: string, id: string, language: string): Promise<AssetView>
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
  const { shelf, assets, sizes, subtitles, store, links, playback, jobs, seal, maxBytes, trashMs } = options
  const { consoleUrl, countUpload, newId, clock } = options
  let uploads = 0

  async function view(asset: AssetRow): Promise<AssetView> {
    return shown(asset, await assets.renditions(asset.tenantId, [asset.id]))
  }

  function shown(asset: AssetRow, renditions: readonly RenditionRow[]): AssetView {
    // The same for an hour, so that whoever asks again goes on with what it has in its cache.
    const expiresAtMs = Math.ceil(clock() / HOUR_MS) * HOUR_MS + PLAYBACK_MS
    const hls = asset.deletedAtMs === null ? playbackUrl(asset, renditions, expiresAtMs) : null
    const played = hls === null ? null : { hls, expiresAt: isoTime(expiresAtMs) }
    return renderAsset(asset, renditions, { playback: played, trashMs })
  }

  function playbackUrl({ tenantId, id }: AssetRow, renditions: readonly RenditionRow[], expiresAtMs: number) {
    const name = presentationIn(renditions)
    if (name === null) return null
    return `${options.mediaUrl}${playbackPath(playback, { tenantId, assetId: id, name }, expiresAtMs)}`
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
      await discardUnlessKept({ assets, store }, { tenantId, id })
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
    if (rendition === PLAYBACK_RENDITION) throw noRendition(id, rendition)
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

    async pull(tenantId, order) {
      const { url, name = '', ...fields } = parseFields(pullAssetSchema, order)
      const folder = cleanFolder(fields.folder)
      const pull = {
        ...fields,
        tenantId,
        folder,
        name,
        sealedUrl: seal(url),
        source: maskUrl(parsePullHop(url).url.href),
      }
      return (await jobs.add(pullAssetWork(pull))).job
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
          shown(
            asset,
            renditions.filter(({ assetId }) => assetId === asset.id),
          ),
        ),
        nextCursor: last?.id ?? null,
      }
    },

    labels: async (tenantId) => await assets.labels(tenantId, MAX_LABELS),
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

    putSubtitles: async (tenantId, id, sent, signal) => await view(await subtitles.put(tenantId, id, sent, signal)),
    removeSubtitles: async (tenantId, id, language) => await view(await subtitles.remove(tenantId, id, language)),
    sent,

    async linked(tenantId, id, rendition, signal) {
      await existing(tenantId, id)
      return await sent(tenantId, id, rendition, signal)
    },

    async link(tenantId, id, rendition, expiresInSec) {
      const asset = await existing(tenantId, id)
      const renditions = await assets.renditions(tenantId, [id])
      const names = renditions.map(({ name }) => name)
      // A size is made when the link is opened.
      const isSize = rendition !== null && asset.kind === 'image' && isSizeName(rendition)
      if (rendition !== null && !isSize && !names.includes(rendition)) throw noRendition(id, rendition)
      const expiresAtMs = clock() + expiresInSec * 1000
      const played = rendition === PLAYBACK_RENDITION ? playbackUrl(asset, renditions, expiresAtMs) : null
      const url = played ?? `${consoleUrl}${links.sign(linkPath(tenantId, id, rendition), expiresAtMs)}`
      return { url, expiresIn: expiresInSec, expiresAt: isoTime(expiresAtMs) }
    },
  }
}

function noRendition(id: string, name: string): MirrorError {
  return new MirrorError('rendition_not_found', `Asset ${id} has no rendition ${name.slice(0, 64)}`)
}

/** Its index lies at `…/<name>/index.json`. */
function presentationIn(renditions: readonly RenditionRow[]): string | null {
  const key = renditions.find(({ name }) => name === PLAYBACK_RENDITION)?.objectKey
  return key?.split('/').at(-2) ?? null
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
