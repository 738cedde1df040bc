// Messages between the thread that asks and the worker that holds the SQLite file.

export type SqliteRequest =
  | {
      readonly kind: 'query'
      readonly id: number
      /** Which of the asking side's connections it belongs to: decides whether it is inside the open transaction. */
      readonly connection: number
      readonly sql: string
      readonly parameters: readonly unknown[]
    }
  | { readonly kind: 'begin' | 'commit' | 'rollback'; readonly id: number; readonly connection: number }

export type ToSqliteWorker = SqliteRequest | { readonly kind: 'close' }

export interface SqliteRows {
  readonly rows: readonly unknown[]
  /** Null for statements that return rows. */
  readonly changes: number | null
}

/** Errors lose their fields on the way between threads; these are the two that are needed. */
export interface SqliteFailure {
  readonly message: string
  readonly code: string
}

export type FromSqliteWorker =
  | { readonly kind: 'done'; readonly id: number; readonly result: SqliteRows }
  | { readonly kind: 'failed'; readonly id: number; readonly failure: SqliteFailure }
  /** The file cannot be opened; the worker ends. */
  | { readonly kind: 'unusable'; readonly failure: SqliteFailure }
