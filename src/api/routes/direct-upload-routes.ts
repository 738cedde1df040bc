import type { ApiApp, ApiContext } from '../context.ts'
import {
  beginDirectSchema,
  directPartsSchema,
  directUploadSchema,
  morePartsSchema,
  ticketBodySchema,
} from '../direct-upload-contract.ts'
import { jobSchema } from '../job-contract.ts'
import { renderJob } from '../job-view.ts'
import { PROBLEMS, TAGS } from '../openapi.ts'
import { TENANT } from './asset-routes.ts'
import { NOTHING } from './route-schemas.ts'

const tags = [TAGS.uploads]
const URL = '/api/v1/uploads/direct'

export function registerDirectUploadRoutes(app: ApiApp, { directUploads }: ApiContext): void {
  app.route({
    method: 'POST',
    url: URL,
    config: { access: 'operator' },
    schema: {
      operationId: 'beginDirectUpload',
      summary: 'Get addresses by which a file goes straight into the bucket',
      description:
        'Of a store that is a bucket. Put the file there, as one or in parts, then complete it with the ticket. The addresses need no key, and take exactly the bytes that were declared.',
      tags,
      body: beginDirectSchema,
      response: { 201: directUploadSchema, ...PROBLEMS },
    },
    handler: async ({ body }, reply) => reply.code(201).send(await directUploads.begin(TENANT, body)),
  })

  app.route({
    method: 'POST',
    url: `${URL}/parts`,
    config: { access: 'operator' },
    schema: {
      operationId: 'listDirectUploadParts',
      summary: 'Get addresses of further parts, or fresh ones',
      description: 'A hundred, from a number on.',
      tags,
      body: morePartsSchema,
      response: { 200: directPartsSchema, ...PROBLEMS },
    },
    handler: async ({ body }) => await directUploads.parts(TENANT, body.ticket, body.from),
  })

  app.route({
    method: 'POST',
    url: `${URL}/complete`,
    config: { access: 'operator' },
    schema: {
      operationId: 'completeDirectUpload',
      summary: 'Make an asset of what was put into the bucket',
      description:
        'By a job: it reads the bytes, compares length and SHA-256, and tells what they are. Its `result` names the asset.',
      tags,
      body: ticketBodySchema,
      response: { 202: jobSchema, ...PROBLEMS },
    },
    handler: async ({ body }, reply) => {
      const job = renderJob(await directUploads.complete(TENANT, body.ticket))
      return reply.code(202).header('Location', `/api/v1/jobs/${job.id}`).send(job)
    },
  })

  app.route({
    method: 'POST',
    url: `${URL}/abort`,
    config: { access: 'operator' },
    schema: {
      operationId: 'abortDirectUpload',
      summary: 'Let go of what was put into the bucket',
      description: 'What nobody completes within 48 hours goes by itself.',
      tags,
      body: ticketBodySchema,
      response: { 204: NOTHING, ...PROBLEMS },
    },
    handler: async ({ body }, reply) => {
      await directUploads.abort(TENANT, body.ticket)
      return reply.code(204).send()
    },
  })
}
