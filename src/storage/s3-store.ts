import type { Readable } from 'node:stream'
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadBucketCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListObjectsV2Command,
  type S3Client,
} from '@aws-sdk/client-s3'
import { MirrorError } from '../core/errors.ts'
import { Permits } from '../core/permits.ts'
import { archivedError } from './archived-error.ts'
import { type ByteRange, clipRange } from './byte-range.ts'
import { isKeyPrefix, parseObjectKey } from './keys.ts'
import type { ListCall, ObjectBody, ObjectInfo, ObjectKey, StoreCall, StoredObject } from './object-store.ts'
import { S3Body } from './s3-body.ts'
import { askS3, createS3Client, hasStatus, isRefusal, S3Refusal, toStoreFailure } from './s3-client.ts'
import { ConditionCheck, type S3Conditions } from './s3-conditions.ts'
import { describePlace, type S3Settings } from './s3-settings.ts'
import { S3Tiers, type TierTraits } from './s3-tiers.ts'
import { plainEtag, type S3PutCall, S3Upload } from './s3-upload.ts'
import { type RestoreState, TIERS, type Tier, type TierCopy, type TieredStore } from './tiers.ts'

/** S3's bound for one request. */
const MAX_DELETES = 1000
const DELETES_AT_ONCE = 8
/** How long a bucket is taken to exist after it was seen: an absent object and an absent bucket are both 404. */
const BUCKET_SEEN_MS = 60_000

export interface S3StoreOptions {
  readonly randomId: () => string
  readonly nowMs: () => number
  /** What a probe has found out; null: it is found out at the first conditional put. */
  readonly conditions?: S3Conditions | null
}

/** A bucket, or what is below a prefix in it. Connects when first used. */
export function openS3Store(settings: S3Settings, options: S3StoreOptions): S3Store {
  return new S3Store(settings, options)
}

export class S3Store implements TieredStore {
  readonly tiers: readonly Tier[] = TIERS
  readonly #client: S3Client
  readonly #settings: S3Settings
  readonly #nowMs: () => number
  readonly #upload: S3Upload
  readonly #conditions: ConditionCheck
  readonly #tiers: S3Tiers
  readonly #deletes = new Permits(DELETES_AT_ONCE)
  #bucketSeenAtMs = Number.NEGATIVE_INFINITY
  #hasBatchDelete = true

  constructor(settings: S3Settings, { randomId, nowMs, conditions = null }: S3StoreOptions) {
    this.#client = createS3Client(settings)
    this.#settings = settings
    this.#nowMs = nowMs
    this.#conditions = new ConditionCheck(this.#client, settings, randomId, conditions)
    this.#upload = new S3Upload(this.#client, settings, this.#conditions, randomId)
    this.#tiers = new S3Tiers(this.#client, settings, nowMs)
  }

  /** Finds out now what the first conditional creation would have to wait for. */
  async prepare(signal: AbortSignal): Promise<void> {
    await this.#explained(() => this.#conditions.onCreate(signal))
  }

  async put(
    key: ObjectKey,
    body: AsyncIterable<Uint8Array> | Uint8Array,
    call: S3PutCall,
  ): Promise<StoredObject | null> {
    call.signal.throwIfAborted()
    return await this.#explained(() => this.#upload.put(key, body, call))
  }

