import type { JsonObject } from './asset.ts'

/** How much of a step is done, of 100. Call it as often as you like. */
export type OnPercent = (percent: number) => void

/** Does the steps of one kind of asset, in one attempt. Disposing removes what it keeps on the disk. */
export interface StepMaker extends AsyncDisposable {
  /** Does one step; `facts` are those of the steps before. Gives new facts, or null for a step that only makes renditions. */
  run(step: string, facts: JsonObject, onPercent: OnPercent): Promise<JsonObject | null>
}
