// Recordings of calls as people and a PBX ask for them: taken in, listed, handed out by link, deleted.
import type { Catalog, RecordingFilter } from '../catalog/types.ts'
import { MirrorError, toMirrorError } from '../core/errors.ts'
import type { SignedLinks } from '../core/signed-link.ts'
import type { JobService } from '../jobs/job-service.ts'
import { stallLimited } from '../library/intake/stall-limit.ts'
import { type ReceiverHost, receiveRecording } from '../library/recordings/receive-recording.ts'
import type { RecordingClaims, RecordingRow } from '../library/recordings/recording.ts'
import type { RecordingBook } from '../library/recordings/recording-book.ts'
import type { RecordingPolicies } from '../library/recordings/recording-policies.ts'
import { deletionAtMs } from '../library/recordings/recording-policy.ts'
import { isUnfinished, PROCESSING_STATES } from '../library/recordings/recording-state.ts'
import { deleteJob, processJob, pullJob } from '../library/recordings/recording-work.ts'
import { collect } from '../storage/collect.ts'
import { callRecordingKey, parseObjectKey } from '../storage/keys.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { ApiSecrets } from './api-secrets.ts'
import { parseFields } from './form-field.ts'
import { momentOf } from './object-service.ts'
import {
  pullRecordingSchema,
  type RecordingLinkView,
  type RecordingPageView,
  type RecordingQuery,
  type RecordingView,
  type WaveformView,
  waveformSchema,
} from './recording-contract.ts'
import { type KnownFields, RecordingForm } from './recording-form.ts'
import { renderRecording } from './recording-view.ts'
import type { SentObject } from './send-object.ts'
import { isoTime } from './stream-view.ts'

/** A PBX sends a call at a time; more than this at once are told to come back. */
const MAX_UPLOADS = 16
/** The slowest line that is waited for; one that stalls is given up much earlier. */
const MAX_UPLOAD_MS = 6 * 3_600_000
/** Between two pieces of a form; a store that takes its time is no fault of the sender. */
const STALL_MS = 30_000
const STORE_TIMEOUT_MS = 20_000
/** Until there are tenants. */
const TENANT = 'default'

export interface RecordingService {
  /** Throws `invalid_request`, `payload_too_large`, `upload_…`, `uploads_full`, `store_unavailable`. */
  upload(source: AsyncIterable<Uint8Array>, boundary: string): Promise<RecordingView>
  /** Throws `invalid_request`. */
  pull(order: unknown): Promise<RecordingView>
  list(query: RecordingQuery): Promise<RecordingPageView>
  /** From here on each throws `call_recording_not_found`. */
  get(id: string): Promise<RecordingView>
  /** Throws `recording_bytes_missing`. */
  link(id: string, expiresInSec: number): Promise<RecordingLinkView & { readonly path: string }>
  /** What is behind the path of a link. Throws `media_gone`. */
  linked(tenantId: string, id: string): Promise<SentObject>
  waveform(id: string): Promise<WaveformView>
  /** Throws `recording_bytes_missing`. */
  backfill(id: string): Promise<RecordingView>
  /** Looks again at recordings that lack facts; which. */
  backfillAll(limit: number): Promise<readonly string[]>
  remove(id: string): Promise<void>
}

export interface RecordingServiceOptions {
  readonly book: RecordingBook
  readonly catalog: Pick<Catalog, 'recordings'>
  readonly store: ObjectStore
  readonly jobs: Pick<JobService, 'add'>
  readonly secrets: Pick<ApiSecrets, 'seal' | 'open'> & { readonly links: SignedLinks }
  readonly policies: Pick<RecordingPolicies, 'of'>
  readonly maxBytes: number
  readonly consoleUrl: string
  readonly newId: () => string
  readonly clock: () => number
}

