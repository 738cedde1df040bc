import type { Readable } from 'node:stream'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
  type StorageClass,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { collect } from './collect.ts'
import { probeKey } from './keys.ts'
import { askS3, hasStatus, isRefusal, type S3Answer, S3Refusal } from './s3-client.ts'
import { MIN_PART_BYTES, type S3Settings } from './s3-settings.ts'

/** One request of the SDK. */
export type Send<T> = (
  client: S3Client,
  by: { readonly abortSignal: AbortSignal },
) => Promise<T & { readonly $metadata: { readonly attempts?: number | undefined } }>

/** The objects that a probe works with: all of a random folder below `probe/`, and all remembered, so that they go again. */
export class S3ProbeObjects {
  readonly #client: S3Client
  readonly #settings: S3Settings
  readonly #folder: string
  readonly #written = new Set<string>()

  constructor(client: S3Client, settings: S3Settings, randomId: () => string) {
    this.#client = client
    this.#settings = settings
    this.#folder = `${settings.prefix}${probeKey(randomId())}/`
  }

  name(name: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#settings.bucket, Key: this.#folder + name }
  }

  /** The smallest part that is not the last, and so many bytes more. */
  filler(moreBytes: number): Uint8Array {
    return new Uint8Array(MIN_PART_BYTES + moreBytes)
  }

  async ask<T>(action: string, signal: AbortSignal, send: Send<T>): Promise<S3Answer<T>> {
    return await askS3(action, signal, () => send(this.#client, { abortSignal: signal }))
  }

  /** An object that is about to come into being in another way than by `put`. */
  note(name: string): void {
    this.#written.add(name)
  }

  /** Returns the name. */
  async put(signal: AbortSignal, name: string, input: Omit<PutObjectCommandInput, 'Bucket' | 'Key'>): Promise<string> {
    this.#written.add(name)
    await this.ask('PutObject', signal, (s3, by) => s3.send(new PutObjectCommand({ ...this.name(name), ...input }), by))
    return name
  }

  async text(signal: AbortSignal, name: string, range?: string): Promise<string> {
    const command = new GetObjectCommand({ ...this.name(name), ...(range === undefined ? {} : { Range: range }) })
    const { output } = await this.ask('GetObject', signal, (s3, by) => s3.send(command, by))
    // In Node the SDK hands out the HTTP response itself.
    const body = output.Body as Readable | undefined
    return body === undefined ? '' : Buffer.from(await collect(body)).toString('utf8')
  }

  async exists(signal: AbortSignal, name: string): Promise<boolean> {
    try {
      await this.ask('HeadObject', signal, (s3, by) => s3.send(new HeadObjectCommand(this.name(name)), by))
      return true
    } catch (error) {
      if (hasStatus(error, 404)) return false
      throw error
    }
  }

  /** Names that start with `start`, as the store orders them. */
  async list(signal: AbortSignal, start: string): Promise<readonly string[]> {
    const command = new ListObjectsV2Command({ Bucket: this.#settings.bucket, Prefix: this.#folder + start })
    const { output } = await this.ask('ListObjectsV2', signal, (s3, by) => s3.send(command, by))
    return (output.Contents ?? []).map(({ Key = '' }) => Key.slice(this.#folder.length))
  }

  async remove(signal: AbortSignal, name: string): Promise<void> {
    await this.ask('DeleteObject', signal, (s3, by) => s3.send(new DeleteObjectCommand(this.name(name)), by))
    this.#written.delete(name)
  }

  /** An upload in parts; one that fails is given up. */
  async putParts(signal: AbortSignal, name: string, parts: readonly Uint8Array[], ifNoneMatch?: '*'): Promise<void> {
    this.#written.add(name)
    const create = new CreateMultipartUploadCommand(this.name(name))
    const { output } = await this.ask('CreateMultipartUpload', signal, (s3, by) => s3.send(create, by))
    const upload = { ...this.name(name), UploadId: output.UploadId }
    try {
      const Parts = []
      for (const [at, Body] of parts.entries()) {
        const PartNumber = at + 1
        const command = new UploadPartCommand({ ...upload, PartNumber, Body, ContentLength: Body.byteLength })
        const sent = await this.ask('UploadPart', signal, (s3, by) => s3.send(command, by))
        Parts.push({ PartNumber, ETag: sent.output.ETag })
      }
      const complete = new CompleteMultipartUploadCommand({
        ...upload,
        MultipartUpload: { Parts },
        ...(ifNoneMatch === undefined ? {} : { IfNoneMatch: ifNoneMatch }),
      })
      await this.ask('CompleteMultipartUpload', signal, (s3, by) => s3.send(complete, by))
    } catch (error) {
      const command = new AbortMultipartUploadCommand(upload)
      await this.ask('AbortMultipartUpload', signal, (s3, by) => s3.send(command, by)).catch(() => {})
      throw error
    }
  }

  /** Whether an object that is put into this class is in it afterwards; some stores take any name and ignore it. */
  async keepsClass(signal: AbortSignal, storageClass: StorageClass): Promise<boolean> {
    try {
      const name = await this.put(signal, `class/${storageClass}`, { Body: '1', StorageClass: storageClass })
      const command = new HeadObjectCommand(this.name(name))
      const { output } = await this.ask('HeadObject', signal, (s3, by) => s3.send(command, by))
      return output.StorageClass === storageClass
    } catch (error) {
      if (error instanceof S3Refusal && error.fault.status !== null && error.fault.status < 500) return false
      throw error
    }
  }

  /** A setting of the bucket that is not made is 404; one that the store does not know is another error. */
  async isConfigured<T>(action: string, signal: AbortSignal, send: Send<T>): Promise<'set' | 'none yet'> {
    try {
      await this.ask(action, signal, send)
      return 'set'
    } catch (error) {
      if (hasStatus(error, 404) && !isRefusal(error, 'NoSuchBucket')) return 'none yet'
      throw error
    }
  }

  async removeAll(signal: AbortSignal): Promise<void> {
    for (const name of this.#written) await this.remove(signal, name).catch(() => {}) // Left below probe/: harmless.
  }
}
