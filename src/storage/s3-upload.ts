import { setTimeout as delay } from 'node:timers/promises'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
  type StorageClass,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { MirrorError } from '../core/errors.ts'
import { Permits } from '../core/permits.ts'
import { equalParts } from './equal-parts.ts'
import type { ObjectKey, StoredObject } from './object-store.ts'
import { askS3, hasStatus, isRefusal, S3Refusal } from './s3-client.ts'
import { type ConditionCheck, inForm } from './s3-conditions.ts'
import { describePlace, MAX_PARTS, type S3Settings } from './s3-settings.ts'

/** Parts of one upload at once; more uploads share `uploadConcurrency`. */
const PARTS_AT_ONCE = 4
/** A conditional body goes up as one where the end of a multipart upload knows no condition; it is held in memory. */
const MAX_CONDITIONAL_BYTES = 64 * 2 ** 20
/** S3 answers 409 while another conditional write of the key is under way. */
const MAX_CONFLICTS = 8
const CONFLICT_PAUSE_MS = 50
const CLEANUP_TIMEOUT_MS = 10_000
/** Tells our own object from another's after an answer was lost. */
const MARK = 'mirror-put'

export interface S3PutCall {
  readonly signal: AbortSignal
  readonly contentType: string
  readonly ifAbsent?: boolean
  readonly ifMatch?: string
  /** As the store calls it; omitted: that of the settings. */
  readonly storageClass?: string
}

interface Target {
  readonly key: ObjectKey
  readonly mark: string
  /** As the store compares it. */
  readonly ifMatch: string | null
  readonly call: S3PutCall
}

/** Bodies go up whole when one part holds them, else in equal parts. Memory: `PARTS_AT_ONCE + 1` parts per upload. */
export class S3Upload {
  readonly #client: S3Client
  readonly #settings: S3Settings
  readonly #conditions: ConditionCheck
  readonly #randomId: () => string
  readonly #permits: Permits

  constructor(client: S3Client, settings: S3Settings, conditions: ConditionCheck, randomId: () => string) {
    this.#client = client
    this.#settings = settings
    this.#conditions = conditions
    this.#randomId = randomId
    this.#permits = new Permits(settings.uploadConcurrency)
  }

