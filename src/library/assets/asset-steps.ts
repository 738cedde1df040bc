// What is done to an asset, step after step. Pure.
import type { MediaKind } from '../intake/sniffed-type.ts'
import { RENDITION_NAMES } from '../processing/pictures/plan-image.ts'
import type { AssetRow, AssetStep } from './asset.ts'

const STEPS: Readonly<Record<MediaKind, readonly string[]>> = {
  image: ['identify', 'metadata', 'placeholder', ...RENDITION_NAMES],
  audio: ['identify', 'probe', 'waveform', 'm4a', 'opus', 'hls'],
  video: ['identify', 'probe', 'mp4', 'poster', 'storyboard', 'subtitles', 'hls'],
  document: ['identify', 'pages', 'poster'],
  other: ['identify'],
}

/**
 * `identify`: do name and bytes agree. `metadata`, `placeholder` and `probe` become facts, the others renditions. A step
 * for which there is nothing to do (the subtitles of a video without any) is over at once.
 */
export function stepsOf({ kind }: Pick<AssetRow, 'kind'>): readonly string[] {
  return STEPS[kind]
}

/** To begin with it. Throws when nothing of this kind has such a step. */
export function stepNamed(asset: Pick<AssetRow, 'kind'>, name: string): AssetStep {
  const steps = stepsOf(asset)
  const index = steps.indexOf(name)
  if (index < 0) throw new Error(`no step ${name} of ${asset.kind}`)
  return { name, index: index + 1, count: steps.length }
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
  return step === null ? 0 : Math.floor(((step.index - 1 + (step.percent ?? 0) / 100) / step.count) * 100)
}
