// From assets to what the API and its events show. Pure.

import { ERRORS } from '../core/errors.ts'
import { type AssetRow, PLAYBACK_RENDITION, type RenditionRow } from '../library/assets/asset.ts'
import type { AssetNewsKind } from '../library/assets/asset-news.ts'
import { percentOf } from '../library/assets/asset-steps.ts'
import type { EventCode, MirrorEvent } from '../live/events.ts'
import { assetOriginalKey } from '../storage/keys.ts'
import type { AssetView } from './asset-contract.ts'
import { isoTime } from './stream-view.ts'

/** `playback`: where players find it; null: nowhere yet. `trashMs`: how long what was deleted stays. */
export function renderAsset(
  asset: AssetRow,
  renditions: readonly RenditionRow[],
  { playback, trashMs }: { readonly playback: AssetView['playback']; readonly trashMs: number },
): AssetView {
  const files = renditions.filter(({ name }) => name !== PLAYBACK_RENDITION)
  const { id, tenantId, name, extension, folder, kind, format, contentType, sizeBytes, sha256, status } = asset
  return {
    ...{ id, tenant: tenantId, name, extension, folder, kind, format, contentType, sizeBytes, sha256, status },
    percent: percentOf(asset),
    step: asset.step && { ...asset.step, percent: asset.step.percent ?? null },
    failure: asset.failure && { ...asset.failure },
    tags: [...asset.tags],
    metadata: { ...asset.metadata },
    facts: { ...asset.facts },
    renditions: files.map((rendition) => ({
      ...{ name: rendition.name, contentType: rendition.contentType, sizeBytes: rendition.sizeBytes },
      ...{ sha256: rendition.sha256, width: rendition.width, height: rendition.height },
      path: `/api/v1/assets/${id}/renditions/${rendition.name}`,
    })),
    storageKey: assetOriginalKey(tenantId, id),
    playback,
    uploadedAt: isoTime(asset.uploadedAtMs),
    processedAt: asset.processedAtMs === null ? null : isoTime(asset.processedAtMs),
    deletedAt: asset.deletedAtMs === null ? null : isoTime(asset.deletedAtMs),
    scheduledDeletionAt: asset.deletedAtMs === null ? null : isoTime(asset.deletedAtMs + trashMs),
    trashSec: trashMs / 1000,
    updatedAt: isoTime(asset.updatedAtMs),
  }
}

const WORDS: Readonly<Record<AssetNewsKind, string>> = {
  created: 'was uploaded',
  updated: 'was changed',
  progress: 'is being processed',
  ready: 'is ready',
  failed: 'could not be processed',
  deleted: 'was put into the trash',
  restored: 'was taken out of the trash',
  purged: 'was deleted for good',
}

export function eventOfAsset(kind: AssetNewsKind, asset: AssetRow, atMs: number): MirrorEvent {
  const { id, tenantId, name, status, step, failure } = asset
  const isFailure = kind === 'failed' && failure !== null
  const cause = isFailure ? `, ${failure.step}: ${failure.message}` : ''
  return {
    type: `asset.${kind}`,
    severity: isFailure ? 'warning' : 'info',
    streamId: null,
    tenantId,
    atMs,
    code: isFailure ? codeOf(failure.code) : null,
    message: `"${name}" ${WORDS[kind]}${cause}`,
    details: {
      ...{ assetId: id, tenant: tenantId, kind: asset.kind, status, percent: percentOf(asset) },
      ...(step === null ? {} : { step: step.name, index: step.index, count: step.count }),
      ...(step?.percent === undefined || step.percent === null ? {} : { stepPercent: step.percent }),
    },
  }
}

/** A newer Mirror may have written one that this does not know. */
function codeOf(code: string): EventCode {
  return Object.hasOwn(ERRORS, code) ? (code as keyof typeof ERRORS) : 'internal'
}
