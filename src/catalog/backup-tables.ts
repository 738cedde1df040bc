// What of the catalog is backed up. A test asks both databases for their tables: each is in exactly one of the two lists.

export interface BackedUpTable {
  /** Columns by which rows are read in pages; unique together. */
  readonly key: readonly string[]
  /** Given by the database on insertion, and not backed up: rows go back in the order of their key. */
  readonly generated?: string
}

/** In an order in which rows can be inserted: what is referred to comes first. A table that was added later is added here. */
export const BACKED_UP_TABLES: Readonly<Record<string, BackedUpTable>> = {
  streams: { key: ['id'] },
  publish_keys: { key: ['seq'], generated: 'seq' },
  users: { key: ['id'] },
  api_keys: { key: ['id'] },
  date_ranges: { key: ['stream_id', 'id'] },
  dvr_recordings: { key: ['id'] },
  stores: { key: ['name'] },
  webhooks: { key: ['id'] },
  recording_policies: { key: ['id'] },
  recordings: { key: ['id'] },
  assets: { key: ['seq'], generated: 'seq' },
  asset_tags: { key: ['asset_id', 'tag'], generated: 'asset_seq' },
  asset_renditions: { key: ['asset_id', 'name'] },
  small_objects: { key: ['key'] },
}

/** By table: why a backup is better off without it. */
export const LEFT_OUT_TABLES: Readonly<Record<string, string>> = {
  sessions: 'whoever logged out since must not be logged in again',
  login_links: 'whoever has used one since must not use it again',
  events: 'a log of the past, bounded and by far the largest table',
  incoming_objects: 'what was taken since is told by its bytes: it becomes no second asset',
  webhook_deliveries: 'what was sent since must not be sent again',
  jobs: 'what was done since must not be done again',
  ledger: 'a log of the past; what was under way is among the jobs, and moves end well without it',
  schedules: 'Mirror registers them at every start',
  schema_migrations: 'the backup names its schema version instead',
}
