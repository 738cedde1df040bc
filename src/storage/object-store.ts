import type { RestoreState, Tier } from './tiers.ts'

declare const keyBrand: unique symbol
/** Built only by keys.ts, so a raw string from a URL cannot reach a store. Slash-separated segments, no `.` or `..`. */
export type ObjectKey = string & { readonly [keyBrand]: true }

export interface ObjectInfo {
  readonly key: ObjectKey
  readonly sizeBytes: number
  readonly etag: string
  readonly modifiedAtMs: number
  /** As the store calls it; omitted: its standard class, or the store knows none. */
  readonly storageClass?: string
  /** Omitted: hot, or the store keeps no tiers. */
  readonly tier?: Tier
  /** Of an object that cannot be read as it is; told by `head` and `get`, not by listings. */
  readonly restore?: RestoreState
}

/** What is known about an object once it is stored; when, only the store knows. */
export type StoredObject = Omit<ObjectInfo, 'modifiedAtMs'>

export interface ObjectBody extends AsyncDisposable {
  readonly info: ObjectInfo
  /** Chunks are pulled: a slow reader slows the store instead of filling memory. */
  readonly chunks: AsyncIterable<Uint8Array>
}

export interface StoreCall {
  readonly signal: AbortSignal
}

export interface PutCall extends StoreCall {
  readonly contentType: string
  readonly ifAbsent?: boolean
  /** An etag. Not together with `ifAbsent`. */
  readonly ifMatch?: string
}

export interface ListCall extends StoreCall {
  /** Only keys that come after this text, which need be none itself; what comes before costs nothing. */
  readonly after?: string
}

/** Every failure to reach the store is `store_unavailable`; an abort rejects with the signal's reason. */
export interface ObjectStore extends AsyncDisposable {
  /**
   * All or nothing and durable on return: a reader never sees part of a body. An abort or a crash leaves no object, or
   * the whole one if it comes as the store commits.
   * With `ifAbsent` of several concurrent callers exactly one wins, the others get null and change nothing; with `ifMatch`
   * likewise, of those that name the etag that the object has. A store that cannot promise this rejects with
   * `store_cannot`.
   */
  put(key: ObjectKey, body: AsyncIterable<Uint8Array> | Uint8Array, call: PutCall): Promise<StoredObject | null>
  /**
   * Null when absent: at a live edge a missing segment is an answer, not a failure. Range is in bytes, end exclusive.
   * Throws `object_archived` when the object has to be restored first; `details.readyAtMs` tells when it will be, if it
   * is known.
   */
  get(
    key: ObjectKey,
    call: StoreCall & { readonly range?: { readonly start: number; readonly end: number } },
  ): Promise<ObjectBody | null>
  head(key: ObjectKey, call: StoreCall): Promise<ObjectInfo | null>
  /** In key order (UTF-8 bytes), every key that starts with `prefix`. */
  list(prefix: string, call: ListCall): AsyncIterable<ObjectInfo>
  /** Deleting what is already gone succeeds, so a sweep can be repeated. */
  delete(keys: readonly ObjectKey[], call: StoreCall): Promise<void>
}