export function createRecordingService(options: RecordingServiceOptions): RecordingService {
  const { book, catalog, store, jobs, secrets, policies, maxBytes, consoleUrl, newId, clock } = options
  const receiver: ReceiverHost = { book, store, maxBytes }
  let uploads = 0

  const view = (row: RecordingRow): RecordingView =>
    renderRecording(row, row.sealedSourceUrl === null ? null : secrets.open(row.sealedSourceUrl))

  async function require(id: string): Promise<RecordingRow> {
    const row = await book.get({ tenantId: TENANT, id })
    if (row === null) throw new MirrorError('call_recording_not_found', `There is no recording ${id.slice(0, 64)}`)
    return row
  }

  async function draft(
    fields: KnownFields,
    more: Pick<RecordingRow, 'fileName' | 'sealedSourceUrl'>,
  ): Promise<RecordingRow> {
    const { own, terms } = await policies.of(TENANT)
    const nowMs = clock()
    const id = newId()
    return {
      ...{ id, tenantId: TENANT, callId: '', legId: null, status: 'RECEIVED', failureCode: null, failure: null },
      ...{ objectKey: callRecordingKey(TENANT, id), said: claimsOf(fields), contentType: null, format: null },
      ...{ codec: null, sizeBytes: null, sha256: null, durationMs: null, channels: null, sampleRateHz: null },
      ...{
        original: null,
        replacedKey: null,
        waveformKey: null,
        issues: [],
        tier: 'hot',
        policyId: own?.id ?? null,
        metadata: {},
        movedToWarmAtMs: null,
      },
      scheduledDeletionAtMs: deletionAtMs(terms, nowMs),
      ...{ deletedAtMs: null, createdAtMs: nowMs, updatedAtMs: nowMs },
      ...factsOf(fields),
      ...more,
    }
  }

  async function receive(form: RecordingForm): Promise<RecordingRow> {
    const { file, fields } = await form.toFile()
    const row = await draft(fields, { fileName: file.fileName === '' ? null : file.fileName, sealedSourceUrl: null })
    await book.add(row)
    let isRefused = false
    try {
      const stored = await receiveRecording(receiver, row, {
        source: file.chunks,
        declaredBytes: null,
        signal: AbortSignal.timeout(MAX_UPLOAD_MS),
        facts: async () => {
          const all = await form.toEnd().catch((error: unknown) => {
            isRefused = true
            throw error
          })
          return { ...factsOf(all), said: claimsOf(all) }
        },
      })
      await jobs.add(processJob(stored, false))
      return stored
    } catch (error) {
      if (isRefused) await book.forget(row)
      else await book.fail(row, toMirrorError(error))
      throw error
    }
  }

  async function restart(row: RecordingRow): Promise<RecordingRow> {
    if (isUnfinished(row.status)) return row
    const key = parseObjectKey(row.objectKey)
    const signal = AbortSignal.timeout(STORE_TIMEOUT_MS)
    if (key === null || (await store.head(key, { signal })) === null) throw bytesMissing(row)
    const stored = await book.move(row, 'STORED', {})
    await jobs.add(processJob(row, true))
    return stored ?? (await require(row.id))
  }

  return {
    async upload(source, boundary) {
      if (uploads >= MAX_UPLOADS) {
        const said = `${MAX_UPLOADS} recordings are coming in already`
        throw new MirrorError('uploads_full', said, { details: { retryAfterSec: 5 } })
      }
      uploads += 1
      const form = new RecordingForm(stallLimited(source, STALL_MS), boundary)
      try {
        return view(await receive(form))
      } finally {
        uploads -= 1
        await form.close().catch(() => {})
      }
    },

    async pull(order) {
      const { url, ...fields } = parseFields(pullRecordingSchema, order)
      const row = await draft(fields, { fileName: null, sealedSourceUrl: secrets.seal(url) })
      await book.add(row)
      await jobs.add(pullJob(row))
      return view(row)
    },

    async list({ page, cursor, limit, callId, q, status, from, to }) {
      const nowMs = clock()
      const filter: RecordingFilter = {
        tenantId: TENANT,
        ...(callId === undefined ? {} : { callId }),
        ...(q === undefined ? {} : { idStart: q }),
        ...(status === undefined ? {} : { states: status === 'PROCESSING' ? PROCESSING_STATES : [status] }),
        ...(from === undefined ? {} : { fromMs: momentOf(from, nowMs, 'from') }),
        ...(to === undefined ? {} : { toMs: momentOf(to, nowMs, 'to') }),
      }
      const where = cursor === undefined ? { offset: ((page ?? 1) - 1) * limit } : { before: readCursor(cursor) }
      // One more tells whether there is a next page.
      const found = await catalog.recordings.list({ ...filter, ...where, limit: limit + 1 })
      const rows = found.slice(0, limit)
      const last = found.length > limit ? rows.at(-1) : undefined
      return {
        recordings: rows.map(view),
        total: await catalog.recordings.count(filter),
        page: cursor === undefined ? (page ?? 1) : null,
        limit,
        nextCursor: last === undefined ? null : writeCursor(last),
      }
    },

    get: async (id) => view(await require(id)),

    async link(id, expiresIn) {
      const row = await require(id)
      if (row.sizeBytes === null) throw bytesMissing(row)
      const expiresAtMs = clock() + expiresIn * 1000
      const path = secrets.links.sign(`/links/recordings/${row.tenantId}/${row.id}/original`, expiresAtMs)
      return { path, url: `${consoleUrl}${path}`, expiresIn, expiresAt: isoTime(expiresAtMs) }
    },

    async linked(tenantId, id) {
      const row = await book.get({ tenantId, id })
      const key = row === null ? null : parseObjectKey(row.objectKey)
      if (row === null || key === null || row.sizeBytes === null) throw new MirrorError('media_gone', 'It was deleted')
      return {
        key,
        sizeBytes: row.sizeBytes,
        version: row.sha256 ?? row.id,
        contentType: row.contentType ?? 'application/octet-stream',
        fileName: `${row.callId.replace(/[\\/\p{Cc}]/gu, '_').slice(0, 100) || row.id}.${row.format ?? 'bin'}`,
      }
    },

    async waveform(id) {
      const row = await require(id)
      const signal = AbortSignal.timeout(STORE_TIMEOUT_MS)
      const key = row.waveformKey === null ? null : parseObjectKey(row.waveformKey)
      await using body = key === null ? null : await store.get(key, { signal })
      if (body === null) throw new MirrorError('media_not_found', `Recording ${id} has no waveform yet`)
      return waveformSchema.parse(JSON.parse(Buffer.from(await collect(body.chunks)).toString('utf8')))
    },

    backfill: async (id) => view(await restart(await require(id))),

    async backfillAll(limit) {
      const started: string[] = []
      for (const row of await catalog.recordings.incomplete(TENANT, limit)) {
        await restart(row).then(
          () => started.push(row.id),
          (error: unknown) => {
            // What the store has lost stays as it is.
            if (toMirrorError(error).code !== 'recording_bytes_missing') throw error
          },
        )
      }
      return started
    },

    async remove(id) {
      const row = await require(id)
      // The job first: it ends what a crash leaves here.
      await jobs.add(deleteJob(row))
      await book.remove(row)
    },
  }
}

