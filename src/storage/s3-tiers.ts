// Tiers as storage classes of a bucket: the store copies by itself, and restores by itself. What a class means is told by
// `HEAD`: a store that takes any name and keeps the object where it was is found out.
import {
  CopyObjectCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  RestoreObjectCommand,
  type S3Client,
  type StorageClass,
} from '@aws-sdk/client-s3'
import { MirrorError } from '../core/errors.ts'
import { archivedError } from './archived-error.ts'
import type { ObjectInfo, ObjectKey, StoreCall } from './object-store.ts'
import { askS3, hasStatus, isRefusal, S3Refusal } from './s3-client.ts'
import { describePlace, type S3Settings } from './s3-settings.ts'
import { plainEtag } from './s3-upload.ts'
import { type RestoreState, TIERS, type Tier, type TierCopy } from './tiers.ts'

/** AWS's classes; `cold` can be read at once, `archive` cannot. */
const DEFAULT_CLASSES: Readonly<Record<Tier, string>> = {
  hot: 'STANDARD',
  warm: 'STANDARD_IA',
  cold: 'GLACIER_IR',
  archive: 'GLACIER',
}
/** Classes of which an object has to be restored before it is read. */
const ARCHIVE_CLASSES: readonly string[] = ['GLACIER', 'DEEP_ARCHIVE']
/**
 * The longest that the standard retrieval takes:
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects-retrieval-options.html (2026-11).
 */
const RESTORE_HOURS: Readonly<Record<string, number>> = { GLACIER: 5, DEEP_ARCHIVE: 12 }
/** Of one CopyObject; larger ones would have to be copied in parts. */
const MAX_COPY_BYTES = 5 * 2 ** 30
const DAY_MS = 86_400_000

export class S3Tiers {
  readonly #client: S3Client
  readonly #settings: S3Settings
  readonly #nowMs: () => number

  constructor(client: S3Client, settings: S3Settings, nowMs: () => number) {
    this.#client = client
    this.#settings = settings
    this.#nowMs = nowMs
  }

  /** What `infoOf` adds of an answer about one object. */
  traitsOf(output: { readonly StorageClass?: string | undefined; readonly Restore?: string | undefined }): TierTraits {
    const { StorageClass: storageClass = 'STANDARD', Restore } = output
    const tier = TIERS.toReversed().find((each) => this.classOf(each) === storageClass) ?? 'hot'
    const restore = ARCHIVE_CLASSES.includes(storageClass) ? this.#restoreState(storageClass, Restore) : null
    return { ...(tier === 'hot' ? {} : { tier }), ...(restore === null ? {} : { restore }) }
  }

