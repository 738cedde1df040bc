// What is known about a resumable upload. Types and pure decisions.
import { z } from 'zod'

/** Said once, when it begins. */
export interface UploadOrder {
  readonly id: string
  readonly tenantId: string
  /** Who may have how many: `key <id>`, `user <id>`. */
  readonly owner: string
  readonly lengthBytes: number
  /** The client's own words by their keys, such as `filename`; data, never a path. */
  readonly metadata: Readonly<Record<string, string>>
  readonly createdAtMs: number
}

/** How far it is; durable before anybody is told. */
export interface UploadProgress {
  readonly offsetBytes: number
  /** When bytes came last. */
  readonly touchedAtMs: number
  /** Null: it is not in the store yet. */
  readonly done: { readonly atMs: number; readonly assetId: string } | null
}

export interface Upload extends UploadOrder, UploadProgress {}

/** Whole, but not in the store yet: from here on nothing of it may be lost. */
export function isComplete({ offsetBytes, lengthBytes }: Upload): boolean {
  return offsetBytes === lengthBytes
}

/** Null: it stays until somebody deletes it, because it is complete and not in the store. */
export function expiresAtMs(upload: Upload, keepMs: number): number | null {
  if (upload.done !== null) return upload.done.atMs + keepMs
  return isComplete(upload) ? null : upload.touchedAtMs + keepMs
}

/** Bytes of the disk that an upload under way still needs: those to come, and a copy when the store is on it as well. */
export function stillNeededBytes(upload: Upload, copies: number): number {
  if (upload.done !== null) return 0
  return upload.lengthBytes - upload.offsetBytes + upload.lengthBytes * (copies - 1)
}

const ORDER = z.strictObject({
  id: z.string(),
  tenantId: z.string(),
  owner: z.string(),
  lengthBytes: z.int().min(0),
  metadata: z.record(z.string(), z.string()),
  createdAtMs: z.int(),
})

const PROGRESS = z.strictObject({
  offsetBytes: z.int().min(0),
  touchedAtMs: z.int(),
  done: z.nullable(z.strictObject({ atMs: z.int(), assetId: z.string() })),
})

/** Null: it was not written by `JSON.stringify` of one. */
export const parseOrder = (text: string): UploadOrder | null => parseWith(ORDER, text)
export const parseProgress = (text: string): UploadProgress | null => parseWith(PROGRESS, text)

function parseWith<T>(schema: z.ZodType<T>, text: string): T | null {
  try {
    return schema.parse(JSON.parse(text))
  } catch {
    return null
  }
}
