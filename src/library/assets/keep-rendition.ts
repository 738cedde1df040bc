// A file that was made of an asset becomes one of its renditions.
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { hashFile } from '../../core/hash-file.ts'
import { assetRenditionKey } from '../../storage/keys.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import type { AssetRow, RenditionRow } from './asset.ts'

export interface RenditionKeeper {
  readonly store: Pick<ObjectStore, 'put'>
  readonly now: () => number
  /** False: somebody else has the job now. */
  readonly save: (row: RenditionRow) => Promise<boolean>
}

export interface MadeRendition {
  readonly name: string
  readonly path: string
  /** Of its key, and of the file as which it is saved. */
  readonly extension: string
  readonly contentType: string
  /** Null for what is no picture. */
  readonly width: number | null
  readonly height: number | null
}

/** The object first, under a key of its own bytes, then the row: what a row names is there. */
export async function keepRendition(
  { store, now, save }: RenditionKeeper,
  { id, tenantId }: Pick<AssetRow, 'id' | 'tenantId'>,
  { path, ...made }: MadeRendition,
  signal: AbortSignal,
): Promise<RenditionRow> {
  const sha256 = await hashFile(path, signal)
  const { name, extension, contentType, width, height } = made
  const objectKey = assetRenditionKey(tenantId, id, { name, sha256, extension })
  const { size: sizeBytes } = await stat(path)
  await store.put(objectKey, createReadStream(path), { signal, contentType })
  const what = { assetId: id, tenantId, name, objectKey, contentType, sizeBytes, sha256, width, height }
  const row = { ...what, createdAtMs: now() }
  await save(row)
  return row
}
