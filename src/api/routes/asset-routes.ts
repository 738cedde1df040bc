import { z } from 'zod'
import { MirrorError } from '../../core/errors.ts'
import { boundaryOf } from '../../library/intake/multipart.ts'
import {
  assetLabelsSchema,
  assetLinkQuerySchema,
  assetLinkSchema,
  assetPageSchema,
  assetQuerySchema,
  assetSchema,
  patchAssetSchema,
  processAssetSchema,
  uploadAssetSchema,
  uploadedAssetSchema,
} from '../asset-contract.ts'
import type { ApiApp, ApiContext } from '../context.ts'
import { jobSchema } from '../job-contract.ts'
import { renderJob } from '../job-view.ts'
import { PROBLEMS, TAGS } from '../openapi.ts'

const tags = [TAGS.assets]
/** Until there are tenants. */
export const TENANT = 'default'
const assetParams = z.object({ id: z.string().min(1).max(64).meta({ description: 'Asset id' }) })

export function registerAssetRoutes(app: ApiApp, { assets }: ApiContext): void {
  app.route({
    method: 'POST',
    url: '/api/v1/assets',
    config: { access: 'operator', longBody: true },
    // A form is not there yet when this would look at it.
    validatorCompiler: () => (value: unknown) => ({ value }),
    schema: {
      operationId: 'uploadAsset',
      summary: 'Upload content',
      description:
        'A form with `file`, and before or behind it `name`, `folder`, `tags` (divided by commas) and `metadata` (JSON). What it is, its bytes say. Processing goes on by itself: `asset.…` events tell of it. Bytes that you have already are answered with 200 and the asset that has them. Or JSON with `url`, answered with 202 and the job that fetches it: its `result` names the asset.',
      tags,
      consumes: ['multipart/form-data', 'application/json'],
      body: uploadAssetSchema,
      response: { 200: uploadedAssetSchema, 201: uploadedAssetSchema, 202: jobSchema, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const contentType = request.headers['content-type']
      const boundary = boundaryOf(contentType)
      if (boundary === null) {
        if (!/^application\/json\b/i.test(contentType ?? ''))
          throw new MirrorError('invalid_request', 'An upload is a form: multipart/form-data; or JSON with "url"')
        const job = renderJob(await assets.pull(TENANT, request.body))
        return reply.code(202).header('Location', `/api/v1/jobs/${job.id}`).send(job)
      }
      // Ending early must not cut the connection on which the refusal is to be told.
      const source = request.raw.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>
      const uploaded = await assets.upload(TENANT, source, boundary).finally(() => {
        // What is left of a refused one is in the way of the next request on its connection.
        request.raw.resume()
      })
      if (uploaded.duplicate) return uploaded
      return reply.code(201).header('Location', `/api/v1/assets/${uploaded.asset.id}`).send(uploaded)
    },
  })

  app.route({
    method: 'GET',
    url: '/api/v1/assets',
    config: { access: 'viewer' },
    schema: {
      operationId: 'listAssets',
      summary: 'List and search content, newest first',
      tags,
      querystring: assetQuerySchema,
      response: { 200: assetPageSchema, ...PROBLEMS },
    },
    handler: async ({ query }) => await assets.list(TENANT, query),
  })

  app.route({
    method: 'GET',
    url: '/api/v1/assets/labels',
    config: { access: 'viewer' },
    schema: {
      operationId: 'listAssetLabels',
      summary: 'List the folders and tags in use',
      description: 'Of what is not in the trash: what the filters of a list can be set to.',
      tags,
      response: { 200: assetLabelsSchema, ...PROBLEMS },
    },
    handler: async () => {
      const { folders, tags: used } = await assets.labels(TENANT)
      return { folders: [...folders], tags: [...used] }
    },
  })

  app.route({
    method: 'GET',
    url: '/api/v1/assets/:id',
    config: { access: 'viewer' },
    schema: {
      operationId: 'getAsset',
      summary: 'Show an asset with its renditions',
      tags,
      params: assetParams,
      response: { 200: assetSchema, ...PROBLEMS },
    },
    handler: async ({ params }) => await assets.get(TENANT, params.id),
  })

  app.route({
    method: 'PATCH',
    url: '/api/v1/assets/:id',
    config: { access: 'operator' },
    schema: {
      operationId: 'updateAsset',
      summary: 'Change name, folder, tags or metadata',
      description: 'Tags and metadata are replaced as a whole.',
      tags,
      params: assetParams,
      body: patchAssetSchema,
      response: { 200: assetSchema, ...PROBLEMS },
    },
    handler: async ({ params, body }) => await assets.edit(TENANT, params.id, body),
  })

  app.route({
    method: 'DELETE',
    url: '/api/v1/assets/:id',
    config: { access: 'operator' },
    schema: {
      operationId: 'deleteAsset',
      summary: 'Put an asset into the trash',
      description: 'It can be restored until its time there is over (`assets.trash`); then all of it goes for good.',
      tags,
      params: assetParams,
      response: { 200: assetSchema, ...PROBLEMS },
    },
    handler: async ({ params }) => await assets.trash(TENANT, params.id),
  })

  app.route({
    method: 'POST',
    url: '/api/v1/assets/:id/restore',
    config: { access: 'operator' },
    schema: {
      operationId: 'restoreAsset',
      summary: 'Take an asset out of the trash',
      tags,
      params: assetParams,
      response: { 200: assetSchema, ...PROBLEMS },
    },
    handler: async ({ params }) => await assets.restore(TENANT, params.id),
  })

  app.route({
    method: 'POST',
    url: '/api/v1/assets/:id/process',
    config: { access: 'operator' },
    schema: {
      operationId: 'processAsset',
      summary: 'Process an asset again',
      tags,
      params: assetParams,
      body: processAssetSchema,
      response: { 202: assetSchema, ...PROBLEMS },
    },
    handler: async ({ params, body }, reply) =>
      reply.code(202).send(await assets.process(TENANT, params.id, body.fromStart)),
  })

  app.route({
    method: 'GET',
    url: '/api/v1/assets/:id/url',
    config: { access: 'viewer' },
    schema: {
      operationId: 'linkAsset',
      summary: 'Make a link that opens the original or a rendition until it expires',
      tags,
      params: assetParams,
      querystring: assetLinkQuerySchema,
      response: { 200: assetLinkSchema, ...PROBLEMS },
    },
    handler: async ({ params, query }) =>
      await assets.link(TENANT, params.id, query.rendition ?? null, query.expiresIn),
  })
}
