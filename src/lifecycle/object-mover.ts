// Moves objects from tier to tier by the ledger: intent, copy, verified, release, done. In batches, each step of a batch
// written at once; killed at any point it is readable as before, and whoever comes next does the batch again.
import type { LedgerEntry, LedgerState } from '../catalog/ledger-entry.ts'
import type { Catalog } from '../catalog/types.ts'
import { MirrorError, toMirrorError } from '../core/errors.ts'
import type { JobClaim } from '../jobs/types.ts'
import type { StoreCall } from '../storage/object-store.ts'
import type { Tier, TierCopy, TieredStore } from '../storage/tiers.ts'
import type { RecordedObject } from './recorded-objects.ts'

/** Objects whose steps are written together; what a kill makes be done again. */
const BATCH_OBJECTS = 64
const COPIES_AT_ONCE = 4
/** For releases of a batch that was stopped: less than what a process waits for its jobs. */
const ENDING_MS = 1500
/** Failures that a report names; the ledger has all. */
const NAMED_FAILURES = 20

export interface MoverHost {
  readonly store: Pick<TieredStore, 'copyToTier' | 'release'>
  readonly ledger: Catalog['ledger']
  readonly now: () => number
}

export interface MoveOrder {
  readonly to: Tier
  readonly streamId: string | null
  readonly claim: JobClaim
  readonly attempt: number
  readonly onProgress: (done: number, key: string) => void
}

export interface MoveReport {
  /** Now in the tier, those included that were there before. */
  readonly moved: number
  readonly bytes: number
  readonly alreadyThere: number
  /** Deleted before it was their turn. */
  readonly gone: number
  readonly failed: number
  readonly failures: readonly { readonly key: string; readonly message: string }[]
}

type Outcome =
  | { readonly kind: 'copied'; readonly copy: TierCopy }
  | { readonly kind: 'gone' }
  /** It was not its turn any more. */
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly error: MirrorError }

/**
 * Throws what keeps every object from being moved (`store_cannot`, `store_unavailable`) after it was written down;
 * `job_abandoned` when the job belongs to somebody else by now; the signal's reason, with open intents of what was not begun.
 */
export async function moveObjects(
  host: MoverHost,
  objects: AsyncIterable<RecordedObject> | Iterable<RecordedObject>,
  order: MoveOrder,
  call: StoreCall,
): Promise<MoveReport> {
  const total = { moved: 0, bytes: 0, alreadyThere: 0, gone: 0, failed: 0 }
  const failures: { key: string; message: string }[] = []
  let batch: RecordedObject[] = []
  const flush = async () => {
    const full = batch
    batch = []
    if (full.length > 0) await moveBatch(host, full, order, { total, failures }, call)
  }
  for await (const object of objects) {
    batch.push(object)
    if (batch.length >= BATCH_OBJECTS) await flush()
  }
  await flush()
  return { ...total, failures }
}

type Total = { -readonly [Count in keyof Omit<MoveReport, 'failures'>]: number }

async function moveBatch(
  host: MoverHost,
  batch: readonly RecordedObject[],
  order: MoveOrder,
  { total, failures }: { readonly total: Total; readonly failures: { key: string; message: string }[] },
  call: StoreCall,
): Promise<void> {
  const write = async (entries: readonly LedgerEntry[]) => {
    if (await host.ledger.append(entries, order.claim)) return
    throw new MirrorError('job_abandoned', `job ${order.claim.id} was taken over by another worker`)
  }
  const step = (state: LedgerState, key: string, more: Partial<LedgerEntry> = {}): LedgerEntry => ({
    ...{ action: 'move', state, key, streamId: order.streamId, from: null, to: order.to, objects: 1, bytes: null },
    ...{ sha256: null, jobId: order.claim.id, attempt: order.attempt, note: null, atMs: host.now() },
    ...more,
  })
  const stepOf = (state: LedgerState, { key, from, sizeBytes, sha256 }: TierCopy, note: string | null = null) =>
    step(state, key, { from, bytes: sizeBytes, sha256, note })

  await write(batch.map(({ key }) => step('intent', key)))
  const outcomes = await inTurns(batch, (object) => copyOne(host, object, order.to, call))
  // Whoever stops ends what it has begun: nothing is left in two tiers.
  const ending = call.signal.aborted ? { signal: AbortSignal.timeout(ENDING_MS) } : call
  const copies = outcomes.flatMap((outcome) => (outcome.kind === 'copied' ? [outcome.copy] : []))
  await write(copies.map((copy) => stepOf('verified', copy)))

  const released = await inTurns(copies, async (copy) => ({ copy, isReleased: await host.store.release(copy, ending) }))
  const last: LedgerEntry[] = released.map(({ copy, isReleased }) =>
    isReleased ? stepOf('done', copy) : stepOf('failed', copy, 'it was deleted or replaced while it was copied'),
  )
  for (const [at, outcome] of outcomes.entries()) {
    const key = batch[at]?.key ?? ''
    if (outcome.kind === 'gone') last.push(step('failed', key, { note: 'there is no such object any more' }))
    if (outcome.kind === 'failed') last.push(step('failed', key, { note: outcome.error.message }))
  }
  await write(last)
  call.signal.throwIfAborted()

  for (const { copy, isReleased } of released) {
    if (!isReleased) total.gone += 1
    else if (copy.from === copy.to) total.alreadyThere += 1
    if (!isReleased) continue
    total.moved += 1
    total.bytes += copy.sizeBytes
  }
  for (const [at, outcome] of outcomes.entries()) {
    if (outcome.kind === 'gone') total.gone += 1
    if (outcome.kind !== 'failed') continue
    // Nothing else would fare better: the job fails, and is repeated when that may help.
    if (isHopeless(outcome.error)) throw outcome.error
    total.failed += 1
    if (failures.length < NAMED_FAILURES) failures.push({ key: batch[at]?.key ?? '', message: outcome.error.message })
  }
  order.onProgress(total.moved + total.gone + total.failed, batch.at(-1)?.key ?? '')
}

async function copyOne(
  { store }: MoverHost,
  { key, sha256 }: RecordedObject,
  to: Tier,
  call: StoreCall,
): Promise<Outcome> {
  if (call.signal.aborted) return { kind: 'stopped' }
  try {
    const copy = await store.copyToTier(key, to, sha256 === null ? call : { ...call, sha256 })
    return copy === null ? { kind: 'gone' } : { kind: 'copied', copy }
  } catch (error) {
    if (call.signal.aborted) return { kind: 'stopped' }
    return { kind: 'failed', error: toMirrorError(error) }
  }
}

function isHopeless({ code }: MirrorError): boolean {
  return code !== 'object_archived' && code !== 'media_damaged'
}

/** Some at once; results in the order of `items`. Every one has ended when this does. */
async function inTurns<In, Out>(items: readonly In[], work: (item: In) => Promise<Out>): Promise<readonly Out[]> {
  const results = new Array<Out>(items.length)
  const waiting = items.entries()
  const errors: unknown[] = []
  const worker = async () => {
    for (const [at, item] of waiting) {
      try {
        results[at] = await work(item)
      } catch (error) {
        errors.push(error)
        return
      }
    }
  }
  await Promise.all(Array.from({ length: COPIES_AT_ONCE }, worker))
  if (errors.length > 0) throw errors[0]
  return results
}
