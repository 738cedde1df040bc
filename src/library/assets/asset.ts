// What Mirror keeps of an uploaded file. Data only.
import type { MediaKind } from '../intake/sniffed-type.ts'

export const ASSET_STATUSES = ['pending', 'processing', 'ready', 'failed'] as const
export type AssetStatus = (typeof ASSET_STATUSES)[number]

/** What is being done, from 1. */
export interface AssetStep {
  readonly name: string
  readonly index: number
  readonly count: number
  /** How much of it is done, of 100; omitted: nobody knows, or nothing yet. */
  readonly percent?: number
}

export interface AssetFailure {
  readonly step: string
  /** Of the catalogue of errors. */
  readonly code: string
  readonly message: string
}

export type JsonObject = { readonly [key: string]: unknown }

export interface AssetRow {
  readonly id: string
  readonly tenantId: string
  /** By its bytes. */
  readonly kind: MediaKind
  /** With its extension, without a path. */
  readonly name: string
  /** Lower case, without the dot; empty: the name has none. */
  readonly extension: string
  /** `photos/2026`; empty: at the top. */
  readonly folder: string
  /** A lower-case word for what the bytes are: `jpeg`, `mp4`. */
  readonly format: string
  readonly contentType: string
  readonly sizeBytes: number
  /** Of the original, hex. A tenant has it once. */
  readonly sha256: string
  readonly status: AssetStatus
  /** What is being done, or what failed; else null. */
  readonly step: AssetStep | null
  readonly failure: AssetFailure | null
  readonly tags: readonly string[]
  /** Whatever its owner wrote about it. */
  readonly metadata: JsonObject
  /** What was found in its bytes, as the kind has it. */
  readonly facts: JsonObject
  readonly uploadedAtMs: number
  readonly processedAtMs: number | null
  /** In the trash since then; null: it is not. */
  readonly deletedAtMs: number | null
  readonly updatedAtMs: number
}

/** Its object is no file but the index of what players are given; it is played, not downloaded. */
export const PLAYBACK_RENDITION = 'hls'
export const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl'

/** What was made of the original. Its key is never written twice. */
export interface RenditionRow {
  readonly assetId: string
  readonly tenantId: string
  /** Unique in the asset: `thumbnail`, `avif`. */
  readonly name: string
  readonly objectKey: string
  readonly contentType: string
  readonly sizeBytes: number
  readonly sha256: string
  /** Null for what is no picture. */
  readonly width: number | null
  readonly height: number | null
  readonly createdAtMs: number
}

/** What its owner may change. */
export type AssetEdit = Partial<Pick<AssetRow, 'name' | 'extension' | 'folder' | 'tags' | 'metadata'>>

/** What processing changes. */
export type AssetProgress = Partial<Pick<AssetRow, 'status' | 'step' | 'failure' | 'facts' | 'processedAtMs'>>
