// What a store is to hold after any sequence of calls, and what each call is to answer: a map, without any I/O.
import { createHash } from 'node:crypto'

export interface ModelObject {
  readonly bytes: Buffer
  readonly etag: string
}

/** Whom a put asks before it replaces: nobody, or what the key is to hold. An etag stands for one version. */
export type PutCondition =
  | { readonly kind: 'always' }
  | { readonly kind: 'absent' }
  | { readonly kind: 'match'; readonly etag: string }

export class StoreModel {
  readonly #objects = new Map<string, ModelObject>()
  /** By key and etag, a hash of the one body that it may stand for. */
  readonly #bodies = new Map<string, string>()
  readonly #etags = new Map<string, string[]>()

  object(key: string): ModelObject | null {
    return this.#objects.get(key) ?? null
  }

  /** Every etag that `key` has had, the newest last. */
  etags(key: string): readonly string[] {
    return this.#etags.get(key) ?? []
  }

  admits(key: string, condition: PutCondition): boolean {
    if (condition.kind === 'always') return true
    const held = this.#objects.get(key)
    return condition.kind === 'absent' ? held === undefined : held?.etag === condition.etag
  }

  /** Throws when the store gave two bodies of a key one etag: whoever had read one would overwrite the other. */
  keep(key: string, object: ModelObject): void {
    const version = `${key}\n${object.etag}`
    const hash = createHash('sha256').update(object.bytes).digest('hex')
    const other = this.#bodies.get(version)
    if (other !== undefined && other !== hash) throw new Error(`two bodies of ${key} have the etag ${object.etag}`)
    this.#bodies.set(version, hash)
    this.#etags.set(key, [...this.etags(key), object.etag])
    this.#objects.set(key, object)
  }

  /** The same bytes, elsewhere: what the store calls this version may have changed. */
  rename(key: string, etag: string): void {
    const object = this.#objects.get(key)
    if (object === undefined) throw new Error(`there is no ${key}`)
    if (object.etag !== etag) this.keep(key, { ...object, etag })
  }

  remove(key: string): void {
    this.#objects.delete(key)
  }

  /** In the order of UTF-8 bytes. */
  list(prefix: string, after: string): readonly { readonly key: string; readonly object: ModelObject }[] {
    return [...this.#objects]
      .map(([key, object]) => ({ key, object, bytes: Buffer.from(key) }))
      .filter(({ key, bytes }) => key.startsWith(prefix) && Buffer.compare(bytes, Buffer.from(after)) > 0)
      .sort((left, right) => Buffer.compare(left.bytes, right.bytes))
      .map(({ key, object }) => ({ key, object }))
  }
}
