import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { MirrorError } from '../core/errors.ts'
import type { DirectParts, DirectUploads } from './direct-uploads.ts'
import type { ObjectKey, StoreCall } from './object-store.ts'
import { askS3, createS3Client, hasStatus, isRefusal, toStoreFailure } from './s3-client.ts'
import { objectUrl, presignUrl } from './s3-presign.ts'
import type { S3Settings } from './s3-settings.ts'

export class S3DirectUploads implements DirectUploads {
  readonly #settings: S3Settings
  readonly #client: S3Client
  readonly #nowMs: () => number

  constructor(settings: S3Settings, { nowMs }: { readonly nowMs: () => number }) {
    this.#settings = settings
    this.#client = createS3Client(settings)
    this.#nowMs = nowMs
  }

  async putUrl(key: ObjectKey, { sizeBytes, expiresSec }: { readonly sizeBytes: number; readonly expiresSec: number }) {
    return await this.#sign(key, {}, sizeBytes, expiresSec)
  }

  async begin(key: ObjectKey, { signal }: StoreCall): Promise<string> {
    const command = new CreateMultipartUploadCommand(this.#name(key))
    const { UploadId } = await this.#ask('CreateMultipartUpload', signal, () =>
      this.#client.send(command, { abortSignal: signal }),
    )
    if (UploadId === undefined) throw new MirrorError('store_unavailable', 'The store began no upload in parts')
    return UploadId
  }

  async partUrl(
    key: ObjectKey,
    part: {
      readonly uploadId: string
      readonly number: number
      readonly sizeBytes: number
      readonly expiresSec: number
    },
  ): Promise<string> {
    const query = { partNumber: String(part.number), uploadId: part.uploadId }
    return await this.#sign(key, query, part.sizeBytes, part.expiresSec)
  }

  async finish(key: ObjectKey, { uploadId, partBytes, sizeBytes }: DirectParts, { signal }: StoreCall): Promise<void> {
    const upload = { ...this.#name(key), UploadId: uploadId }
    const found = await this.#parts(upload, signal)
    if (found === null) {
      if (await this.#exists(key, signal)) return
      throw new MirrorError('direct_upload_missing', 'The upload was abandoned, or its time is over')
    }
    const count = Math.ceil(sizeBytes / partBytes)
    const sizeOf = (number: number) => (number < count ? partBytes : sizeBytes - partBytes * (count - 1))
    const missing = Array.from({ length: count }, (_, n) => n + 1).filter(
      (number) => found.get(number)?.size !== sizeOf(number),
    )
    if (missing.length > 0 || found.size > count) {
      const which = missing.slice(0, 5).join(', ')
      throw new MirrorError(
        'direct_upload_missing',
        `Parts are missing or of the wrong size: ${which || 'there are too many'}`,
      )
    }
    const Parts = [...found].map(([PartNumber, { etag }]) => ({ PartNumber, ETag: etag }))
    const command = new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } })
    await this.#ask('CompleteMultipartUpload', signal, () => this.#client.send(command, { abortSignal: signal }))
  }

  async abandon(key: ObjectKey, uploadId: string, { signal }: StoreCall): Promise<void> {
    const command = new AbortMultipartUploadCommand({ ...this.#name(key), UploadId: uploadId })
    try {
      await askS3('AbortMultipartUpload', signal, () => this.#client.send(command, { abortSignal: signal }))
    } catch (error) {
      if (!hasStatus(error, 404)) throw toStoreFailure(error, this.#settings, this.#nowMs())
    }
  }

  async sweep(prefix: string, { signal, beforeMs }: StoreCall & { readonly beforeMs: number }): Promise<number> {
    const start = this.#settings.prefix
    let swept = 0
    let from: { KeyMarker?: string; UploadIdMarker?: string } = {}
    for (;;) {
      const command = new ListMultipartUploadsCommand({
        Bucket: this.#settings.bucket,
        Prefix: start + prefix,
        ...from,
      })
      const page = await this.#ask('ListMultipartUploads', signal, () =>
        this.#client.send(command, { abortSignal: signal }),
      )
      for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
        if (Key === undefined || UploadId === undefined || (Initiated?.getTime() ?? beforeMs) >= beforeMs) continue
        await this.abandon(Key.slice(start.length) as ObjectKey, UploadId, { signal })
        swept += 1
      }
      if (page.IsTruncated !== true || page.NextKeyMarker === undefined) return swept
      from = {
        KeyMarker: page.NextKeyMarker,
        ...(page.NextUploadIdMarker === undefined ? {} : { UploadIdMarker: page.NextUploadIdMarker }),
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.destroy()
  }

  async #sign(key: ObjectKey, query: Record<string, string>, sizeBytes: number, expiresSec: number): Promise<string> {
    const credentials = await this.#client.config.credentials()
    return presignUrl({
      ...{ method: 'PUT', url: objectUrl(this.#settings, key), query, credentials, expiresSec },
      // Whoever sends another length is refused by the store itself.
      headers: { 'content-length': String(sizeBytes) },
      ...{ region: this.#settings.region, nowMs: this.#nowMs() },
    })
  }

  /** By number; null: there is no such upload. */
  async #parts(
    upload: { readonly Bucket: string; readonly Key: string; readonly UploadId: string },
    signal: AbortSignal,
  ): Promise<Map<number, { readonly size: number; readonly etag: string | undefined }> | null> {
    const found = new Map<number, { readonly size: number; readonly etag: string | undefined }>()
    let marker: string | undefined
    try {
      for (;;) {
        const from = marker === undefined ? {} : { PartNumberMarker: marker }
        const command = new ListPartsCommand({ ...upload, ...from })
        const { output } = await askS3('ListParts', signal, () => this.#client.send(command, { abortSignal: signal }))
        for (const { PartNumber = 0, Size = 0, ETag } of output.Parts ?? [])
          found.set(PartNumber, { size: Size, etag: ETag })
        if (output.IsTruncated !== true || output.NextPartNumberMarker === undefined) return found
        marker = output.NextPartNumberMarker
      }
    } catch (error) {
      if (isRefusal(error, 'NoSuchUpload') || hasStatus(error, 404)) return null
      throw toStoreFailure(error, this.#settings, this.#nowMs())
    }
  }

  async #exists(key: ObjectKey, signal: AbortSignal): Promise<boolean> {
    const command = new HeadObjectCommand(this.#name(key))
    try {
      await askS3('HeadObject', signal, () => this.#client.send(command, { abortSignal: signal }))
      return true
    } catch (error) {
      if (hasStatus(error, 404)) return false
      throw toStoreFailure(error, this.#settings, this.#nowMs())
    }
  }

  async #ask<T>(
    action: string,
    signal: AbortSignal,
    send: () => Promise<T & { readonly $metadata: { readonly attempts?: number | undefined } }>,
  ): Promise<T> {
    try {
      return (await askS3<T>(action, signal, send)).output
    } catch (error) {
      throw toStoreFailure(error, this.#settings, this.#nowMs())
    }
  }

  #name(key: ObjectKey): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#settings.bucket, Key: this.#settings.prefix + key }
  }
}
