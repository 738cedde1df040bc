import { z } from 'zod'
import { MirrorError } from '../../core/errors.ts'
import type { ApiApp, ApiContext } from '../context.ts'
import { PROBLEMS, TAGS } from '../openapi.ts'
import { readS3Events } from '../s3-events.ts'

const STORE_TIMEOUT_MS = 20_000

const querySchema = z.strictObject({
  key: z.string().max(200).optional().meta({ description: 'An operator’s API key, for senders that know no headers' }),
})
const answerSchema = z.object({
  taken: z.number().meta({ description: 'New objects that become assets' }),
  ignored: z.number().meta({ description: 'What was told before, lies elsewhere, or is there no more' }),
})

export function registerIncomingRoutes(app: ApiApp, { incoming }: ApiContext): void {
  app.route({
    method: 'POST',
    url: '/api/v1/incoming/s3-events',
    config: { access: 'operator', keyInQuery: true },
    schema: {
      operationId: 'noticeS3Events',
      summary: 'Take notifications of the bucket about new objects',
      description:
        'As AWS and Ceph send them, also through SNS or EventBridge. At least once is enough, in any order: of each object the newest counts, by its sequencer. Needs the key of an operator, in the header or in `?key=`.',
      tags: [TAGS.uploads],
      querystring: querySchema,
      body: z.unknown(),
      response: { 202: answerSchema, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      if (incoming === null)
        throw new MirrorError('incoming_disabled', 'No prefix of a bucket is watched (incoming.prefix)')
      const events = readS3Events(request.body)
      if (events === null) throw new MirrorError('invalid_request', 'The body is no notification of an S3 store')
      const signal = AbortSignal.timeout(STORE_TIMEOUT_MS)
      let taken = 0
      for (const { bucket, keys, sequencer } of events) {
        const own = bucket === incoming.bucket ? keys.flatMap((each) => withoutPrefix(each, incoming.keyPrefix)) : []
        if (await incoming.desk.notice(own, sequencer, signal)) taken += 1
      }
      return reply.code(202).send({ taken, ignored: events.length - taken })
    },
  })
}

function withoutPrefix(key: string, prefix: string): readonly string[] {
  return key.startsWith(prefix) ? [key.slice(prefix.length)] : []
}
