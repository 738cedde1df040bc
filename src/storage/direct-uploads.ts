// Uploads that go past Mirror into the store, by addresses that Mirror signs.
import type { ObjectKey, StoreCall } from './object-store.ts'
import type { StoreLocation } from './open-store.ts'

export interface DirectParts {
  /** As the store names the upload. */
  readonly uploadId: string
  /** Of every part but the last. */
  readonly partBytes: number
  readonly sizeBytes: number
}

/** Only for keys that nobody reads: whoever has an address may write there until it expires. */
export interface DirectUploads extends AsyncDisposable {
  /** Takes exactly `sizeBytes`. */
  putUrl(key: ObjectKey, order: { readonly sizeBytes: number; readonly expiresSec: number }): Promise<string>
  /** Begins an upload in parts: its id. */
  begin(key: ObjectKey, call: StoreCall): Promise<string>
  /** `number` from 1; takes exactly `sizeBytes`. */
  partUrl(
    key: ObjectKey,
    part: {
      readonly uploadId: string
      readonly number: number
      readonly sizeBytes: number
      readonly expiresSec: number
    },
  ): Promise<string>
  /**
   * Puts the parts together. Does nothing when that was done already; throws `direct_upload_missing` when parts are missing
   * or the upload is gone.
   */
  finish(key: ObjectKey, parts: DirectParts, call: StoreCall): Promise<void>
  /** Lets go of what was sent of an upload in parts. */
  abandon(key: ObjectKey, uploadId: string, call: StoreCall): Promise<void>
  /** Uploads in parts below `prefix` that began before then are let go of; how many. */
  sweep(prefix: string, call: StoreCall & { readonly beforeMs: number }): Promise<number>
}

/** Null: a folder has no addresses of its own. */
export async function openDirectUploads(
  location: StoreLocation,
  host: { readonly nowMs: () => number },
): Promise<DirectUploads | null> {
  if (location.kind === 'folder') return null
  const { S3DirectUploads } = await import('./s3-direct-uploads.ts')
  return new S3DirectUploads(location.settings, host)
}
