import { z } from 'zod'
import { MirrorError } from '../../core/errors.ts'
import { parseMoment } from '../../dvr/time-shift.ts'
import type { ApiApp, ApiContext } from '../context.ts'
import { type DvrOverviewView, type DvrView, dvrOverviewSchema, dvrViewSchema } from '../dvr-contract.ts'
import { renderDvrOverview, renderRecordings } from '../dvr-view.ts'
import { PROBLEMS, TAGS } from '../openapi.ts'
import { streamParams } from './route-schemas.ts'

const momentSchema = z
  .string()
  .max(64)
  .meta({ description: 'ISO 8601, seconds or milliseconds since 1970, or negative: before now', example: '-2h' })

export function registerDvrRoutes(app: ApiApp, { streams, live, addresses, clock }: ApiContext): void {
  app.route({
    method: 'GET',
    url: '/api/v1/streams/:id/dvr',
    config: { access: 'viewer' },
    schema: {
      operationId: 'getDvr',
      summary: 'What was recorded',
      description:
        'Times with media and without, of one range (default: as far as recordings are kept), with the address that plays it. A range reaches over seven days at most.',
      tags: [TAGS.streams],
      params: streamParams,
      querystring: z.strictObject({ from: momentSchema.optional(), to: momentSchema.optional() }),
      response: { 200: dvrViewSchema, ...PROBLEMS },
    },
    handler: async (request): Promise<DvrView> => {
      const { id, dvr } = await streams.get(request.params.id, false)
      const nowMs = clock()
      const range = rangeOf(request.query, dvr.retention, nowMs)
      const answer = await live.askArchive({ kind: 'ranges', streamId: id, range })
      if (answer.kind === 'failed') throw new MirrorError(answer.code, answer.message)
      const tracks = answer.kind === 'ranges' ? answer.tracks : []
      return renderRecordings(id, dvr, tracks, range, live.dvr(), addresses, nowMs)
    },
  })

  app.route({
    method: 'GET',
    url: '/api/v1/dvr',
    config: { access: 'viewer' },
    schema: {
      operationId: 'getDvrOverview',
      summary: 'How much is recorded and how fast it grows',
      description: 'Over all streams: bytes, growth and its forecast, and what waits in the spool.',
      tags: [TAGS.streams],
      response: { 200: dvrOverviewSchema, ...PROBLEMS },
    },
    handler: async (): Promise<DvrOverviewView> => {
      const recorded = (await streams.list(false)).filter(({ dvr }) => dvr.enabled).length
      return renderDvrOverview(recorded, live.dvr(), clock())
    },
  })
}

const MAX_RANGE_MS = 7 * 24 * 3_600_000

function rangeOf(query: { from?: string | undefined; to?: string | undefined }, retention: string, nowMs: number) {
  const toMs = momentOf(query.to ?? 'now', nowMs, 'to')
  const oldestMs = momentOf(`-${retention}`, nowMs, 'from')
  const fromMs =
    query.from === undefined ? Math.max(oldestMs, toMs - MAX_RANGE_MS) : momentOf(query.from, nowMs, 'from')
  if (fromMs < toMs) return { fromMs, toMs }
  throw new MirrorError('invalid_request', '"from" must lie before "to"', { details: { path: 'from' } })
}

function momentOf(text: string, nowMs: number, path: string): number {
  const atMs = parseMoment(text, nowMs)
  if (atMs !== null) return atMs
  throw new MirrorError('invalid_request', `"${text}" is no time`, { details: { path } })
}
