import type { FastifyRequest } from 'fastify'
import type { ApiApp, ApiContext } from '../context.ts'
import { PROBLEMS, TAGS } from '../openapi.ts'
import {
  changedRecordingPolicySchema,
  recordingPolicySchema,
  resetRecordingPolicySchema,
  setRecordingPolicySchema,
} from '../recording-policy-contract.ts'
import { TENANT } from './asset-routes.ts'

const tags = [TAGS.recordings]
const url = '/api/v1/recordings/policy'

export function registerRecordingPolicyRoutes(app: ApiApp, { recordingPolicies }: ApiContext): void {
  app.route({
    method: 'GET',
    url,
    config: { access: 'viewer' },
    schema: {
      operationId: 'getRecordingPolicy',
      summary: 'Show how long recordings of calls are kept, and where that comes from',
      tags,
      response: { 200: recordingPolicySchema, ...PROBLEMS },
    },
    handler: async () => await recordingPolicies.get(TENANT),
  })

  app.route({
    method: 'PUT',
    url,
    config: { access: 'admin' },
    schema: {
      operationId: 'setRecordingPolicy',
      summary: 'Set how long recordings of calls are kept',
      description:
        'In the place of what the configuration says. New recordings come in under it at once, and moves between tiers follow it; when what is there already is deleted changes only with `applyToExisting`.',
      tags,
      body: setRecordingPolicySchema,
      response: { 200: changedRecordingPolicySchema, ...PROBLEMS },
    },
    handler: async (request) => await recordingPolicies.set(TENANT, request.body, nameOf(request)),
  })

  app.route({
    method: 'DELETE',
    url,
    config: { access: 'admin' },
    schema: {
      operationId: 'resetRecordingPolicy',
      summary: 'Keep recordings of calls as the configuration says',
      tags,
      querystring: resetRecordingPolicySchema,
      response: { 200: changedRecordingPolicySchema, ...PROBLEMS },
    },
    handler: async (request) => await recordingPolicies.reset(TENANT, request.query.applyToExisting, nameOf(request)),
  })
}

function nameOf({ principal }: FastifyRequest): string {
  return principal === null ? 'nobody' : `${principal.kind} ${principal.name}`
}