  async get(key: ObjectKey, { signal, range }: StoreCall & { readonly range?: ByteRange }): Promise<ObjectBody | null> {
    signal.throwIfAborted()
    const { start, end } = clipRange(range, Number.MAX_SAFE_INTEGER)
    if (range !== undefined && start === end) return await this.#getNothing(key, signal)
    const command = new GetObjectCommand({
      ...this.#name(key),
      ...(range === undefined ? {} : { Range: `bytes=${start}-${end - 1}` }),
    })
    return await this.#explained(async () => {
      try {
        const { output } = await askS3('GetObject', signal, () => this.#client.send(command, { abortSignal: signal }))
        return this.#body(key, output, range, signal)
      } catch (error) {
        if (hasStatus(error, 416)) return await this.#getNothing(key, signal)
        if (isRefusal(error, 'InvalidObjectState')) {
          throw archivedError(key, (await this.#tiers.state(key, { signal })) ?? { kind: 'archived' }, error)
        }
        if (isRefusal(error, 'NoSuchBucket') || !hasStatus(error, 404)) throw error
        return null
      }
    })
  }

  async head(key: ObjectKey, { signal }: StoreCall): Promise<ObjectInfo | null> {
    signal.throwIfAborted()
    const command = new HeadObjectCommand(this.#name(key))
    return await this.#explained(async () => {
      try {
        const { output } = await askS3('HeadObject', signal, () => this.#client.send(command, { abortSignal: signal }))
        return infoOf(key, output.ContentLength ?? 0, output, this.#tiers.traitsOf(output))
      } catch (error) {
        if (!hasStatus(error, 404)) throw error
        await this.#seeBucket(signal)
        return null
      }
    })
  }

  async *list(prefix: string, { signal, after = '' }: ListCall): AsyncGenerator<ObjectInfo, void, void> {
    signal.throwIfAborted()
    if (!isKeyPrefix(prefix)) return
    const scope = {
      Bucket: this.#settings.bucket,
      Prefix: this.#settings.prefix + prefix,
      EncodingType: 'url' as const,
    }
    let token: string | undefined
    do {
      const command = new ListObjectsV2Command({
        ...scope,
        // Named once: a token goes on from there.
        ...(token === undefined && after !== '' ? { StartAfter: this.#settings.prefix + after } : {}),
        ...(token === undefined ? {} : { ContinuationToken: token }),
      })
      const page = await this.#explained(async () => {
        const { output } = await askS3('ListObjectsV2', signal, () =>
          this.#client.send(command, { abortSignal: signal }),
        )
        return output
      })
      for (const entry of page.Contents ?? []) {
        signal.throwIfAborted()
        const name = page.EncodingType === 'url' ? decodeName(entry.Key ?? '') : (entry.Key ?? '')
        const key = name.startsWith(this.#settings.prefix)
          ? parseObjectKey(name.slice(this.#settings.prefix.length))
          : null
        if (key !== null)
          yield infoOf(key, entry.Size ?? 0, entry, { ...this.#tiers.traitsOf(entry), restore: undefined })
      }
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined
    } while (token !== undefined)
  }

  async delete(keys: readonly ObjectKey[], { signal }: StoreCall): Promise<void> {
    signal.throwIfAborted()
    for (let at = 0; at < keys.length; at += MAX_DELETES) {
      const batch = keys.slice(at, at + MAX_DELETES)
      await this.#explained(() => this.#deleteBatch(batch, signal))
    }
  }

  async copyToTier(key: ObjectKey, to: Tier, call: StoreCall): Promise<TierCopy | null> {
    call.signal.throwIfAborted()
    return await this.#explained(() => this.#tiers.copy(key, to, call))
  }

  /** The store has put the copy in the place of the object already. */
  async release(_copy: TierCopy, { signal }: StoreCall): Promise<boolean> {
    signal.throwIfAborted()
    return true
  }

  async restore(key: ObjectKey, call: StoreCall & { readonly keepMs: number }): Promise<RestoreState | null> {
    call.signal.throwIfAborted()
    return await this.#explained(() => this.#tiers.restore(key, call))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.destroy()
  }

  async #deleteBatch(keys: readonly ObjectKey[], signal: AbortSignal): Promise<void> {
    const [only] = keys
    if (keys.length === 1 && only !== undefined) return await this.#deleteOne(only, signal)
    if (this.#hasBatchDelete) {
      try {
        return await this.#deleteTogether(keys, signal)
      } catch (error) {
        // Some stores know no batch, or insist on a checksum that the SDK does not send (or refuse the one it sends).
        if (![400, 405, 411, 501].some((status) => hasStatus(error, status))) throw error
        this.#hasBatchDelete = false
      }
    }
    await Promise.all(keys.map((key) => this.#deletes.run(signal, () => this.#deleteOne(key, signal))))
  }

  async #deleteTogether(keys: readonly ObjectKey[], signal: AbortSignal): Promise<void> {
    const command = new DeleteObjectsCommand({
      Bucket: this.#settings.bucket,
      Delete: { Quiet: true, Objects: keys.map((key) => ({ Key: this.#settings.prefix + key })) },
    })
    const { output } = await askS3('DeleteObjects', signal, () => this.#client.send(command, { abortSignal: signal }))
    const [failed] = (output.Errors ?? []).filter(({ Code }) => Code !== 'NoSuchKey')
    if (failed === undefined) return
    const place = describePlace(this.#settings)
    throw new MirrorError(
      'store_unavailable',
      `${place}: ${failed.Key} was not deleted: ${failed.Code} ${failed.Message}`,
    )
  }

  async #deleteOne(key: ObjectKey, signal: AbortSignal): Promise<void> {
    const command = new DeleteObjectCommand(this.#name(key))
    try {
      await askS3('DeleteObject', signal, () => this.#client.send(command, { abortSignal: signal }))
    } catch (error) {
      if (isRefusal(error, 'NoSuchBucket') || !hasStatus(error, 404)) throw error
    }
  }

  #body(key: ObjectKey, output: GetObjectCommandOutput, range: ByteRange | undefined, signal: AbortSignal): ObjectBody {
    const sentBytes = output.ContentLength ?? 0
    const sizeBytes = Number(/\/(\d+)$/.exec(output.ContentRange ?? '')?.[1] ?? sentBytes)
    // In Node the SDK hands out the HTTP response itself.
    const source = output.Body as Readable | undefined
    if (source === undefined) throw new Error('an answer to GetObject without a body')
    const place = describePlace(this.#settings)
    if (range !== undefined && output.ContentRange === undefined && range.start > 0) {
      source.destroy()
      throw new MirrorError('store_cannot', `${place}: the store ignores byte ranges`)
    }
    return new S3Body(infoOf(key, sizeBytes, output, this.#tiers.traitsOf(output)), source, {
      expectedBytes: sentBytes,
      place,
      signal,
    })
  }

  /** A range without bytes, which HTTP cannot ask for. */
  async #getNothing(key: ObjectKey, signal: AbortSignal): Promise<ObjectBody | null> {
    const info = await this.head(key, { signal })
    return info === null ? null : { info, chunks: nothing(), async [Symbol.asyncDispose]() {} }
  }

  async #seeBucket(signal: AbortSignal): Promise<void> {
    if (this.#nowMs() - this.#bucketSeenAtMs < BUCKET_SEEN_MS) return
    const command = new HeadBucketCommand({ Bucket: this.#settings.bucket })
    await askS3('HeadBucket', signal, () => this.#client.send(command, { abortSignal: signal })).catch(
      (error: unknown) => {
        // Whoever may not ask for the bucket learns no more than this.
        if (!(error instanceof S3Refusal) || !hasStatus(error, 403)) throw error
      },
    )
    this.#bucketSeenAtMs = this.#nowMs()
  }

  #name(key: ObjectKey): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#settings.bucket, Key: this.#settings.prefix + key }
  }

  async #explained<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw toStoreFailure(error, this.#settings, this.#nowMs())
    }
  }
}

function infoOf(
  key: ObjectKey,
  sizeBytes: number,
  {
    ETag,
    LastModified,
    StorageClass,
  }: Pick<HeadObjectCommandOutput, 'ETag' | 'LastModified'> & { StorageClass?: string | undefined },
  { tier, restore }: { readonly [Trait in keyof TierTraits]: TierTraits[Trait] | undefined },
): ObjectInfo {
  return {
    key,
    sizeBytes,
    etag: plainEtag(ETag),
    // HTTP dates have whole seconds, listings of some stores more: one object has one time.
    modifiedAtMs: Math.floor((LastModified?.getTime() ?? 0) / 1000) * 1000,
    ...(StorageClass === undefined || StorageClass === 'STANDARD' ? {} : { storageClass: StorageClass }),
    ...(tier === undefined ? {} : { tier }),
    ...(restore === undefined ? {} : { restore }),
  }
}

/** AWS writes a space as a plus there. */
function decodeName(encoded: string): string {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '))
  } catch {
    return ''
  }
}

async function* nothing(): AsyncGenerator<Uint8Array, void, void> {}
