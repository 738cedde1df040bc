// The tables as Kysely sees them. Columns are snake_case in SQL (CamelCasePlugin); migrations.ts creates them.
import type { Generated, Kysely } from 'kysely'
import type { JobRow, Schedule } from '../jobs/types.ts'
import type { AssetRow, RenditionRow } from '../library/assets/asset.ts'
import type { IncomingRow } from '../library/assets/incoming-object.ts'
import type { RecordingRow } from '../library/recordings/recording.ts'
import type { RecordingPolicyRow } from '../library/recordings/recording-policy.ts'
import type { MirrorEvent } from '../live/events.ts'
import type { Tier } from '../storage/tiers.ts'
import type { DeliveryRow, WebhookRow } from '../webhooks/webhook.ts'
import type { LedgerEntry } from './ledger-entry.ts'
import type {
  ApiKeyRow,
  DateRangeRow,
  DvrRecordingRow,
  LoginLinkRow,
  PublishKeyRow,
  SessionRow,
  StoreRow,
  StreamRow,
  UserRow,
} from './types.ts'

type Table<Row> = { -readonly [Column in keyof Row]: Row[Column] }
type Json = string

export interface Schema {
  streams: Table<Omit<StreamRow, 'settings'>> & { settings: Json }
  /** `seq` keeps the order of insertion where two keys carry the same millisecond. */
  publishKeys: Table<PublishKeyRow> & { seq: Generated<number> }
  /** `foldedName` is what makes names unique without case. */
  users: Table<UserRow> & { foldedName: string }
  apiKeys: Table<ApiKeyRow>
  sessions: Table<SessionRow>
  loginLinks: Table<LoginLinkRow>
  events: Table<Omit<MirrorEvent, 'details'>> & {
    seq: Generated<number>
    details: Json
    id: string | null
    tenantId: string
  }
  incomingObjects: Table<Omit<IncomingRow, 'key'>> & { key: string }
  webhooks: Table<Omit<WebhookRow, 'types' | 'enabled'>> & { types: Json; enabled: 0 | 1 }
  webhookDeliveries: Table<DeliveryRow> & { seq: Generated<number> }
  jobs: Table<Omit<JobRow, 'payload' | 'progress' | 'result' | 'failure' | 'cancelRequested'>> & {
    seq: Generated<number>
    payload: Json
    progress: Json | null
    result: Json | null
    failure: Json | null
    cancelRequested: 0 | 1
  }
  dvrRecordings: Table<DvrRecordingRow>
  recordings: Table<Omit<RecordingRow, 'said' | 'issues' | 'metadata' | 'original'>> & {
    said: Json
    issues: Json
    metadata: Json
    original: Json | null
  }
  recordingPolicies: Table<Omit<RecordingPolicyRow, 'enabled'>> & { enabled: 0 | 1 }
  assets: Table<Omit<AssetRow, 'step' | 'failure' | 'tags' | 'metadata' | 'facts'>> & {
    seq: Generated<number>
    step: Json | null
    failure: Json | null
    tags: Json
    metadata: Json
    facts: Json
    searchText: string
    isPurged: 0 | 1
  }
  /** `assetSeq` as in `assets`; written by a trigger. */
  assetTags: { assetId: string; tenantId: string; tag: string; assetSeq: Generated<number | null> }
  assetRenditions: Table<RenditionRow>
  stores: Table<Omit<StoreRow, 'place' | 'roles' | 'probe'>> & { place: Json; roles: Json; probe: Json | null }
  dateRanges: Table<Omit<DateRangeRow, 'range'>> & { id: string; startsAtMs: number; body: Json }
  ledger: Table<Omit<LedgerEntry, 'from' | 'to'>> & {
    seq: Generated<number>
    fromTier: Tier | null
    toTier: Tier | null
  }
  schedules: Table<Omit<Schedule, 'payload'>> & { payload: Json }
}

export type Db = Kysely<Schema>
