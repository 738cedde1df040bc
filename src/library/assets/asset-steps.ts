// What is done to an asset, step after step. Pure.
import { RENDITION_NAMES } from '../processing/pictures/plan-image.ts'
import type { AssetRow } from './asset.ts'

/** `identify`: do name and bytes agree. `metadata` and `placeholder` become facts, the others renditions. */
export function stepsOf({ kind }: Pick<AssetRow, 'kind'>): readonly string[] {
  return kind === 'image' ? ['identify', 'metadata', 'placeholder', ...RENDITION_NAMES] : ['identify']
}

/** From 0: the first step that is not done. A plan that has changed since begins anew. */
export function resumeAt(asset: Pick<AssetRow, 'kind' | 'step'>): number {
  const steps = stepsOf(asset)
  const { step } = asset
  const index = step === null ? -1 : steps.indexOf(step.name)
  return step !== null && index === step.index - 1 && step.count === steps.length ? index : 0
}

/** How much is done, of 100. */
export function percentOf({ status, step }: Pick<AssetRow, 'status' | 'step'>): number {
  if (status === 'ready') return 100
  return step === null ? 0 : Math.floor(((step.index - 1) / step.count) * 100)
}
