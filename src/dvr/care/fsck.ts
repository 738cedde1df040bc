// Checks recordings both ways: what indexes name must lie in the store with its length, and what lies there must be named.
// Lists, and reads only indexes, so it costs little; bytes are for the scrub. Whatever looks wrong is looked at again before
// it is told, because recording and expiry go on meanwhile.
import { recordingsPrefix } from '../../storage/keys.ts'
import type { ObjectInfo, ObjectStore, StoreCall } from '../../storage/object-store.ts'
import { IndexStore } from '../index-store.ts'
import { type Finding, type FindingCounts, Findings } from './finding.ts'
import { HourCheck } from './hour-check.ts'
import type { HourListing } from './judge-hour.ts'
import { StreamCheck } from './stream-check.ts'
import { type StreamPath, walkRecordings } from './walk-recordings.ts'

export interface FsckOptions {
  readonly store: ObjectStore
  /** One stream; null: everything that was ever recorded. */
  readonly stream: StreamPath | null
  /** Whether the catalog has the stream. */
  readonly isKnown: (stream: StreamPath) => boolean
  readonly repair: boolean
  /** What is younger may be under way, and is no orphan. */
  readonly graceMs: number
  readonly now: () => number
  readonly onProgress: (objects: number, note: string) => void
}

export interface FsckReport {
  readonly streams: number
  readonly hours: number
  readonly objects: number
  readonly bytes: number
  readonly counts: FindingCounts
  readonly findings: readonly Finding[]
}

/** Rejects with `store_unavailable`, or with the signal's reason. */
export async function checkRecordings(options: FsckOptions, call: StoreCall): Promise<FsckReport> {
  const { store, stream: only, isKnown, now, onProgress } = options
  const indexes = new IndexStore(store, now)
  const findings = new Findings()
  const totals = { streams: 0, hours: 0, objects: 0, bytes: 0 }
  const hourCheck = new HourCheck({ ...options, indexes, findings })
  let current: StreamCheck | null = null

  async function* counted(): AsyncGenerator<ObjectInfo, void, void> {
    for await (const object of store.list(recordingsPrefix(only ?? {}), call)) {
      totals.objects += 1
      totals.bytes += object.sizeBytes
      yield object
    }
  }
  async function enter(stream: StreamPath): Promise<StreamCheck> {
    await current?.finish(call)
    totals.streams += 1
    if (!isKnown(stream)) {
      findings.add({
        code: 'unknown_stream',
        severity: 'info',
        key: recordingsPrefix(stream),
        message: `Recordings of ${stream.streamId}, which is no stream of this Mirror: nothing expires them`,
        repair: null,
      })
    }
    const check = new StreamCheck({ ...options, indexes, findings, stream })
    await check.begin(call)
    return check
  }

  // A stream whose index names hours of which nothing lies in the store has no other objects to be met by.
  if (only !== null) current = await enter(only)
  for await (const walked of walkRecordings(counted())) {
    onProgress(totals.objects, only?.streamId ?? 'objects')
    switch (walked.kind) {
      case 'stream':
        if (only === null) current = await enter(walked.stream)
        break
      case 'init':
        current?.sawInit(walked.track, walked.name)
        break
      case 'hour':
        totals.hours += 1
        if (current !== null) await hourOf(walked.listing, current)
        break
      case 'unknown':
        findings.add({
          code: 'unknown_object',
          severity: 'info',
          key: walked.object.key,
          message: 'Mirror writes nothing of this name; it is left alone',
          repair: null,
        })
        break
      default: // The stream's check reads its index by itself.
    }
  }
  await current?.finish(call)
  return { ...totals, counts: findings.counts, findings: findings.list }

  async function hourOf(listing: HourListing, check: StreamCheck): Promise<void> {
    const { track, hour } = listing
    if (check.isExpiring(track.trackId, hour)) return check.sawHour(track, hour, null)
    const index = await hourCheck.check(listing, check.factsOf(track.trackId), call)
    check.sawHour(track, hour, index)
  }
}
