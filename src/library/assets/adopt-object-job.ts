// What lies in the store already, and was put there by somebody else, becomes an asset: read, compared, copied to a key
// of its own. What its writer can still change is never what is served.
import { z } from 'zod'
import { ERRORS, MirrorError, toMirrorError } from '../../core/errors.ts'
import type { JobContext, JobKind } from '../../jobs/job-runner.ts'
import type { JobPayload, JobRow, NewJob } from '../../jobs/types.ts'
import type { DirectUploads } from '../../storage/direct-uploads.ts'
import { parseObjectKey } from '../../storage/keys.ts'
import type { ObjectKey, ObjectStore } from '../../storage/object-store.ts'
import { attemptId, takenBefore, takenResult } from './attempt-asset.ts'
import { type TakeHost, takeAsAsset } from './take-as-asset.ts'

export const ADOPT_OBJECT_JOB = 'asset-adopt'

/** Each reads and writes all bytes of its object. */
const AT_ONCE = 2
const DROP_MS = 10_000

const payloadSchema = z.object({
  tenant: z.string(),
  key: z.string(),
  /** Null: nobody said. */
  sizeBytes: z.int().nullable(),
  /** Hex; null: nobody said. */
  sha256: z.string().nullable(),
  /** To be put together first; null: it is whole. */
  parts: z.object({ uploadId: z.string(), partBytes: z.int() }).nullable(),
  name: z.string(),
  folder: z.string(),
  tags: z.array(z.string()),
  metadata: z.record(z.string(), z.unknown()),
  /** What becomes of it: it goes (by `dropAdopted`), it stays when it was refused, or it always stays. */
  keep: z.enum(['never', 'refused', 'always']),
  /** As it was found below a watched prefix; null: nobody looked. */
  etag: z.string().nullable().default(null),
})
export type AdoptOrder = Omit<z.infer<typeof payloadSchema>, 'tenant' | 'key'> & {
  readonly tenantId: string
  readonly key: ObjectKey
}

export interface AdoptHost extends TakeHost {
  readonly store: Pick<ObjectStore, 'put' | 'get' | 'head' | 'delete'>
  /** Null: the store has none. */
  readonly direct: DirectUploads | null
}

export function adoptWork({ tenantId, ...payload }: AdoptOrder): Omit<NewJob, 'id'> {
  return { kind: ADOPT_OBJECT_JOB, tenantId, dedupeKey: payload.key, payload: { tenant: tenantId, ...payload } }
}

/** The object below a watched prefix that a job was to take; null: it is another job. */
export function watchedBy({ kind, payload }: JobRow): { readonly key: ObjectKey; readonly etag: string } | null {
  if (kind !== ADOPT_OBJECT_JOB) return null
  const { key: text, etag } = payloadSchema.parse(payload)
  const key = parseObjectKey(text)
  return key === null || etag === null ? null : { key, etag }
}

/**
 * What was uploaded for this job alone goes when its result is written, not before: an attempt that died in between is
 * made again. What is left by a kill goes with `tidyDirectJob`. For `JobService.onChange`.
 */
export async function dropAdopted(store: Pick<ObjectStore, 'delete'>, { kind, state, payload }: JobRow): Promise<void> {
  if (kind !== ADOPT_OBJECT_JOB || state !== 'done') return
  const { key: text, keep } = payloadSchema.parse(payload)
  const key = parseObjectKey(text)
  if (key !== null && keep === 'never') await store.delete([key], { signal: AbortSignal.timeout(DROP_MS) })
}

export function adoptObjectJob(host: AdoptHost): JobKind {
  return { limit: AT_ONCE, run: async (context) => await adopt(host, context) }
}

async function adopt(host: AdoptHost, context: JobContext): Promise<JobPayload> {
  const { job, claim, signal } = context
  const payload = payloadSchema.parse(job.payload)
  const key = parseObjectKey(payload.key)
  if (key === null) throw new MirrorError('internal', `${payload.key} is no key`)
  try {
    const taken = await takenBefore(host, payload.tenant, { id: job.id, fence: claim.fence }, signal)
    if (taken === null) return await take(host, context, payload, key)
    // What came in its place meanwhile was not noted yet, and is found.
    const isTaken = async () => payload.etag !== null && (await host.store.head(key, { signal }))?.etag === payload.etag
    if (payload.keep === 'refused' && (await isTaken())) await host.store.delete([key], { signal })
    return takenResult({ asset: taken, isDuplicate: false })
  } catch (error) {
    signal.throwIfAborted()
    // What is wrong with the bytes stays wrong: nothing of them is left.
    const { code } = toMirrorError(error)
    const isRefused = ERRORS[code].fault === 'caller' && code !== 'direct_upload_missing'
    if (isRefused && payload.keep === 'never') await host.store.delete([key], { signal })
    throw error
  }
}

async function take(
  host: AdoptHost,
  { claim, signal, progress }: JobContext,
  { tenant: tenantId, sizeBytes, sha256, parts, keep, key: _key, ...fields }: z.infer<typeof payloadSchema>,
  key: ObjectKey,
): Promise<JobPayload> {
  if (parts !== null && sizeBytes !== null) await host.direct?.finish(key, { ...parts, sizeBytes }, { signal })
  await using body = await host.store.get(key, { signal })
  if (body === null) {
    // Somebody was faster: another job, or whoever put it there.
    if (keep !== 'never') return { outcome: 'gone' }
    throw new MirrorError('direct_upload_missing', 'Nothing was uploaded to the address')
  }
  const isAsRead = async () => (await host.store.head(key, { signal }))?.etag === body.info.etag
  if (sizeBytes !== null && body.info.sizeBytes !== sizeBytes) {
    const said = `${sizeBytes} bytes were declared, ${body.info.sizeBytes} came; nothing was kept`
    throw new MirrorError('upload_length_wrong', said)
  }
  const created = await takeAsAsset(
    host,
    { ...fields, tenantId, id: attemptId(claim) },
    {
      ...{ chunks: body.chunks, declaredBytes: body.info.sizeBytes, from: 'the upload', signal },
      onBytes: (done) => progress({ done, total: body.info.sizeBytes, note: 'bytes' }),
      check: async (intake) => {
        if (sha256 !== null && intake.sha256 !== sha256)
          throw new MirrorError('content_checksum_wrong', `Its SHA-256 is ${intake.sha256}; nothing was kept`)
        if (!(await isAsRead())) throw new MirrorError('incoming_changed', 'It is being written, or was replaced')
      },
    },
  )
  // What came in its place meanwhile stays, and is taken next.
  if (keep === 'refused' && (await isAsRead())) await host.store.delete([key], { signal })
  return takenResult(created)
}
