// Resumable uploads: tus 1.0 (https://tus.io/protocols/resumable-upload) over the desk of src/library/uploads.
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { MirrorError } from '../../core/errors.ts'
import { cleanFolder } from '../../library/assets/asset-name.ts'
import { describe } from '../../library/uploads/keep-as-asset.ts'
import {
  CHECKSUM_ALGORITHMS,
  parseBytes,
  parseChecksum,
  parseMetadata,
  renderMetadata,
  TUS_EXTENSIONS,
  TUS_VERSION,
} from '../../library/uploads/tus-headers.ts'
import type { UploadState } from '../../library/uploads/upload-desk.ts'
import { assetFieldsSchema } from '../asset-contract.ts'
import type { ApiApp, ApiContext } from '../context.ts'
import { PROBLEMS, TAGS } from '../openapi.ts'
import { DEFAULT_TENANT } from '../stream-service.ts'
import { uploadListSchema, uploadSchema } from '../upload-contract.ts'
import { renderUpload } from '../upload-view.ts'
import { NO_SECURITY, NOTHING } from './route-schemas.ts'

const tags = [TAGS.uploads]
const URL = '/api/v1/uploads'
const PART_TYPE = 'application/offset+octet-stream'
/** How long the answer to the last part waits for the bytes to be stored; proxies give up after a minute. */
const PATIENCE_MS = 25_000
const tenantId = DEFAULT_TENANT
const params = z.object({ id: z.string().min(1).max(64).meta({ description: 'Upload id' }) })
const PART = z.any().meta({ description: 'Bytes, as application/offset+octet-stream' })

export function registerUploadRoutes(app: ApiApp, { uploads }: ApiContext): void {
  // Read by whoever takes it; nothing of it is held in memory.
  app.addContentTypeParser(PART_TYPE, (_request, payload, done) => done(null, payload))

  for (const url of [URL, `${URL}/:id`]) {
    app.route({
      method: 'OPTIONS',
      url,
      config: { access: 'open' },
      schema: {
        operationId: url === URL ? 'describeUploads' : 'describeUpload',
        summary: 'What of tus is spoken here',
        ...{ tags, security: NO_SECURITY, response: { 204: NOTHING, ...PROBLEMS } },
      },
      handler: async (_request, reply) =>
        await speakTus(reply)
          .code(204)
          .header('Tus-Version', TUS_VERSION)
          .header('Tus-Extension', TUS_EXTENSIONS.join(','))
          .header('Tus-Max-Size', uploads.limits.maxBytes)
          .header('Tus-Checksum-Algorithm', CHECKSUM_ALGORITHMS.join(','))
          .send(),
    })
  }

  app.route({
    method: 'POST',
    url: URL,
    config: { access: 'operator', longBody: true },
    schema: {
      operationId: 'createUpload',
      summary: 'Begin a resumable upload (tus 1.0)',
      description:
        '`Upload-Length` says how long it is, `Upload-Metadata` what it is called (`filename`, and `folder`, `tags`). The answer has its address in `Location`. The body may be its first part.',
      ...{ tags, response: { 201: uploadSchema, ...PROBLEMS } },
    },
    handler: async (request, reply) => {
      requireTus(request, reply)
      const { headers } = request
      if (headers['upload-defer-length'] !== undefined) throw invalid('Uploads of unknown length are not taken')
      const lengthBytes = parseBytes('Upload-Length', text(headers['upload-length']))
      if (lengthBytes === null) throw invalid('Upload-Length is missing')
      const metadata = parseMetadata(text(headers['upload-metadata']))
      const checksum = parseChecksum(text(headers['upload-checksum']))
      refuseFields(metadata)
      let upload = await uploads.create({ tenantId, owner: ownerOf(request), lengthBytes, metadata })
      void reply.header('Location', `${URL}/${upload.id}`)
      if (hasPart(request)) {
        upload = await uploads.append({ tenantId, id: upload.id, offsetBytes: 0 }, bodyOf(request), {
          checksum,
          patience: AbortSignal.timeout(PATIENCE_MS),
        })
      }
      return tell(reply, upload).code(201).send(renderUpload(upload))
    },
  })

  app.route({
    method: 'HEAD',
    url: `${URL}/:id`,
    config: { access: 'operator' },
    schema: {
      operationId: 'locateUpload',
      summary: 'Where a resumable upload is (tus 1.0)',
      description: '`Upload-Offset` is how much of it is safe. A request that still sends to it is ended.',
      ...{ tags, params, response: { 200: NOTHING, ...PROBLEMS } },
    },
    handler: async (request, reply) => {
      requireTus(request, reply)
      const upload = await uploads.settle(tenantId, request.params.id)
      const metadata = renderMetadata(upload.metadata)
      if (metadata !== '') void reply.header('Upload-Metadata', metadata)
      return tell(reply, upload).header('Upload-Length', upload.lengthBytes).code(200).send()
    },
  })

  const patch = async (request: FastifyRequest<{ Params: { id: string } }>, reply: FastifyReply) => {
    requireTus(request, reply)
    const { headers } = request
    if (!isPartType(headers['content-type'])) {
      throw new MirrorError('upload_type_wrong', `The part is "${headers['content-type'] ?? 'of no type'}"`)
    }
    const offsetBytes = parseBytes('Upload-Offset', text(headers['upload-offset']))
    if (offsetBytes === null) throw invalid('Upload-Offset is missing')
    const at = { tenantId, id: request.params.id, offsetBytes }
    const checksum = parseChecksum(text(headers['upload-checksum']))
    const patience = AbortSignal.timeout(PATIENCE_MS)
    return tell(reply, await uploads.append(at, bodyOf(request), { checksum, patience }))
      .code(204)
      .send()
  }

  const remove = async (request: FastifyRequest<{ Params: { id: string } }>, reply: FastifyReply) => {
    requireTus(request, reply)
    await uploads.remove(tenantId, request.params.id)
    return speakTus(reply).code(204).send()
  }

  app.route({
    method: 'PATCH',
    url: `${URL}/:id`,
    config: { access: 'operator', longBody: true },
    schema: {
      operationId: 'continueUpload',
      summary: 'Send a part of a resumable upload (tus 1.0)',
      description:
        '`Upload-Offset` says where it begins. Without `Upload-Checksum` what came is kept even if the connection breaks off. After the last part `Mirror-Asset-Id` names the asset.',
      ...{ tags, params, consumes: [PART_TYPE], body: PART, response: { 204: NOTHING, ...PROBLEMS } },
    },
    handler: patch,
  })

  app.route({
    method: 'DELETE',
    url: `${URL}/:id`,
    config: { access: 'operator' },
    schema: {
      operationId: 'deleteUpload',
      summary: 'Give a resumable upload up (tus 1.0)',
      description: 'Of one that is done only the news of it goes; the asset stays.',
      ...{ tags, params, response: { 204: NOTHING, ...PROBLEMS } },
    },
    handler: remove,
  })

  app.route({
    method: 'POST',
    url: `${URL}/:id`,
    config: { access: 'operator', longBody: true },
    schema: {
      operationId: 'overrideUpload',
      summary: 'PATCH or DELETE where the way here lets only POST through',
      description: '`X-HTTP-Method-Override` says which.',
      ...{ tags, params, consumes: [PART_TYPE], body: PART, response: { 204: NOTHING, ...PROBLEMS } },
    },
    handler: async (request, reply) => {
      switch (request.headers['x-http-method-override']) {
        case 'PATCH':
          return await patch(request, reply)
        case 'DELETE':
          return await remove(request, reply)
        default:
          throw invalid('X-HTTP-Method-Override says neither PATCH nor DELETE')
      }
    },
  })

  app.route({
    method: 'GET',
    url: URL,
    config: { access: 'operator' },
    schema: {
      operationId: 'listUploads',
      summary: 'List resumable uploads',
      description: 'Those under way, and what became of the newest ones.',
      ...{ tags, response: { 200: uploadListSchema, ...PROBLEMS } },
    },
    handler: () => ({ uploads: uploads.list(tenantId).map(renderUpload) }),
  })

  app.route({
    method: 'GET',
    url: `${URL}/:id`,
    config: { access: 'operator' },
    // HEAD is a question of tus with an answer of its own.
    exposeHeadRoute: false,
    schema: {
      operationId: 'getUpload',
      summary: 'How a resumable upload goes',
      ...{ tags, params, response: { 200: uploadSchema, ...PROBLEMS } },
    },
    handler: ({ params: { id } }) => renderUpload(uploads.get(tenantId, id)),
  })
}

