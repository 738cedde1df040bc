// What can be done to the date ranges of a stream. The catalog changes first, then the media plane learns of it.
import type { Catalog, DateRangeRow, StreamRow } from '../catalog/types.ts'
import { MirrorError } from '../core/errors.ts'
import { endOf } from '../hls/date-range.ts'
import type { LiveControl } from '../live/control.ts'
import type { AddDateRangeBody, ChangeDateRangeBody, DateRangeView } from './date-range-contract.ts'
import {
  amendDateRange,
  isInReach,
  MAX_DATE_RANGES_PER_STREAM,
  planDateRange,
  renderDateRangeView,
} from './date-ranges.ts'

/** Playlists hold twice their window; players may be a little behind. */
const REACH_WINDOWS = 2
const REACH_MORE_MS = 60_000
/** Of two changes at once one comes second and sees what the first has done. */
const MAX_TRIES = 5

export interface DateRangeService {
  /** By start. Throws `stream_not_found`, as does everything here. */
  list(streamId: string): Promise<DateRangeView[]>
  /** Throws `daterange_exists`, `daterange_limit`, `invalid_request`. */
  add(streamId: string, body: AddDateRangeBody): Promise<DateRangeView>
  /** Throws `daterange_not_found`, `daterange_fixed`, `invalid_request`. */
  change(streamId: string, id: string, body: ChangeDateRangeBody): Promise<DateRangeView>
  /** Throws `daterange_not_found`, `daterange_listed`. */
  remove(streamId: string, id: string): Promise<void>
}

export interface DateRangeServiceOptions {
  readonly catalog: Pick<Catalog, 'streams' | 'dateRanges'>
  readonly live: Pick<LiveControl, 'status'>
  /** Tells the media plane what the catalog says now. */
  readonly register: (streamId: string) => Promise<void>
  readonly clock: () => number
}

export function createDateRangeService({ catalog, live, register, clock }: DateRangeServiceOptions): DateRangeService {
  async function requireStream(id: string): Promise<StreamRow> {
    const row = await catalog.streams.get(id)
    if (row === null) throw new MirrorError('stream_not_found', `There is no stream ${id}`)
    return row
  }

  async function requireRange(streamId: string, id: string) {
    const rows = await catalog.dateRanges.list({ streamId })
    const row = rows.find(({ range }) => range.id === id)
    if (row === undefined)
      throw new MirrorError('daterange_not_found', `Stream ${streamId} has no date range with this id`)
    return { row, rows }
  }

  return {
    async list(streamId) {
      await requireStream(streamId)
      return (await catalog.dateRanges.list({ streamId })).map(renderDateRangeView)
    },

    async add(streamId, body) {
      await requireStream(streamId)
      const nowMs = clock()
      const row = toRow(streamId, planDateRange(body, nowMs), nowMs)
      if ((await catalog.dateRanges.list({ streamId })).length >= MAX_DATE_RANGES_PER_STREAM)
        throw new MirrorError('daterange_limit', `Stream ${streamId} has ${MAX_DATE_RANGES_PER_STREAM} date ranges`)
      if (!(await catalog.dateRanges.add(row)))
        throw new MirrorError('daterange_exists', `Stream ${streamId} has a date range ${body.id} already`)
      await register(streamId)
      return renderDateRangeView(row)
    },

    async change(streamId, id, body) {
      await requireStream(streamId)
      for (let attempt = 1; ; attempt++) {
        const { row: before } = await requireRange(streamId, id)
        const row = toRow(streamId, amendDateRange(before.range, body, clock()), before.createdAtMs)
        if (await catalog.dateRanges.update(row, before.range)) {
          await register(streamId)
          return renderDateRangeView(row)
        }
        if (attempt === MAX_TRIES) throw new MirrorError('internal', `Date range ${id} of ${streamId} keeps changing`)
      }
    },

    async remove(streamId, id) {
      const stream = await requireStream(streamId)
      const { row, rows } = await requireRange(streamId, id)
      const isShown = live.status(streamId) !== null && live.status(streamId)?.status !== 'offline'
      const ranges = rows.map(({ range }) => range)
      if (isShown && isInReach(row.range, ranges, clock(), REACH_WINDOWS * stream.settings.windowMs + REACH_MORE_MS))
        throw new MirrorError('daterange_listed', `Playlists of ${streamId} still reach back to ${id}`)
      await catalog.dateRanges.remove(streamId, id)
      await register(streamId)
    },
  }
}

function toRow(streamId: string, range: DateRangeRow['range'], createdAtMs: number): DateRangeRow {
  const endMs = endOf(range, [])
  return { streamId, range, endsAtMs: Number.isFinite(endMs) ? Math.ceil(endMs) : null, createdAtMs }
}