function factsOf({ callId, legId, metadata }: KnownFields) {
  return {
    ...(callId === undefined ? {} : { callId }),
    ...(legId === undefined ? {} : { legId }),
    ...(metadata === undefined ? {} : { metadata }),
  }
}

function claimsOf({ format, duration, channels }: KnownFields): RecordingClaims {
  return { format: format ?? null, durationSec: duration ?? null, channels: channels ?? null }
}

function bytesMissing({ id, status }: RecordingRow): MirrorError {
  return new MirrorError('recording_bytes_missing', `Recording ${id} is ${status} and has no bytes`)
}

function writeCursor({ createdAtMs, id }: Pick<RecordingRow, 'createdAtMs' | 'id'>): string {
  return Buffer.from(`${createdAtMs} ${id}`).toString('base64url')
}

function readCursor(cursor: string): Pick<RecordingRow, 'createdAtMs' | 'id'> {
  const [, createdAtMs, id] = /^(\d{1,15}) ([^ ]{1,64})$/.exec(Buffer.from(cursor, 'base64url').toString('utf8')) ?? []
  if (createdAtMs !== undefined && id !== undefined) return { createdAtMs: Number(createdAtMs), id }
  throw new MirrorError('invalid_request', 'The cursor is not one of a page', { details: { path: 'cursor' } })
}
