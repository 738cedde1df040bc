// What becomes of an upload that is whole: its bytes go into the store, and an asset is made of them.
import { assetOriginalKey } from '../../storage/keys.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import type { AssetRow, JsonObject } from '../assets/asset.ts'
import type { AssetShelf } from '../assets/asset-shelf.ts'
import { takeIn } from '../intake/intake.ts'
import { sniffType } from '../intake/sniff.ts'
import type { KeepUpload } from './upload-keeper.ts'

export interface AssetDestination {
  readonly store: Pick<ObjectStore, 'put' | 'delete'>
  readonly shelf: Pick<AssetShelf, 'create'>
  /** The asset with this id, wherever it lies; null: there is none. */
  readonly find: (tenantId: string, id: string) => Promise<Pick<AssetRow, 'id' | 'kind'> | null>
}

/**
 * The asset gets the id of its upload, so that a call that was cut off is found by the next one. Of bytes that the tenant
 * has already it is the asset that is there.
 */
export function keepAsAsset({ store, shelf, find }: AssetDestination): KeepUpload {
  return async ({ id, tenantId, lengthBytes, metadata, chunks }, signal) => {
    // Putting the bytes once more could fail, and then take away those that the asset has.
    const found = await find(tenantId, id)
    if (found !== null) return { assetId: id, kind: found.kind, isDuplicate: false }
    const intake = await takeIn(chunks(), {
      ...{ store, signal, key: assetOriginalKey(tenantId, id) },
      limits: { maxBytes: lengthBytes, declaredBytes: lengthBytes },
      contentTypeOf: (head) => sniffType(head).mediaType,
    })
    const { asset, isDuplicate } = await shelf.create({ id, tenantId, ...describe(metadata), intake })
    return { assetId: asset.id, kind: asset.kind, isDuplicate }
  }
}

/** What clients call things: tus itself says nothing, Uppy says `name`, tus-js-client's examples `filename`. */
export function describe(metadata: Readonly<Record<string, string>>): {
  readonly name: string
  readonly folder: string
  readonly tags: readonly string[]
  readonly metadata: JsonObject
} {
  const { filename, name, folder, tags, ...rest } = metadata
  // The type is told from the bytes, and Uppy's relativePath is "null" without a folder.
  const { filetype: _, type: __, relativePath: ___, ...said } = rest
  const tagList = (tags ?? '').split(',').map((tag) => tag.trim())
  return {
    name: filename ?? name ?? '',
    folder: folder ?? '',
    tags: tagList.filter((tag) => tag !== ''),
    metadata: said,
  }
}
