import { z } from 'zod'
import type { ApiApp, ApiContext } from '../context.ts'
import { jobPageSchema, jobQuerySchema, jobSchema, startJobSchema } from '../job-contract.ts'
import { jobOf } from '../job-requests.ts'
import { renderJob, renderJobSummary } from '../job-view.ts'
import { PROBLEMS, TAGS } from '../openapi.ts'
import { DEFAULT_TENANT } from '../stream-service.ts'

const tags = [TAGS.jobs]
const jobParams = z.object({ id: z.string().min(1).meta({ description: 'Job id' }) })

export function registerJobRoutes(app: ApiApp, { jobs, streams }: ApiContext): void {
  app.route({
    method: 'GET',
    url: '/api/v1/jobs',
    config: { access: 'viewer' },
    schema: {
      operationId: 'listJobs',
      summary: 'List jobs, newest first',
      description:
        'Those of all Mirrors of this database that work for your tenant. What ended 30 days ago is forgotten.',
      tags,
      querystring: jobQuerySchema,
      response: { 200: jobPageSchema, ...PROBLEMS },
    },
    handler: async (request) => {
      const { kind, state, before, limit } = request.query
      const rows = await jobs.list(DEFAULT_TENANT, {
        ...(kind === undefined ? {} : { kind }),
        ...(state === undefined ? {} : { state }),
        ...(before === undefined ? {} : { before }),
        limit: limit + 1, // one more tells whether there is a next page
      })
      const page = rows.slice(0, limit)
      return { jobs: page.map(renderJobSummary), nextBefore: rows.length > limit ? (page.at(-1)?.id ?? null) : null }
    },
  })

  app.route({
    method: 'POST',
    url: '/api/v1/jobs',
    config: { access: 'operator' },
    schema: {
      operationId: 'startJob',
      summary: 'Start a job',
      description: 'An unfinished job that was asked to do the same is given instead of a second one.',
      tags,
      body: startJobSchema,
      response: { 202: jobSchema, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const { job } = await jobs.add(await jobOf(request.body, streams))
      return reply.code(202).header('Location', `/api/v1/jobs/${job.id}`).send(renderJob(job))
    },
  })

  app.route({
    method: 'GET',
    url: '/api/v1/jobs/:id',
    config: { access: 'viewer' },
    schema: {
      operationId: 'getJob',
      summary: 'Show a job, how far it is, and its result',
      tags,
      params: jobParams,
      response: { 200: jobSchema, ...PROBLEMS },
    },
    handler: async (request) => renderJob(await jobs.get(DEFAULT_TENANT, request.params.id)),
  })

  app.route({
    method: 'POST',
    url: '/api/v1/jobs/:id/cancel',
    config: { access: 'operator' },
    schema: {
      operationId: 'cancelJob',
      summary: 'Cancel a job',
      description: 'One that waits is cancelled at once. One that runs is told, and stops at the next safe point.',
      tags,
      params: jobParams,
      response: { 200: jobSchema, ...PROBLEMS },
    },
    handler: async (request) => renderJob(await jobs.cancel(DEFAULT_TENANT, request.params.id)),
  })
}