  async put(
    key: ObjectKey,
    body: AsyncIterable<Uint8Array> | Uint8Array,
    call: S3PutCall,
  ): Promise<StoredObject | null> {
    const isSingle = call.ifMatch !== undefined || (call.ifAbsent === true && !this.#conditions.onComplete)
    if (call.ifAbsent === true && !(await this.#conditions.onCreate(call.signal))) {
      throw this.#cannot('it ignores conditional creation (If-None-Match), so it cannot decide who was first')
    }
    const etagForm = call.ifMatch === undefined ? null : await this.#conditions.onReplace(call.signal)
    if (call.ifMatch !== undefined && etagForm === null) {
      throw this.#cannot('it ignores conditional replacement (If-Match), so it cannot decide who was first')
    }
    const ifMatch = call.ifMatch === undefined || etagForm === null ? null : inForm(etagForm, call.ifMatch)
    const stop = new AbortController()
    const signal = AbortSignal.any([call.signal, stop.signal])
    const target = { key, mark: this.#randomId(), ifMatch, call }
    const parts = equalParts(body, isSingle ? MAX_CONDITIONAL_BYTES : this.#settings.partBytes, signal)
    try {
      const first = await parts.next()
      const second = await parts.next()
      if (first.done === true) throw new Error('a body has at least one part')
      if (second.done === true) return await this.#putWhole(target, first.value)
      if (isSingle) {
        throw this.#cannot(`it takes a conditional body of at most ${MAX_CONDITIONAL_BYTES / 2 ** 20} MiB`)
      }
      return await this.#putParts(target, [first.value, second.value], parts, stop, signal)
    } finally {
      await parts.return()
    }
  }

  async #putWhole({ key, mark, ifMatch, call }: Target, body: Uint8Array): Promise<StoredObject | null> {
    const { signal, ifAbsent = false } = call
    const command = new PutObjectCommand({
      ...this.#name(key),
      ...this.#traits(mark, call),
      ...(ifAbsent ? { IfNoneMatch: '*' } : {}),
      ...(ifMatch === null ? {} : { IfMatch: ifMatch }),
      Body: body,
      ContentLength: body.byteLength,
    })
    for (let conflicts = 0; ; conflicts += 1) {
      try {
        const { output } = await this.#permits.run(signal, () =>
          askS3('PutObject', signal, () => this.#client.send(command, { abortSignal: signal })),
        )
        return this.#stored(key, body.byteLength, output.ETag, call)
      } catch (error) {
        if ((!ifAbsent && ifMatch === null) || !(error instanceof S3Refusal)) throw error
        // AWS: If-Match on a key that is not there.
        if (ifMatch !== null && isRefusal(error, 'NoSuchKey')) return null
        // Tried before: the first try may have succeeded and only its answer was lost.
        if (hasStatus(error, 412)) return error.attempts > 1 ? await this.#findOwn(key, mark, signal) : null
        if (!hasStatus(error, 409) || conflicts >= MAX_CONFLICTS) throw error
        await delay(CONFLICT_PAUSE_MS * (conflicts + 1), undefined, { signal }).catch(() => signal.throwIfAborted())
      }
    }
  }

  async #putParts(
    target: Target,
    ready: readonly Uint8Array[],
    rest: AsyncGenerator<Uint8Array, void, void>,
    stop: AbortController,
    signal: AbortSignal,
  ): Promise<StoredObject | null> {
    const { key, mark, call } = target
    const create = new CreateMultipartUploadCommand({ ...this.#name(key), ...this.#traits(mark, call) })
    const { output } = await askS3('CreateMultipartUpload', signal, () =>
      this.#client.send(create, { abortSignal: signal }),
    )
    const upload = { ...this.#name(key), UploadId: output.UploadId }
    try {
      const parts = await this.#sendParts(upload, ready, rest, stop, signal)
      const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0)
      const stored = await this.#complete(target, upload, parts, sizeBytes)
      if (stored === null) await this.#abandon(upload)
      return stored
    } catch (error) {
      stop.abort(error)
      await this.#abandon(upload)
      throw error
    }
  }

  async #sendParts(
    upload: UploadName,
    ready: readonly Uint8Array[],
    rest: AsyncGenerator<Uint8Array, void, void>,
    stop: AbortController,
    signal: AbortSignal,
  ): Promise<readonly SentPart[]> {
    const places = new Permits(PARTS_AT_ONCE)
    const sending: Promise<SentPart>[] = []
    const send = async (body: Uint8Array): Promise<void> => {
      const number = sending.length + 1
      if (number > MAX_PARTS) {
        const limit = (MAX_PARTS * this.#settings.partBytes) / 2 ** 30
        throw this.#cannot(
          `an object of more than ${MAX_PARTS} parts (${limit.toFixed(0)} GiB) needs a larger part size`,
        )
      }
      let isStarted = () => {}
      const started = new Promise<void>((resolve) => {
        isStarted = resolve
      })
      const sent = places.run(signal, () => {
        isStarted()
        return this.#sendPart(upload, number, body, signal)
      })
      // The first failure ends the source and the other parts; it is reported by whoever waits next.
      sent.catch((error: unknown) => stop.abort(error))
      sending.push(sent)
      await Promise.race([started, sent]) // No further part is read before this one has its place.
    }
    try {
      for (const body of ready) await send(body)
      for await (const body of rest) await send(body)
      return await Promise.all(sending)
    } finally {
      await Promise.allSettled(sending)
    }
  }

  async #sendPart(upload: UploadName, number: number, body: Uint8Array, signal: AbortSignal): Promise<SentPart> {
    const command = new UploadPartCommand({
      ...upload,
      PartNumber: number,
      Body: body,
      ContentLength: body.byteLength,
    })
    const { output } = await this.#permits.run(signal, () =>
      askS3('UploadPart', signal, () => this.#client.send(command, { abortSignal: signal })),
    )
    return {
      sizeBytes: body.byteLength,
      part: {
        PartNumber: number,
        ETag: output.ETag,
        ...(output.ChecksumCRC32 === undefined ? {} : { ChecksumCRC32: output.ChecksumCRC32 }),
      },
    }
  }

  async #complete(
    { key, mark, call }: Target,
    upload: UploadName,
    parts: readonly SentPart[],
    sizeBytes: number,
  ): Promise<StoredObject | null> {
    const { signal, ifAbsent = false } = call
    const command = new CompleteMultipartUploadCommand({
      ...upload,
      MultipartUpload: { Parts: parts.map(({ part }) => part) },
      ...(ifAbsent ? { IfNoneMatch: '*' } : {}),
    })
    try {
      const { output } = await askS3('CompleteMultipartUpload', signal, () =>
        this.#client.send(command, { abortSignal: signal }),
      )
      // Ceph 16 leaves the etag out.
      if (output.ETag !== undefined && output.ETag !== '') return this.#stored(key, sizeBytes, output.ETag, call)
      return await this.#findOwn(key, mark, signal)
    } catch (error) {
      const isRetried = error instanceof S3Refusal && error.attempts > 1
      const isGone = isRefusal(error, 'NoSuchUpload') || hasStatus(error, 404)
      if (isRetried && (isGone || hasStatus(error, 412))) {
        const own = await this.#findOwn(key, mark, signal)
        if (own !== null) return own
      }
      if (ifAbsent && hasStatus(error, 412)) return null
      throw error
    }
  }

  /** Null when the object under `key` is not the one that this call put there. */
  async #findOwn(key: ObjectKey, mark: string, signal: AbortSignal): Promise<StoredObject | null> {
    const command = new HeadObjectCommand(this.#name(key))
    const { output } = await askS3('HeadObject', signal, () => this.#client.send(command, { abortSignal: signal }))
    if (output.Metadata?.[MARK] !== mark) return null
    return {
      key,
      sizeBytes: output.ContentLength ?? 0,
      etag: plainEtag(output.ETag),
      ...(output.StorageClass === undefined ? {} : { storageClass: output.StorageClass }),
    }
  }

  /** Parts of an upload that was given up cost money until they are removed. */
  async #abandon(upload: UploadName): Promise<void> {
    const signal = AbortSignal.timeout(CLEANUP_TIMEOUT_MS)
    const command = new AbortMultipartUploadCommand(upload)
    await askS3('AbortMultipartUpload', signal, () => this.#client.send(command, { abortSignal: signal })).catch(
      () => {}, // Left to the rule of the bucket that aborts stale uploads.
    )
  }

  #name(key: ObjectKey): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#settings.bucket, Key: this.#settings.prefix + key }
  }

