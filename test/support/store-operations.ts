// Sequences of calls on a store, as fast-check makes and shrinks them. Plain data: a failing one can be read and run again.
import fc from 'fast-check'
import type { Tier } from '../../src/storage/tiers.ts'

/** No key is another's folder: a folder store cannot keep both `a` and `a/b`. */
export const KEYS = ['a', 'd/1', 'd/2', 'd/e/1', 'd-1', 'd.json', 'z/ä', 'z/\u{1f3ac}'] as const
export const PREFIXES = ['', 'd', 'd/', 'd/e/', 'd/1', 'z/', 'nothing/', '../', 'd//'] as const
export const PLACES = ['', ...KEYS, 'd', 'd/', 'd0', 'd/e/0', 'z/\u{10ffff}', '~'] as const

export interface BodyPlan {
  readonly fill: number
  readonly sizeBytes: number
  /** Handed over in chunks of this size; null: as one array. */
  readonly chunkBytes: number | null
}

/** `stale`: an etag that the key had before; `strange`: one that another key has. */
export type When = 'always' | 'absent' | 'current' | 'stale' | 'strange'

export type Operation = {
  /** Which of two handles on the same store is used, as two processes would have them. */
  readonly by: 0 | 1
} & (
  | { readonly kind: 'put'; readonly key: string; readonly body: BodyPlan; readonly when: When }
  | {
      readonly kind: 'break_off'
      readonly key: string
      readonly body: BodyPlan
      readonly when: When
      readonly how: 'abort' | 'error' | 'abort_and_hang'
    }
  | { readonly kind: 'race'; readonly key: string; readonly racers: number; readonly when: 'absent' | 'current' }
  | { readonly kind: 'read'; readonly key: string; readonly range: RangePlan | null }
  | { readonly kind: 'open'; readonly key: string; readonly range: RangePlan | null }
  | { readonly kind: 'finish'; readonly reader: number }
  | { readonly kind: 'leave'; readonly reader: number }
  | { readonly kind: 'head'; readonly key: string }
  | { readonly kind: 'list'; readonly prefix: string; readonly after: string }
  | { readonly kind: 'delete'; readonly keys: readonly string[] }
  /** A move is a copy and a release, and anything may happen in between, also nothing ever again. */
  | { readonly kind: 'copy'; readonly key: string; readonly to: Tier }
  /** `copy`: counted back from the newest. */
  | { readonly kind: 'release'; readonly copy: number }
)

/** In thousandths of the object, so that ranges lie in, across and behind whatever the object's size is. */
export interface RangePlan {
  readonly fromPermille: number
  readonly lengthPermille: number
}

export interface Ground {
  /** Sizes at which the store under test does something else than for a small body. */
  readonly largeBytes: readonly number[]
  /** Tiers below hot that can be read at once; none: no object is moved. */
  readonly tiers?: readonly Tier[]
}

export function sequences(ground: Ground): fc.Arbitrary<readonly Operation[]> {
  return fc.array(operation(ground), { minLength: 1, maxLength: 20, size: 'max' })
}

function operation({ largeBytes, tiers = [] }: Ground): fc.Arbitrary<Operation> {
  const by = fc.constantFrom<0 | 1>(0, 1)
  // Fewer keys, where most is to happen to what has just been copied.
  const key = fc.constantFrom(...(tiers.length === 0 ? KEYS : KEYS.slice(0, 2)))
  const body = fc.record({
    fill: fc.nat({ max: 5 }),
    sizeBytes: fc.oneof(
      { weight: 19, arbitrary: fc.nat({ max: 60 }) },
      { weight: 1, arbitrary: fc.constantFrom(...largeBytes) },
    ),
    chunkBytes: fc.constantFrom(null, 7, 100_000),
  })
  const when = fc.constantFrom<When>('always', 'always', 'absent', 'current', 'stale', 'strange')
  const range = fc.option(fc.record({ fromPermille: fc.nat({ max: 1200 }), lengthPermille: fc.nat({ max: 1200 }) }))
  const reader = fc.nat({ max: 3 })
  const of = <K extends Operation['kind']>(kind: K) => fc.constant(kind)
  const to = fc.constantFrom<Tier>('hot', ...tiers)
  const moves = [
    { weight: 12, arbitrary: fc.record({ by, kind: of('copy'), key, to }) },
    { weight: 12, arbitrary: fc.record({ by, kind: of('release'), copy: fc.nat({ max: 1 }) }) },
  ]
  return fc.oneof(
    ...(tiers.length === 0 ? [] : moves),
    { weight: 8, arbitrary: fc.record({ by, kind: of('put'), key, body, when }) },
    {
      weight: 2,
      arbitrary: fc.record({
        ...{ by, kind: of('break_off'), key, body, when },
        how: fc.constantFrom<'abort' | 'error' | 'abort_and_hang'>('abort', 'error', 'abort_and_hang'),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        ...{ by, kind: of('race'), key, racers: fc.integer({ min: 2, max: 4 }) },
        when: fc.constantFrom<'absent' | 'current'>('absent', 'current'),
      }),
    },
    { weight: 3, arbitrary: fc.record({ by, kind: of('read'), key, range }) },
    { weight: 2, arbitrary: fc.record({ by, kind: of('open'), key, range }) },
    { weight: 2, arbitrary: fc.record({ by, kind: of('finish'), reader }) },
    { weight: 1, arbitrary: fc.record({ by, kind: of('leave'), reader }) },
    { weight: 2, arbitrary: fc.record({ by, kind: of('head'), key }) },
    {
      weight: 2,
      arbitrary: fc.record({
        ...{ by, kind: of('list'), prefix: fc.constantFrom(...PREFIXES), after: fc.constantFrom(...PLACES) },
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ by, kind: of('delete'), keys: fc.uniqueArray(key, { minLength: 1, maxLength: 2 }) }),
    },
  )
}
