import type { JobRow } from '../../jobs/types.ts'
import type { ApiApp, ApiContext } from '../context.ts'
import { jobSchema } from '../job-contract.ts'
import { renderJob } from '../job-view.ts'
import {
  explainQuerySchema,
  explanationListSchema,
  moveObjectsSchema,
  restoreObjectsSchema,
} from '../object-contract.ts'
import { renderExplanation } from '../object-view.ts'
import { PROBLEMS, TAGS } from '../openapi.ts'

const tags = [TAGS.objects]

export function registerObjectRoutes(app: ApiApp, { objects }: ApiContext): void {
  const answer = (job: JobRow) => ({ location: `/api/v1/jobs/${job.id}`, view: renderJob(job) })

  app.route({
    method: 'POST',
    url: '/api/v1/objects/move',
    config: { access: 'operator' },
    schema: {
      operationId: 'moveObjects',
      summary: 'Move a part of a recording to another tier',
      description:
        'A job, which can be cancelled and goes on where it was after a restart. Media plays on all the while, unless it goes to the archive. Hours that go on are refused, and for the archive what the live playlist reaches back to.',
      tags,
      body: moveObjectsSchema,
      response: { 202: jobSchema, ...PROBLEMS },
    },
    handler: async ({ body }, reply) => {
      const { location, view } = answer(await objects.move(body))
      return reply.code(202).header('Location', location).send(view)
    },
  })

  app.route({
    method: 'GET',
    url: '/api/v1/objects/explain',
    config: { access: 'viewer' },
    schema: {
      operationId: 'explainObject',
      summary: 'Explain an object, or what was recorded at a moment',
      description:
        'Where its bytes are, what has happened to it, when it is due to go and why, and what stands in the way. By key, or by stream and time: then every track answers.',
      tags,
      querystring: explainQuerySchema,
      response: { 200: explanationListSchema, ...PROBLEMS },
    },
    handler: async ({ query }) => ({ objects: (await objects.explain(query)).map(renderExplanation) }),
  })

  app.route({
    method: 'POST',
    url: '/api/v1/objects/restore',
    config: { access: 'operator' },
    schema: {
      operationId: 'restoreObjects',
      summary: 'Bring back a part of a recording that was archived',
      description: 'A job that ends when all of it can be played. What is not archived costs nothing.',
      tags,
      body: restoreObjectsSchema,
      response: { 202: jobSchema, ...PROBLEMS },
    },
    handler: async ({ body }, reply) => {
      const { location, view } = answer(await objects.restore(body))
      return reply.code(202).header('Location', location).send(view)
    },
  })
}
