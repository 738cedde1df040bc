// Takes finished segments from the live edge into the spool. Never makes live wait: memory that waits for the disk is
// bounded, and what does not fit is given up as an explicit gap.
import { type MirrorError, toMirrorError } from '../core/errors.ts'
import type { Shelf } from '../live/origin/shelf.ts'
import type { Publication } from '../live/publication.ts'
import type { TrackPath } from '../storage/keys.ts'
import type { Spool } from './spool/spool.ts'
import type { TrackFacts } from './track-facts.ts'

/** Bytes of live windows that may wait for the disk, over all streams. */
const MAX_WAITING_BYTES = 256 * 1024 * 1024
/** Segments of one track: at two seconds each more than the window's spare time. */
const MAX_WAITING_SEGMENTS = 8

type SegmentPublication = Extract<Publication, { kind: 'segment' }>

export interface RecorderHost {
  readonly spool: Pick<Spool, 'append'>
  readonly shelf: (streamId: string) => Shelf
  /** Null: the stream is not to be recorded. */
  readonly tenantOf: (streamId: string) => string | null
  readonly onRecorded: (track: TrackPath, segment: { readonly msn: number; readonly sizeBytes: number }) => void
  readonly onLost: (track: TrackPath, msn: number, cause: MirrorError) => void
}

export class Recorder {
  readonly #host: RecorderHost
  readonly #tracks = new Map<string, { facts: TrackFacts; newestMsn: number; waiting: number; hasRecorded: boolean }>()
  readonly #underWay = new Set<Promise<void>>()
  #waitingBytes = 0

  constructor(host: RecorderHost) {
    this.#host = host
  }

  /** After the shelf of the stream has seen it. */
  observe(publication: Publication): void {
    if (publication.kind === 'track') {
      const { streamId, trackId, facts } = publication
      const known = this.#tracks.get(`${streamId}/${trackId}`)
      if (known === undefined)
        this.#tracks.set(`${streamId}/${trackId}`, { facts, newestMsn: -1, waiting: 0, hasRecorded: false })
      else known.facts = facts
    } else if (publication.kind === 'segment') this.#record(publication)
  }

  /** Resolves when everything that was taken is on the disk or lost. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay)
  }

  #record(publication: SegmentPublication): void {
    const { streamId, trackId, name, msn, isGap } = publication
    const tenantId = this.#host.tenantOf(streamId)
    const track = this.#tracks.get(`${streamId}/${trackId}`)
    if (tenantId === null || track === undefined || msn <= track.newestMsn) return
    track.newestMsn = msn
    const shelf = this.#host.shelf(streamId)
    const shelved = shelf.track(trackId)
    const media = isGap || shelved === null ? null : shelf.lease(shelved, name)
    const path = { tenantId, streamId, trackId }
    if (!isGap && media === null) {
      // Before its first segment a thread may be told of what the one before it has recorded.
      if (track.hasRecorded) this.#host.onLost(path, msn, toMirrorError(new Error('it left the window unrecorded')))
      return
    }
    track.hasRecorded = true
    const sizeBytes = media?.sizeBytes ?? 0
    const canWait = track.waiting < MAX_WAITING_SEGMENTS && this.#waitingBytes + sizeBytes <= MAX_WAITING_BYTES
    if (!canWait) {
      media?.release()
      return this.#host.onLost(path, msn, toMirrorError(new Error('the disk does not keep up')))
    }
    const { dsn, startsAtMs, durationSec, initName } = publication
    const bytes = initName === null ? undefined : shelved?.inits.get(initName)
    track.waiting += 1
    this.#waitingBytes += sizeBytes
    const done = this.#host.spool
      .append({
        track: path,
        facts: track.facts,
        init: initName === null || bytes === undefined ? null : { name: initName, bytes },
        segment: { msn, dsn, startsAtMs, durationSec, initName },
        buffers: media?.buffers ?? [],
      })
      .then(
        () => this.#host.onRecorded(path, { msn, sizeBytes }),
        (error: unknown) => this.#host.onLost(path, msn, toMirrorError(error)),
      )
      .finally(() => {
        media?.release()
        track.waiting -= 1
        this.#waitingBytes -= sizeBytes
        this.#underWay.delete(done)
      })
    this.#underWay.add(done)
  }
}
