// Recordings that people ask for: a stream is recorded from start to stop, and that is kept until somebody deletes it. The
// catalog changes first, then the media plane learns of it.
import type { Catalog, DvrRecordingRow } from '../catalog/types.ts'
import { MirrorError } from '../core/errors.ts'
import type { RecordedRanges } from '../dvr/archive-requests.ts'
import type { LiveControl } from '../live/control.ts'
import type { DvrRecordingDetailView, DvrRecordingView } from './dvr-contract.ts'
import { renderDvrRecording, renderDvrRecordingDetail } from './dvr-recording-view.ts'
import type { EventHub } from './event-hub.ts'
import type { Addresses } from './stream-urls.ts'

const MAX_RANGE_MS = 7 * 24 * 3_600_000

export interface DvrRecordingService {
  /** Throws `stream_not_found`, `recording_active` with the id of the one that runs. */
  start(streamId: string, title: string): Promise<DvrRecordingView>
  /** Throws `stream_not_found`, `recording_inactive`. */
  stop(streamId: string): Promise<DvrRecordingDetailView>
  /** Newest first. `before`: the last one of the page before. */
  list(query: {
    readonly streamId?: string
    readonly before?: string
    readonly limit: number
  }): Promise<readonly DvrRecordingView[]>
  /** Throws `recording_unknown`. */
  get(id: string): Promise<DvrRecordingDetailView>
  /** From now on retention decides over what it kept. Throws `recording_unknown`, `recording_active`. */
  remove(id: string): Promise<void>
}

export interface DvrRecordingServiceOptions {
  readonly catalog: Pick<Catalog, 'streams' | 'dvrRecordings'>
  readonly live: Pick<LiveControl, 'status' | 'askArchive'>
  /** Tells the media plane what the catalog says now. */
  readonly register: (streamId: string) => Promise<void>
  readonly newId: () => string
  readonly addresses: Addresses
  readonly events: Pick<EventHub, 'publish'>
  readonly clock: () => number
}

export function createDvrRecordingService(options: DvrRecordingServiceOptions): DvrRecordingService {
  const { catalog, live, register, newId, addresses, events, clock } = options
  const recordings = catalog.dvrRecordings

  async function require(id: string): Promise<DvrRecordingRow> {
    const row = await recordings.get(id)
    if (row === null) throw new MirrorError('recording_unknown', 'There is no recording with this id')
    return row
  }

  async function requireStream(id: string): Promise<void> {
    if ((await catalog.streams.get(id)) === null) {
      throw new MirrorError('stream_not_found', `There is no stream ${id.slice(0, 64)}`)
    }
  }

  async function running(streamId: string): Promise<DvrRecordingRow | null> {
    const [newest] = await recordings.list({ streamId, limit: 1 })
    return newest !== undefined && newest.endsAtMs === null ? newest : null
  }

  /** Throws what keeps the archive from answering. */
  async function recorded({ streamId, startsAtMs, endsAtMs }: DvrRecordingRow): Promise<readonly RecordedRanges[]> {
    const toMs = endsAtMs ?? clock()
    // Longer ones are told by their last week.
    const range = { fromMs: Math.max(startsAtMs, toMs - MAX_RANGE_MS), toMs: Math.max(toMs, startsAtMs + 1) }
    const answer = await live.askArchive({ kind: 'ranges', streamId, range })
    if (answer.kind === 'failed') throw new MirrorError(answer.code, answer.message)
    return answer.kind === 'ranges' ? answer.tracks : []
  }

  const isLive = (streamId: string) => live.status(streamId)?.status === 'live'
  const view = (row: DvrRecordingRow) => renderDvrRecording(row, isLive(row.streamId), addresses)
  const detail = async (row: DvrRecordingRow) =>
    renderDvrRecordingDetail(row, isLive(row.streamId), await recorded(row), addresses, clock())

  function report(streamId: string, message: string, id: string): void {
    events.publish({
      ...{ type: 'stream.updated', severity: 'info', streamId, atMs: clock(), code: null, message },
      details: { recording: id },
    })
  }

  return {
    async start(streamId, title) {
      await requireStream(streamId)
      const row: DvrRecordingRow = { id: newId(), streamId, title, startsAtMs: clock(), endsAtMs: null, failure: null }
      if (!(await recordings.begin(row))) {
        const details = { recording: (await running(streamId))?.id ?? '' }
        throw new MirrorError('recording_active', `Stream ${streamId} is being recorded already`, { details })
      }
      await register(streamId)
      report(streamId, `A recording of ${streamId} began`, row.id)
      return view(row)
    },

    async stop(streamId) {
      await requireStream(streamId)
      const row = await running(streamId)
      const inactive = () => new MirrorError('recording_inactive', `No recording of ${streamId} is running`)
      if (row === null) throw inactive()
      const endsAtMs = Math.max(clock(), row.startsAtMs + 1)
      const tracks = await recorded({ ...row, endsAtMs })
      const failure = tracks.some(({ media }) => media.length > 0) ? null : 'nothing was live while it ran'
      if (!(await recordings.end(row.id, endsAtMs, failure))) throw inactive()
      await register(streamId)
      report(streamId, `A recording of ${streamId} ended`, row.id)
      return renderDvrRecordingDetail({ ...row, endsAtMs, failure }, false, tracks, addresses, clock())
    },

    async list({ streamId, before, limit }) {
      const rows = await recordings.list({
        ...(streamId === undefined ? {} : { streamId }),
        ...(before === undefined ? {} : { before: await require(before) }),
        limit,
      })
      return rows.map(view)
    },

    get: async (id) => await detail(await require(id)),

    async remove(id) {
      const row = await require(id)
      if (!(await recordings.remove(id))) {
        if ((await recordings.get(id)) === null) throw new MirrorError('recording_unknown', 'It has just been deleted')
        throw new MirrorError('recording_active', 'It is still running: stop it first', { details: { recording: id } })
      }
      await register(row.streamId)
      report(row.streamId, `A recording of ${row.streamId} was deleted`, id)
    },
  }
}
