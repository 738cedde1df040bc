import { DeleteObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { orAborted } from './abortable.ts'
import { probeKey } from './keys.ts'
import { askS3, hasStatus } from './s3-client.ts'
import type { S3Settings } from './s3-settings.ts'

const CHECK_TIMEOUT_MS = 15_000
/** Whoever comes later than this asks for itself. */
const JOIN_WITHIN_MS = 2000
/** An etag that no body has. */
const NO_ETAG = '00000000000000000000000000000000'

/** What a store makes of `If-None-Match: *`. */
export interface S3Conditions {
  /** False: a second put of the same key wins as well, or the header is refused. */
  readonly onPut: boolean
  /** The same for the end of a multipart upload; several stores that honour it on puts ignore it there. */
  readonly onComplete: boolean
}

/** How an etag stands in `If-Match`: in quotes as HTTP has it, or bare, which is all that Ceph 16 compares. */
export type EtagForm = 'quoted' | 'bare'

/**
 * Finds out once whether the store honours conditions on a put: one that ignores them lets every racer win, silently.
 * Costs three requests at the first conditional creation, or none where a probe has told before, and up to five at the
 * first conditional replacement.
 */
export class ConditionCheck {
  readonly #client: S3Client
  readonly #settings: S3Settings
  readonly #randomId: () => string
  readonly onComplete: boolean
  readonly #create: Finding<boolean>
  readonly #replace: Finding<EtagForm | null>

  constructor(client: S3Client, settings: S3Settings, randomId: () => string, known: S3Conditions | null) {
    this.#client = client
    this.#settings = settings
    this.#randomId = randomId
    this.onComplete = known?.onComplete ?? false
    this.#create = new Finding((signal) => this.#checkCreate(signal), known === null ? undefined : known.onPut)
    this.#replace = new Finding((signal) => this.#checkReplace(signal))
  }

  /** Whether `If-None-Match: *` is honoured. */
  async onCreate(signal: AbortSignal): Promise<boolean> {
    return await this.#create.wait(signal)
  }

  /** In which form an etag is compared; null: `If-Match` is not honoured. */
  async onReplace(signal: AbortSignal): Promise<EtagForm | null> {
    return await this.#replace.wait(signal)
  }

  async #checkCreate(signal: AbortSignal): Promise<boolean> {
    return await this.#withObject(signal, false, async (put) => {
      await put('1', { IfNoneMatch: '*' })
      return (await put('2', { IfNoneMatch: '*' })).kind !== 'done'
    })
  }

  async #checkReplace(signal: AbortSignal): Promise<EtagForm | null> {
    return await this.#withObject(signal, null, async (put) => {
      const etagOfFirst = async () => {
        const first = await put('1', {})
        return first.kind === 'done' ? first.etag.replaceAll('"', '') : ''
      }
      const etag = await etagOfFirst()
      if ((await put('2', { IfMatch: inForm('quoted', NO_ETAG) })).kind === 'done') return null
      for (const form of ['quoted', 'bare'] as const) {
        let replaced = await put('3', { IfMatch: inForm(form, etag) })
        while (replaced.kind === 'unclear') replaced = await put('3', { IfMatch: inForm(form, await etagOfFirst()) })
        if (replaced.kind === 'refused') continue
        // Bare, a store that cannot read the condition may take anything.
        return (await put('4', { IfMatch: inForm(form, NO_ETAG) })).kind === 'done' ? null : form
      }
      return null
    })
  }

  /** `refused`: when the headers are not taken at all. */
  async #withObject<T>(
    signal: AbortSignal,
    refused: T,
    check: (put: (body: string, condition: Condition) => Promise<PutOutcome>) => Promise<T>,
  ): Promise<T> {
    const name = { Bucket: this.#settings.bucket, Key: this.#settings.prefix + probeKey(this.#randomId()) }
    try {
      return await check(async (body, condition) => {
        const command = new PutObjectCommand({ ...name, Body: body, ...condition })
        try {
          const { output } = await askS3('PutObject', signal, () => this.#client.send(command, { abortSignal: signal }))
          return { kind: 'done', etag: output.ETag ?? '' }
        } catch (error) {
          if (!hasStatus(error, 412)) throw error
          return { kind: error.attempts > 1 ? 'unclear' : 'refused' }
        }
      })
    } catch (error) {
      if (hasStatus(error, 501) || hasStatus(error, 400)) return refused
      throw error
    } finally {
      const command = new DeleteObjectCommand(name)
      // What is left over lies below probe/ and harms nobody.
      await askS3('DeleteObject', signal, () => this.#client.send(command, { abortSignal: signal })).catch(() => {})
    }
  }
}

export function inForm(form: EtagForm, etag: string): string {
  return form === 'quoted' ? `"${etag}"` : etag
}

/** `unclear`: the condition does not hold, perhaps because an attempt before, of which the answer was lost, was done. */
type PutOutcome = { readonly kind: 'done'; readonly etag: string } | { readonly kind: 'refused' | 'unclear' }

type Condition = { readonly IfNoneMatch?: '*'; readonly IfMatch?: string }

/** Something that is found out once, by whoever asks first. */
class Finding<T> {
  readonly #find: (signal: AbortSignal) => Promise<T>
  #known: { readonly value: T } | null
  #underWay: { readonly result: Promise<T>; readonly beganAtMs: number } | null = null

  constructor(find: (signal: AbortSignal) => Promise<T>, known?: T) {
    this.#find = find
    this.#known = known === undefined ? null : { value: known }
  }

  async wait(signal: AbortSignal): Promise<T> {
    if (this.#known !== null) return this.#known.value
    const joined = this.#underWay
    // A request that was lost as the store went away still hangs when it is back: nobody who comes then waits for it.
    const isFresh = joined !== null && performance.now() - joined.beganAtMs < JOIN_WITHIN_MS
    const finding = isFresh ? joined : this.#begin()
    try {
      return await orAborted(finding.result, signal)
    } catch (error) {
      // The store was away, or hung for longer than the caller waits: who asks next asks it anew.
      if (this.#underWay === finding) this.#underWay = null
      throw error
    }
  }

  #begin(): { readonly result: Promise<T>; readonly beganAtMs: number } {
    const result = this.#find(AbortSignal.timeout(CHECK_TIMEOUT_MS))
    result.then(
      (value) => {
        this.#known = { value }
      },
      () => {}, // Told to those who wait.
    )
    this.#underWay = { result, beganAtMs: performance.now() }
    return this.#underWay
  }
}
