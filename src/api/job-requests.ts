// From what people ask to the job that does it.
import { parseDuration } from '../core/duration.ts'
import { DEFAULT_GRACE_MS, type FsckPayload } from '../dvr/care/fsck-job.ts'
import { DEFAULT_SCRUB_BYTES_PER_SEC, type ScrubPayload } from '../dvr/care/scrub-job.ts'
import type { StreamPath } from '../dvr/care/walk-recordings.ts'
import type { NewJob } from '../jobs/types.ts'
import type { StartJobBody } from './job-contract.ts'
import type { StreamService } from './stream-service.ts'

/** Throws `stream_not_found`. */
export async function jobOf(body: StartJobBody, streams: Pick<StreamService, 'get'>): Promise<Omit<NewJob, 'id'>> {
  const stream = body.stream === undefined ? null : await pathOf(body.stream, streams)
  const payload = body.kind === 'fsck' ? fsckOf(body, stream) : scrubOf(body, stream)
  return { kind: body.kind, payload, dedupeKey: JSON.stringify(payload) }
}

function fsckOf({ repair, grace }: Extract<StartJobBody, { kind: 'fsck' }>, stream: StreamPath | null): FsckPayload {
  const graceMs = grace === undefined ? DEFAULT_GRACE_MS : (parseDuration(grace) ?? DEFAULT_GRACE_MS)
  return { stream, repair: repair ?? false, graceMs }
}

function scrubOf(
  { maxBytes, bytesPerSec, after }: Extract<StartJobBody, { kind: 'scrub' }>,
  stream: StreamPath | null,
): ScrubPayload {
  return {
    stream,
    maxBytes: maxBytes ?? null,
    bytesPerSec: bytesPerSec ?? DEFAULT_SCRUB_BYTES_PER_SEC,
    after: after ?? null,
  }
}

async function pathOf(id: string, streams: Pick<StreamService, 'get'>): Promise<StreamPath> {
  const { id: streamId, tenant } = await streams.get(id, false)
  return { tenantId: tenant, streamId }
}
