// Content that Mirror fetches from an address, as a job: seen, cancelled and tried again like every other.
import { z } from 'zod'
import { MirrorError } from '../../core/errors.ts'
import type { JobContext, JobKind } from '../../jobs/job-runner.ts'
import type { JobPayload, NewJob } from '../../jobs/types.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import type { PulledFile } from '../intake/pull.ts'
import { requireRoom, type ScratchDisk } from '../processing/scratch-disk.ts'
import { attemptId, takenBefore, takenResult } from './attempt-asset.ts'
import { type TakeHost, takeAsAsset } from './take-as-asset.ts'

export const PULL_ASSET_JOB = 'asset-pull'

/** A line carries few at once; the jobs of other tenants take their turns. */
const AT_ONCE = 3

const payloadSchema = z.object({
  tenant: z.string(),
  sealedUrl: z.string(),
  name: z.string(),
  folder: z.string(),
  tags: z.array(z.string()),
  metadata: z.record(z.string(), z.unknown()),
})

export interface PullAssetHost extends TakeHost {
  readonly store: Pick<ObjectStore, 'put' | 'delete'>
  readonly pull: (url: string, call: { readonly maxBytes: number; readonly signal: AbortSignal }) => Promise<PulledFile>
  readonly disk: ScratchDisk
  /** Null when it was sealed under another installation secret. */
  readonly openSealed: (sealed: string) => string | null
}

export interface AssetPull {
  readonly tenantId: string
  readonly sealedUrl: string
  /** For people, without secrets. */
  readonly source: string
  /** Empty: as the address ends. */
  readonly name: string
  readonly folder: string
  readonly tags: readonly string[]
  readonly metadata: Readonly<Record<string, unknown>>
}

export function pullAssetWork({ tenantId, ...payload }: AssetPull): Omit<NewJob, 'id'> {
  return { kind: PULL_ASSET_JOB, tenantId, payload: { tenant: tenantId, ...payload } }
}

export function pullAssetJob(host: PullAssetHost): JobKind {
  return { limit: AT_ONCE, run: async (context) => await pull(host, context) }
}

async function pull(host: PullAssetHost, { job, claim, signal, progress }: JobContext): Promise<JobPayload> {
  const { tenant: tenantId, sealedUrl, name, ...fields } = payloadSchema.parse(job.payload)
  const taken = await takenBefore(host, tenantId, { id: job.id, fence: claim.fence }, signal)
  if (taken !== null) return takenResult({ asset: taken, isDuplicate: false })
  const url = host.openSealed(sealedUrl)
  if (url === null) throw new MirrorError('store_sealed', 'Its address was sealed under another installation secret')
  await using file = await host.pull(url, { maxBytes: host.maxBytes, signal })
  const { declaredBytes, chunks } = file
  // A store in folders is on this disk, and to find it full by filling it would cost a download each time.
  if (host.disk.copies === 2) await requireRoom(host.disk, declaredBytes ?? 0, 'the store')
  const from = new URL(file.url).host
  const onBytes = (done: number) => progress({ done, total: declaredBytes, note: `bytes from ${from}` })
  const sent = { ...fields, tenantId, id: attemptId(claim), name: name === '' ? nameOf(file.url) : name }
  return takenResult(await takeAsAsset(host, sent, { chunks, declaredBytes, from, onBytes, signal }))
}

/** The last part of the path, as people read it. */
export function nameOf(url: string): string {
  const last = new URL(url).pathname.split('/').at(-1) ?? ''
  try {
    return decodeURIComponent(last)
  } catch {
    return last
  }
}