/** What an asset cannot have is refused now, and not when all bytes are there. */
function refuseFields(metadata: Readonly<Record<string, string>>): void {
  const { name: _, ...fields } = describe(metadata)
  const checked = assetFieldsSchema.safeParse(fields)
  if (!checked.success) {
    const [issue] = checked.error.issues
    throw invalid(`Upload-Metadata: "${issue?.path.join('.')}" ${issue?.message}`)
  }
  cleanFolder(fields.folder)
}

function requireTus(request: FastifyRequest, reply: FastifyReply): void {
  speakTus(reply)
  const version = request.headers['tus-resumable']
  if (version === TUS_VERSION) return
  void reply.header('Tus-Version', TUS_VERSION)
  throw new MirrorError(
    'tus_version_unsupported',
    `Tus-Resumable is ${version === undefined ? 'missing' : `"${version}"`}`,
  )
}

function speakTus(reply: FastifyReply): FastifyReply {
  return reply.header('Tus-Resumable', TUS_VERSION).header('Cache-Control', 'no-store')
}

function tell(reply: FastifyReply, { offsetBytes, expiresAtMs, done }: UploadState): FastifyReply {
  if (expiresAtMs !== null) void reply.header('Upload-Expires', new Date(expiresAtMs).toUTCString())
  if (done !== null) void reply.header('Mirror-Asset-Id', done.assetId)
  return reply.header('Upload-Offset', offsetBytes)
}

function bodyOf({ raw }: FastifyRequest): AsyncIterable<Uint8Array> {
  // Ending early must not cut the connection on which the refusal is to be told.
  return raw.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>
}

/** creation-with-upload: the body of a POST is a part only if it says so. */
function hasPart({ headers }: FastifyRequest): boolean {
  return isPartType(headers['content-type']) && headers['content-length'] !== '0'
}

function isPartType(contentType: string | undefined): boolean {
  return contentType?.split(';')[0]?.trim().toLowerCase() === PART_TYPE
}

function ownerOf({ principal }: FastifyRequest): string {
  return principal === null ? 'nobody' : `${principal.kind} ${principal.id}`
}

function text(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(',') : header
}

function invalid(message: string): MirrorError {
  return new MirrorError('invalid_request', message)
}
