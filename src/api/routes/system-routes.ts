import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { ERRORS, MirrorError } from '../../core/errors.ts'
import { problemsOfBackups, renderBackup } from '../backup-view.ts'
import type { ApiApp, ApiContext } from '../context.ts'
import { PROBLEMS, TAGS } from '../openapi.ts'
import { consoleUrl, mediaUrl, rtmpUrl, srtUrl } from '../stream-urls.ts'
import { isoTime } from '../stream-view.ts'
import { healthSchema, metricsStreamsSchema, readinessSchema, systemSchema } from '../system-contract.ts'
import { NO_SECURITY } from './route-schemas.ts'

const tags = [TAGS.system]
/** A database that does not answer within this time counts as away. */
const DATABASE_TIMEOUT_MS = 2_000

export function registerSystemRoutes(app: ApiApp, context: ApiContext): void {
  const { addresses, live } = context

  app.route({
    method: 'GET',
    url: '/api/v1/system',
    config: { access: 'viewer' },
    schema: {
      operationId: 'getSystem',
      summary: 'Show version, addresses and known problems',
      tags,
      response: { 200: systemSchema, ...PROBLEMS },
    },
    handler: () => ({
      version: context.version,
      startedAt: isoTime(context.startedAtMs),
      addresses: {
        console: consoleUrl(addresses),
        media: mediaUrl(addresses),
        rtmp: rtmpUrl(addresses),
        srt: srtUrl(addresses),
      },
      database: context.database,
      catalogBackup: renderBackup(context.backups.newest),
      problems: [...live.health().problems, ...problemsOfBackups(context.backups.trouble)],
    }),
  })

  app.route({
    method: 'GET',
    url: '/api/v1/metrics/streams',
    config: { access: 'viewer' },
    schema: {
      operationId: 'getStreamMetrics',
      summary: 'Show bit rate, latency, viewers and drops of every stream',
      tags,
      response: { 200: metricsStreamsSchema, ...PROBLEMS },
    },
    handler: () => ({
      streams: live.statuses().map((status) => ({
        id: status.id,
        status: status.status,
        viewers: status.viewers,
        bitrate_bps: status.bitrateBps,
        fps: status.fps,
        latency_p50: status.latencyMs?.p50 ?? null,
        latency_p95: status.latencyMs?.p95 ?? null,
        drops: Object.values(status.drops).reduce((sum, count) => sum + count, 0),
      })),
    }),
  })

  app.route({
    method: 'GET',
    url: '/health',
    config: { access: 'open' },
    schema: {
      operationId: 'getHealth',
      summary: 'Tell that the process is alive',
      tags,
      security: NO_SECURITY,
      response: { 200: healthSchema, ...PROBLEMS },
    },
    handler: () => ({ status: 'ok' as const }),
  })

  app.route({
    method: 'GET',
    url: '/ready',
    config: { access: 'open' },
    schema: {
      operationId: 'getReadiness',
      summary: 'Tell whether encoders and viewers can be served',
      description:
        '503 with the reasons until it can. A missing optional capability is listed but does not prevent it.',
      tags,
      security: NO_SECURITY,
      response: { 200: readinessSchema, 503: readinessSchema },
    },
    handler: async (_request, reply) => {
      const [{ ready, problems }, databaseAnswers] = [live.health(), await answersInTime(context)]
      const { title, advice } = ERRORS.database_unavailable
      const database = databaseAnswers ? [] : [{ code: 'database_unavailable', message: `${title}. ${advice}` }]
      const backups = problemsOfBackups(context.backups.trouble)
      const isReady = ready && databaseAnswers
      return reply.code(isReady ? 200 : 503).send({ ready: isReady, problems: [...problems, ...backups, ...database] })
    },
  })

  app.route({
    method: 'GET',
    url: '/metrics',
    config: { access: 'open' },
    schema: {
      operationId: 'getMetrics',
      summary: 'Metrics for Prometheus',
      description: 'By default only from this machine; otherwise with an API key (`metrics.access`).',
      tags,
      response: { 200: z.string().meta({ description: 'Prometheus text format' }), ...PROBLEMS },
    },
    handler: async (request, reply) => {
      if (!mayReadMetrics(request, context.metricsAccess)) {
        throw new MirrorError('unauthorized', 'Metrics are served to this machine, or with an API key')
      }
      const text = await context.metrics.render()
      return reply.type(context.metrics.contentType).serializer(String).send(text)
    },
  })

  app.route({
    method: 'GET',
    url: '/api/v1/openapi.json',
    config: { access: 'open' },
    schema: {
      operationId: 'getOpenApi',
      summary: 'This description',
      tags,
      security: NO_SECURITY,
      response: { 200: z.record(z.string(), z.unknown()).meta({ description: 'OpenAPI 3.1' }), ...PROBLEMS },
    },
    handler: () => ({ ...app.swagger() }),
  })
}

async function answersInTime({ catalog }: ApiContext): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), DATABASE_TIMEOUT_MS)
  })
  const answer = catalog.events.list({ limit: 1 }).then(
    () => true,
    () => false,
  )
  try {
    return await Promise.race([answer, timeout])
  } finally {
    clearTimeout(timer)
  }
}

function mayReadMetrics(request: FastifyRequest, access: ApiContext['metricsAccess']): boolean {
  if (access === 'public' || request.principal !== null) return true
  return access === 'loopback' && isDirectFromLoopback(request)
}

/** A proxy on this machine speaks for somebody else, which its headers show. */
function isDirectFromLoopback({ socket, headers }: FastifyRequest): boolean {
  if (headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined) return false
  const peer = (socket.remoteAddress ?? '').replace(/^::ffff:/, '')
  return peer === '::1' || peer.startsWith('127.')
}
