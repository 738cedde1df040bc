import { DeleteObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { orAborted } from './abortable.ts'
import { probeKey } from './keys.ts'
import { askS3, hasStatus } from './s3-client.ts'
import type { S3Settings } from './s3-settings.ts'

const CHECK_TIMEOUT_MS = 15_000

/** What a store makes of `If-None-Match: *`, and of `If-Match`. */
export interface S3Conditions {
  /** False: a second put of the same key wins as well, or one over another etag, or the headers are refused. */
  readonly onPut: boolean
  /** The same for the end of a multipart upload; several stores that honour it on puts ignore it there. */
  readonly onComplete: boolean
}

/**
 * Finds out once whether the store honours a conditional put: one that ignores it lets every racer win, silently. Costs
 * four requests at the first conditional put, or none where a probe has told before.
 */
export class ConditionCheck {
  readonly #client: S3Client
  readonly #settings: S3Settings
  readonly #randomId: () => string
  readonly onComplete: boolean
  #onPut: Promise<boolean> | null

  constructor(client: S3Client, settings: S3Settings, randomId: () => string, known: S3Conditions | null) {
    this.#client = client
    this.#settings = settings
    this.#randomId = randomId
    this.onComplete = known?.onComplete ?? false
    this.#onPut = known === null ? null : Promise.resolve(known.onPut)
  }

  async onPut(signal: AbortSignal): Promise<boolean> {
    const checking = this.#onPut ?? this.#check(AbortSignal.timeout(CHECK_TIMEOUT_MS))
    this.#onPut = checking
    try {
      return await orAborted(checking, signal)
    } catch (error) {
      // The store was away, or hung for longer than the caller waits: who asks next asks it anew.
      if (this.#onPut === checking) this.#onPut = null
      throw error
    }
  }

  async #check(signal: AbortSignal): Promise<boolean> {
    const name = { Bucket: this.#settings.bucket, Key: this.#settings.prefix + probeKey(this.#randomId()) }
    const create = async (body: string, condition: { IfNoneMatch: '*' } | { IfMatch: string }): Promise<boolean> => {
      const command = new PutObjectCommand({ ...name, Body: body, ...condition })
      try {
        await askS3('PutObject', signal, () => this.#client.send(command, { abortSignal: signal }))
        return true
      } catch (error) {
        if (hasStatus(error, 412)) return false
        throw error
      }
    }
    try {
      await create('1', { IfNoneMatch: '*' })
      if (await create('2', { IfNoneMatch: '*' })) return false
      return !(await create('3', { IfMatch: '"00000000000000000000000000000000"' }))
    } catch (error) {
      if (hasStatus(error, 501) || hasStatus(error, 400)) return false
      throw error
    } finally {
      const command = new DeleteObjectCommand(name)
      // What is left over lies below probe/ and harms nobody.
      await askS3('DeleteObject', signal, () => this.#client.send(command, { abortSignal: signal })).catch(() => {})
    }
  }
}
