// From what people ask to the job that does it.
import { parseDuration } from '../core/duration.ts'
import { DEFAULT_GRACE_MS, type FsckPayload } from '../dvr/care/fsck-job.ts'
import type { StreamPath } from '../dvr/care/walk-recordings.ts'
import type { NewJob } from '../jobs/types.ts'
import type { StartJobBody } from './contract.ts'
import type { StreamService } from './stream-service.ts'

/** Throws `stream_not_found`. */
export async function jobOf(body: StartJobBody, streams: Pick<StreamService, 'get'>): Promise<Omit<NewJob, 'id'>> {
  const stream = body.stream === undefined ? null : await pathOf(body.stream, streams)
  const graceMs = body.grace === undefined ? DEFAULT_GRACE_MS : (parseDuration(body.grace) ?? DEFAULT_GRACE_MS)
  const payload: FsckPayload = { stream, repair: body.repair ?? false, graceMs }
  return { kind: body.kind, payload, dedupeKey: JSON.stringify(payload) }
}

async function pathOf(id: string, streams: Pick<StreamService, 'get'>): Promise<StreamPath> {
  const { id: streamId, tenant } = await streams.get(id, false)
  return { tenantId: tenant, streamId }
}
