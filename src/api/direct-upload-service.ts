// Uploads that go past Mirror into the store. What is known of one is in its ticket, sealed: nothing is kept of those
// that never come.
import { z } from 'zod'
import { isCallersFault, MirrorError } from '../core/errors.ts'
import type { JobService } from '../jobs/job-service.ts'
import type { JobRow } from '../jobs/types.ts'
import { adoptWork } from '../library/assets/adopt-object-job.ts'
import { cleanFileName, cleanFolder } from '../library/assets/asset-name.ts'
import { KEEP_DIRECT_MS } from '../library/assets/tidy-direct-job.ts'
import type { DirectUploads } from '../storage/direct-uploads.ts'
import { directUploadKey } from '../storage/keys.ts'
import type { ObjectKey, ObjectStore } from '../storage/object-store.ts'
import type { ApiSecrets } from './api-secrets.ts'
import {
  type BeginDirectOrder,
  type DirectPartsView,
  type DirectUploadView,
  MAX_PART_URLS,
} from './direct-upload-contract.ts'
import { isoTime } from './stream-view.ts'

/** S3's own bounds: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html (2026-11). */
const MAX_PUT_BYTES = 5 * 2 ** 30
const MAX_PARTS = 10_000
/** Small enough to be sent again, large enough that even a large file has few. */
const PART_BYTES = 64 * 2 ** 20
const STORE_TIMEOUT_MS = 20_000

const ticketSchema = z.object({
  tenant: z.string(),
  id: z.string(),
  name: z.string(),
  folder: z.string(),
  tags: z.array(z.string()),
  metadata: z.record(z.string(), z.unknown()),
  sizeBytes: z.number(),
  sha256: z.string().nullable(),
  parts: z.object({ uploadId: z.string(), partBytes: z.number() }).nullable(),
  expiresSec: z.number(),
  completeByMs: z.number(),
})
type Ticket = z.infer<typeof ticketSchema>

/** Each throws `direct_upload_unsupported`, and those with a ticket `upload_ticket_invalid`. */
export interface DirectUploadService {
  /** Throws `payload_too_large`, `invalid_request`, `store_unavailable`. */
  begin(tenantId: string, order: BeginDirectOrder): Promise<DirectUploadView>
  /** Addresses of at most a hundred parts, which work as long as the first did. */
  parts(tenantId: string, ticket: string, from: number): Promise<DirectPartsView>
  /** The job that makes an asset of it: the same, however often it is asked for. */
  complete(tenantId: string, ticket: string): Promise<JobRow>
  /** Lets go of what was sent. */
  abort(tenantId: string, ticket: string): Promise<void>
}

export interface DirectUploadServiceOptions {
  readonly direct: DirectUploads | null
  readonly store: Pick<ObjectStore, 'head' | 'delete'>
  readonly jobs: Pick<JobService, 'addOnce'>
  readonly secrets: Pick<ApiSecrets, 'seal' | 'open'>
  readonly maxBytes: number
  readonly newId: () => string
  readonly clock: () => number
}

export function createDirectUploadService(options: DirectUploadServiceOptions): DirectUploadService {
  const { store, jobs, secrets, maxBytes, newId, clock } = options

  function direct(): DirectUploads {
    if (options.direct !== null) return options.direct
    throw new MirrorError('direct_upload_unsupported', 'The store is a folder; uploads go through Mirror')
  }

  function opened(tenantId: string, text: string): Ticket {
    const json = secrets.open(text)
    const ticket = json === null ? null : ticketSchema.safeParse(JSON.parse(json)).data
    if (ticket === undefined || ticket === null || ticket.tenant !== tenantId || clock() >= ticket.completeByMs)
      throw new MirrorError('upload_ticket_invalid', 'The ticket was altered, is not yours, or is too old')
    return ticket
  }

  async function partUrls({ tenant, id, sizeBytes, parts, expiresSec }: Ticket, from: number) {
    if (parts === null) return []
    const { uploadId, partBytes } = parts
    const count = Math.ceil(sizeBytes / partBytes)
    const numbers = Array.from({ length: Math.min(MAX_PART_URLS, count - from + 1) }, (_, n) => from + n)
    return await Promise.all(
      numbers.map(async (number) => {
        const size = number < count ? partBytes : sizeBytes - partBytes * (count - 1)
        const part = { uploadId, number, sizeBytes: size, expiresSec }
        return { number, sizeBytes: size, url: await direct().partUrl(directUploadKey(tenant, id), part) }
      }),
    )
  }

  /** What was wrong with the bytes stays wrong, until others were sent. */
  async function mayDoBetter(key: ObjectKey, code: string): Promise<boolean> {
    if (!isCallersFault(code) || code === 'direct_upload_missing') return true
    return (await store.head(key, { signal: AbortSignal.timeout(STORE_TIMEOUT_MS) })) !== null
  }

  return {
    async begin(tenantId, { sizeBytes, sha256, parts: wantsParts, expiresIn, folder, name, ...fields }) {
      const uploads = direct()
      if (sizeBytes > maxBytes)
        throw new MirrorError('payload_too_large', `It is larger than ${maxBytes} bytes (assets.maxSize)`)
      const id = newId()
      const key = directUploadKey(tenantId, id)
      const partBytes = Math.max(PART_BYTES, Math.ceil(sizeBytes / MAX_PARTS))
      const isInParts = wantsParts || sizeBytes > MAX_PUT_BYTES
      const signal = AbortSignal.timeout(STORE_TIMEOUT_MS)
      const clean = { ...fields, name: cleanFileName(name), folder: cleanFolder(folder) }
      const nowMs = clock()
      const ticket: Ticket = {
        ...{ ...clean, tenant: tenantId, id, sizeBytes, sha256: sha256 ?? null, expiresSec: expiresIn },
        parts: isInParts ? { uploadId: await uploads.begin(key, { signal }), partBytes } : null,
        completeByMs: nowMs + KEEP_DIRECT_MS,
      }
      return {
        ticket: secrets.seal(JSON.stringify(ticket)),
        url: isInParts ? null : await uploads.putUrl(key, { sizeBytes, expiresSec: expiresIn }),
        parts: isInParts
          ? { count: Math.ceil(sizeBytes / partBytes), partBytes, first: await partUrls(ticket, 1) }
          : null,
        expiresAt: isoTime(nowMs + expiresIn * 1000),
        completeBy: isoTime(ticket.completeByMs),
      }
    },

    async parts(tenantId, text, from) {
      direct()
      const ticket = opened(tenantId, text)
      return { parts: await partUrls(ticket, from), expiresAt: isoTime(clock() + ticket.expiresSec * 1000) }
    },

    async complete(tenantId, text) {
      direct()
      const { id, name, folder, tags, metadata, sizeBytes, sha256, parts } = opened(tenantId, text)
      const key = directUploadKey(tenantId, id)
      const fields = { name, folder, tags, metadata, sizeBytes, sha256, parts }
      const work = adoptWork({ ...fields, tenantId, key, keep: 'never', etag: null })
      // Whoever did not get the answer asks again, and gets the same.
      return await jobs.addOnce({ ...work, id }, async ({ failure }) => await mayDoBetter(key, failure?.code ?? ''))
    },

    async abort(tenantId, text) {
      const uploads = direct()
      const { id, parts } = opened(tenantId, text)
      const key = directUploadKey(tenantId, id)
      const signal = AbortSignal.timeout(STORE_TIMEOUT_MS)
      if (parts !== null) await uploads.abandon(key, parts.uploadId, { signal })
      await store.delete([key], { signal })
    },
  }
}