  classOf(tier: Tier): string {
    return (
      this.#settings.tierClasses?.[tier] ??
      (tier === 'hot' ? this.#settings.storageClass : null) ??
      DEFAULT_CLASSES[tier]
    )
  }

  async copy(key: ObjectKey, to: Tier, call: StoreCall): Promise<TierCopy | null> {
    const wanted = this.classOf(to)
    const before = await this.#head(key, call)
    if (before === null) return null
    const { tier: from = 'hot', restore } = this.traitsOf(before)
    const sizeBytes = before.ContentLength ?? 0
    const sourceEtag = plainEtag(before.ETag)
    if ((before.StorageClass ?? 'STANDARD') === wanted) {
      return { key, from: to, to, sizeBytes, sha256: null, sourceEtag, etag: sourceEtag }
    }
    if (restore !== undefined && restore.kind !== 'restored') throw archivedError(key, restore)
    if (sizeBytes > MAX_COPY_BYTES) throw this.#cannot(`${key} is larger than the 5 GiB that a store copies at once`)
    const command = new CopyObjectCommand({
      ...this.#name(key),
      CopySource: `${this.#settings.bucket}/${encodeKey(this.#settings.prefix + key)}`,
      // Stores have classes of their own names; the type lists those of AWS.
      StorageClass: wanted as StorageClass,
      MetadataDirective: 'COPY',
    })
    try {
      await askS3('CopyObject', call.signal, () => this.#client.send(command, { abortSignal: call.signal }))
    } catch (error) {
      if (isRefusal(error, 'NoSuchBucket')) throw error
      if (hasStatus(error, 404)) return null
      if (!(error instanceof S3Refusal) || (!hasStatus(error, 400) && !hasStatus(error, 501))) throw error
      // Somebody else has moved it just now: a copy onto itself that changes nothing is refused.
      const now = await this.#head(key, call)
      if (now === null) return null
      if ((now.StorageClass ?? 'STANDARD') === wanted) return await this.copy(key, to, call)
      const { name, message } = error.fault
      throw this.#cannot(`it does not move objects to the storage class ${wanted}: ${name} ${message}`)
    }
    const after = await this.#head(key, call)
    if (after === null) return null
    const is = after.StorageClass ?? 'STANDARD'
    if (is !== wanted) throw this.#cannot(`it was asked to keep ${key} as ${wanted} and keeps it as ${is}`)
    if (after.ContentLength !== sizeBytes) throw this.#cannot(`the copy of ${key} is not as long as the object was`)
    return { key, from, to, sizeBytes, sha256: null, sourceEtag, etag: plainEtag(after.ETag) }
  }

  async restore(key: ObjectKey, call: StoreCall & { readonly keepMs: number }): Promise<RestoreState | null> {
    const state = await this.state(key, call)
    if (state === null || state.kind === 'restoring') return state
    const isEnough =
      state.kind === 'restored' && (state.untilMs ?? Number.POSITIVE_INFINITY) >= this.#nowMs() + call.keepMs
    if (isEnough) return state
    const command = new RestoreObjectCommand({
      ...this.#name(key),
      RestoreRequest: {
        Days: Math.max(1, Math.ceil(call.keepMs / DAY_MS)),
        GlacierJobParameters: { Tier: 'Standard' },
      },
    })
    try {
      await askS3('RestoreObject', call.signal, () => this.#client.send(command, { abortSignal: call.signal }))
    } catch (error) {
      if (isRefusal(error, 'NoSuchBucket')) throw error
      if (hasStatus(error, 404)) return null
      // Somebody else has just asked.
      if (!isRefusal(error, 'RestoreAlreadyInProgress')) throw error
    }
    return await this.state(key, call)
  }

  /** Null when there is no such object. */
  async state(key: ObjectKey, call: StoreCall): Promise<RestoreState | null> {
    const output = await this.#head(key, call)
    return output === null ? null : (this.traitsOf(output).restore ?? { kind: 'restored', untilMs: null })
  }

  #restoreState(storageClass: string, header: string | undefined): RestoreState {
    const state = parseRestoreHeader(header)
    if (state.kind !== 'restoring') return state
    const hours = RESTORE_HOURS[storageClass]
    return { kind: 'restoring', readyAtMs: hours === undefined ? null : this.#nowMs() + hours * 3_600_000 }
  }

  async #head(key: ObjectKey, { signal }: StoreCall): Promise<HeadObjectCommandOutput | null> {
    const command = new HeadObjectCommand(this.#name(key))
    try {
      return (await askS3('HeadObject', signal, () => this.#client.send(command, { abortSignal: signal }))).output
    } catch (error) {
      if (isRefusal(error, 'NoSuchBucket') || !hasStatus(error, 404)) throw error
      return null
    }
  }

  #name(key: ObjectKey): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#settings.bucket, Key: this.#settings.prefix + key }
  }

  #cannot(why: string): MirrorError {
    return new MirrorError('store_cannot', `${describePlace(this.#settings)}: ${why}`)
  }
}

export type TierTraits = Pick<ObjectInfo, 'tier' | 'restore'>

/**
 * `x-amz-restore`: `ongoing-request="true"`, or `ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"`;
 * absent when nobody has asked. https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html (2026-11). It does
 * not say when an object will be ready.
 */
export function parseRestoreHeader(header: string | undefined): RestoreState {
  if (header === undefined) return { kind: 'archived' }
  if (/ongoing-request="true"/.test(header)) return { kind: 'restoring', readyAtMs: null }
  const untilMs = Date.parse(/expiry-date="([^"]+)"/.exec(header)?.[1] ?? '')
  return { kind: 'restored', untilMs: Number.isNaN(untilMs) ? null : untilMs }
}

/** As a copy source has it: each part of the path encoded by itself. */
function encodeKey(key: string): string {
  return key.split('/').map(encodeURIComponent).join('/')
}
