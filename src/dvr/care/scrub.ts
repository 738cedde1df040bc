// Reads recordings byte for byte and compares them with the SHA-256 that was taken before they first left the memory. Finds
// what a listing cannot: changed bits, bytes of another object. Changes nothing.
import { initName } from '../../live/publication.ts'
import { initHash } from '../../media/fmp4/init-segment.ts'
import { hourPrefix, recordedInitKey, recordingsPrefix } from '../../storage/keys.ts'
import type { ObjectInfo, ObjectKey, ObjectStore, StoreCall } from '../../storage/object-store.ts'
import { parseStreamIndex } from '../stream-index.ts'
import { type Finding, type FindingCounts, Findings } from './finding.ts'
import type { HourListing } from './judge-hour.ts'
import type { Pace } from './pace.ts'
import { scrubHour } from './scrub-hour.ts'
import { isDamaged, ScrubReader } from './scrub-reader.ts'
import { type StreamPath, walkRecordings } from './walk-recordings.ts'

export interface ScrubOptions {
  readonly store: ObjectStore
  /** One stream; null: everything that was ever recorded. */
  readonly stream: StreamPath | null
  /** Ends after the hour in which so many have been read; null: reads all. */
  readonly maxBytes: number | null
  /** `next` of an earlier report: goes on behind it. */
  readonly after: string | null
  readonly pace: Pace
  readonly now: () => number
  readonly onProgress: (bytes: number, note: string) => void
}

export interface ScrubReport {
  readonly streams: number
  readonly hours: number
  readonly objects: number
  readonly bytes: number
  /** Objects that were not read, because they would have to be restored first. */
  readonly archived: number
  readonly counts: FindingCounts
  readonly findings: readonly Finding[]
  /** Where to go on; null: all was read. */
  readonly next: string | null
}

/** Rejects with `store_unavailable`, or with the signal's reason. */
export async function scrubRecordings(options: ScrubOptions, call: StoreCall): Promise<ScrubReport> {
  const { store, stream, maxBytes, after, pace, now, onProgress } = options
  const findings = new Findings()
  let streams = 0
  let hours = 0
  let next: string | null = null
  let isAll = true
  const reader = new ScrubReader(store, pace, () => onProgress(reader.bytes, notes(findings)))

  const listed = store.list(recordingsPrefix(stream ?? {}), { ...call, ...(after === null ? {} : { after }) })
  for await (const walked of walkRecordings(listed)) {
    const isSpent = maxBytes !== null && reader.bytes >= maxBytes
    if (isSpent && hours > 0 && walked.kind === 'hour') {
      isAll = false
      break
    }
    switch (walked.kind) {
      case 'stream':
        streams += 1
        break
      case 'stream_index':
        await scrubStreamIndex(walked.object)
        break
      case 'init':
        await scrubInit(recordedInitKey(walked.track, walked.name), walked.name)
        break
      case 'hour':
        hours += 1
        await scrubHour({ store, reader, findings, now }, walked.listing, call)
        next = behind(walked.listing)
        break
      default: // Not written by Mirror.
    }
  }
  const { objects, bytes, archived } = reader
  return {
    streams,
    hours,
    objects,
    bytes,
    archived,
    counts: findings.counts,
    findings: findings.list,
    next: isAll ? null : next,
  }

  async function scrubInit(key: ObjectKey, name: string): Promise<void> {
    const bytes = await reader.whole(key, call)
    if (bytes === null || initName(initHash(bytes)) === name) return
    findings.add({
      code: 'init_damaged',
      severity: 'error',
      key,
      message: `Bytes 0–${bytes.length}: the SHA-256 is not the one in its name; nothing that needs it can be played`,
      repair: null,
    })
  }

  async function scrubStreamIndex({ key }: ObjectInfo): Promise<void> {
    const bytes = await reader.whole(key, call)
    if (bytes === null || !isDamaged(() => parseStreamIndex(bytes.toString('utf8')))) return
    findings.add({
      code: 'stream_index_damaged',
      severity: 'error',
      key,
      message: 'The index of the stream cannot be read; "mirror fsck --repair" makes it anew',
      repair: null,
    })
  }
}

/** After every key of the hour and before those of the next: `0` comes next to the slash. */
function behind({ track, hour }: HourListing): string {
  return hourPrefix(track, hour).replace(/\/$/, '0')
}

function notes({ counts }: Findings): string {
  return counts.error === 0 ? 'bytes' : `bytes, ${counts.error} damaged`
}
