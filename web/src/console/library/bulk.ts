// One thing done to many assets: a few at once, and what cannot be done stops nothing else.
import { toDisplayProblem } from '../api/client.ts'
import { plural } from '../format/quantity.ts'

const AT_ONCE = 4

export interface BulkResult {
  readonly done: number
  /** Causes, by how often; most frequent first. */
  readonly causes: readonly { readonly cause: string; readonly count: number }[]
}

export async function forEach<Item>(
  items: readonly Item[],
  act: (item: Item) => Promise<unknown>,
  onProgress: (done: number) => void = () => {},
): Promise<BulkResult> {
  const waiting = [...items]
  const causes = new Map<string, number>()
  let done = 0
  const work = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
      try {
        await act(item)
        done += 1
      } catch (error) {
        const { title } = toDisplayProblem(error)
        causes.set(title, (causes.get(title) ?? 0) + 1)
      }
      onProgress(items.length - waiting.length)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  const sorted = [...causes].map(([cause, count]) => ({ cause, count })).toSorted((a, b) => b.count - a.count)
  return { done, causes: sorted }
}

/** Null: all of it was done. */
export function failureWords({ causes }: BulkResult): string | null {
  const count = causes.reduce((sum, each) => sum + each.count, 0)
  const [first] = causes
  if (first === undefined) return null
  return `${plural(count, 'file was', 'files were')} left as before: ${first.cause}.`
}
