// When a recording of a call goes to a colder tier. Pure.
import { TIERS, type Tier } from '../../storage/tiers.ts'

/** Ages since a recording came in; null: never. */
export interface TierAges {
  readonly warmAfterMs: number | null
  readonly coldAfterMs: number | null
}

export interface TierMove {
  readonly to: Tier
  readonly from: readonly Tier[]
  /** Older ones are due. */
  readonly cameBeforeMs: number
}

/** Coldest first: what is old enough for cold does not go to warm before. Tiers that the store does not keep are left out. */
export function movesDue(
  { warmAfterMs, coldAfterMs }: TierAges,
  kept: readonly Tier[],
  nowMs: number,
): readonly TierMove[] {
  const wishes: readonly (readonly [Tier, number | null])[] = [
    ['cold', coldAfterMs],
    ['warm', warmAfterMs],
  ]
  return wishes.flatMap(([to, afterMs]) => {
    if (afterMs === null || !kept.includes(to)) return []
    return [{ to, from: TIERS.slice(0, TIERS.indexOf(to)), cameBeforeMs: nowMs - afterMs }]
  })
}