  #traits(mark: string, { contentType, storageClass }: S3PutCall) {
    const wanted = storageClass ?? this.#settings.storageClass
    return {
      ContentType: contentType,
      Metadata: { [MARK]: mark },
      // Stores have classes of their own names; the type lists those of AWS.
      ...(wanted === null ? {} : { StorageClass: wanted as StorageClass }),
    }
  }

  #stored(key: ObjectKey, sizeBytes: number, etag: string | undefined, { storageClass }: S3PutCall): StoredObject {
    const wanted = storageClass ?? this.#settings.storageClass
    return {
      key,
      sizeBytes,
      etag: plainEtag(etag),
      ...(wanted === null || wanted === 'STANDARD' ? {} : { storageClass: wanted }),
    }
  }

  #cannot(why: string): MirrorError {
    return new MirrorError('store_cannot', `${describePlace(this.#settings)}: ${why}`)
  }
}

type UploadName = { readonly Bucket: string; readonly Key: string; readonly UploadId: string | undefined }

interface SentPart {
  readonly sizeBytes: number
  readonly part: { readonly PartNumber: number; readonly ETag: string | undefined; readonly ChecksumCRC32?: string }
}

/** Without the quotes that HTTP puts around it. */
export function plainEtag(etag: string | undefined): string {
  return (etag ?? '').replace(/^"|"$/g, '')
}
