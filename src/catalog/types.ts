// What the catalog keeps and promises. Implemented once over Kysely, for SQLite and PostgreSQL, under one contract suite.
import type { DateRange } from '../hls/date-range.ts'
import type { JobClaim, JobTable } from '../jobs/types.ts'
import type { AssetEdit, AssetProgress, AssetRow, AssetStatus, RenditionRow } from '../library/assets/asset.ts'
import type { IncomingRow } from '../library/assets/incoming-object.ts'
import type { MediaKind } from '../library/intake/sniffed-type.ts'
import type { RecordingChange, RecordingRow } from '../library/recordings/recording.ts'
import type { RecordingPolicyRow } from '../library/recordings/recording-policy.ts'
import type { RecordingState } from '../library/recordings/recording-state.ts'
import type { MirrorEvent } from '../live/events.ts'
import type { StreamSettings } from '../live/settings.ts'
import type { CapabilityMatrix } from '../storage/capabilities.ts'
import type { ObjectKey } from '../storage/object-store.ts'
import type { StorePlace, StoreRole } from '../storage/store-place.ts'
import type { Tier } from '../storage/tiers.ts'
import type { NextStep } from '../webhooks/after-attempt.ts'
import type {
  Attempt,
  DeliveryRow,
  DeliveryState,
  DisabledReason,
  WebhookChange,
  WebhookRow,
} from '../webhooks/webhook.ts'
import type { LedgerEntry, LedgerRow } from './ledger-entry.ts'

export const ROLES = ['viewer', 'operator', 'admin'] as const // weakest first: the order is the meaning
export type Role = (typeof ROLES)[number]

export interface StreamRow {
  readonly id: string
  readonly tenantId: string
  readonly name: string
  readonly settings: StreamSettings
  readonly createdAtMs: number
  readonly updatedAtMs: number
}

/** A publish key as stored: sealed with the installation secret, found by its HMAC. Plain text exists only in the API layer. */
export interface PublishKeyRow {
  readonly id: string
  readonly streamId: string
  /** AES-256-GCM of the key, base64url (src/core/secrets.ts). */
  readonly sealed: string
  /** HMAC-SHA-256 of the key under the installation secret, hex. */
  readonly lookup: string
  readonly createdAtMs: number
}

/** What playlists of a stream announce (EXT-X-DATERANGE). */
export interface DateRangeRow {
  readonly streamId: string
  readonly range: DateRange
  /** Null: nobody knows yet. */
  readonly endsAtMs: number | null
  readonly createdAtMs: number
}

/** A part of a stream's past that was asked for: kept until it is deleted, whatever the retention says. */
export interface DvrRecordingRow {
  readonly id: string
  readonly streamId: string
  readonly title: string
  readonly startsAtMs: number
  /** Null: it goes on. */
  readonly endsAtMs: number | null
  /** Why nothing is there, in a sentence; null: something is, or it goes on. */
  readonly failure: string | null
}

/** A store that was attached; the one of the configuration is not here. */
export interface StoreRow {
  /** Unique. */
  readonly name: string
  readonly place: StorePlace
  /** JSON of `S3Credentials` under the installation secret (src/core/secrets.ts); null: none, or a folder. */
  readonly sealedCredentials: string | null
  readonly roles: readonly StoreRole[]
  /** What it could do when it was probed last; null: it never was. */
  readonly probe: CapabilityMatrix | null
  readonly createdAtMs: number
}

export interface UserRow {
  readonly id: string
  readonly name: string
  readonly role: Role
  /** scrypt record, or null until the first-login link was used to set a password. */
  readonly passwordHash: string | null
  readonly createdAtMs: number
}

export interface ApiKeyRow {
  readonly id: string
  readonly name: string
  readonly role: Role
  /** SHA-256 of the key, hex; the key itself is shown once. */
  readonly hash: string
  readonly createdAtMs: number
  readonly lastUsedAtMs: number | null
}

export interface SessionRow {
  readonly hash: string
  readonly userId: string
  readonly createdAtMs: number
  readonly expiresAtMs: number
}

export interface LoginLinkRow {
  readonly hash: string
  readonly userId: string
  readonly expiresAtMs: number
}

/** An event with what it is known by. One without an id is kept, and no endpoint is told of it. */
export interface EventToStore extends MirrorEvent {
  readonly id?: string
}

/** What is to be told of a change: written with it in one transaction, or not at all. */
export type Tell<Row> = (row: Row) => readonly EventToStore[]

/** `seq` rises by insertion order and is the cursor. */
export interface EventRow extends MirrorEvent {
  readonly seq: number
}

export interface RecordingFilter {
  readonly tenantId: string
  readonly callId?: string
  /** What the call id, or that of the leg, begins with. */
  readonly idStart?: string
  readonly states?: readonly RecordingState[]
  /** Created then or later. */
  readonly fromMs?: number
  /** Created before. */
  readonly toMs?: number
}

export interface RecordingPageQuery {
  readonly limit: number
  readonly offset?: number
  /** The last one of the page before. */
  readonly before?: Pick<RecordingRow, 'id' | 'createdAtMs'>
}

export interface AssetFilter {
  readonly tenantId: string
  readonly kind?: MediaKind
  readonly status?: AssetStatus
  /** All of them. */
  readonly tags?: readonly string[]
  /** Exactly this one. */
  readonly folder?: string
  readonly fromMs?: number
  readonly toMs?: number
  readonly minBytes?: number
  readonly maxBytes?: number
  /** Of `searchWords`; each begins a word of its name or tags. */
  readonly words?: readonly string[]
  /** What was deleted, instead of what was not. */
  readonly isTrash?: boolean
}

export interface AssetLabels {
  /** `''` is the top. */
  readonly folders: readonly string[]
  readonly tags: readonly string[]
}

export interface Catalog extends AsyncDisposable {
  readonly streams: {
    /** Creates stream and first key in one transaction. Throws `stream_exists`. */
    create(stream: StreamRow, key: PublishKeyRow): Promise<void>
    get(id: string): Promise<StreamRow | null>
    /** By id, ascending. */
    list(): Promise<readonly StreamRow[]>
    /** Null when there is no such stream. */
    update(
      id: string,
      change: { readonly name?: string; readonly settings?: StreamSettings; readonly updatedAtMs: number },
    ): Promise<StreamRow | null>
    /** Removes the stream with its keys and events; false when there was none. Throws `stream_recorded`. */
    remove(id: string): Promise<boolean>
  }
  readonly publishKeys: {
    add(key: PublishKeyRow): Promise<void>
    /** Adds `key` and removes every other key of its stream, in one transaction. */
    rotate(key: PublishKeyRow): Promise<void>
    /** Newest first; all streams' keys when `streamId` is omitted. */
    list(streamId?: string): Promise<readonly PublishKeyRow[]>
    remove(streamId: string, id: string): Promise<boolean>
  }
  readonly dateRanges: {
    /** False when the stream has one of this id. Throws `stream_not_found`. */
    add(row: DateRangeRow): Promise<boolean>
    /** By stream, start and id. `endsAfterMs`: only those that end later, or whose end nobody knows. */
    list(query: { readonly streamId?: string; readonly endsAfterMs?: number }): Promise<readonly DateRangeRow[]>
    /** False when it is gone, or is not `before` any more. */
    update(row: DateRangeRow, before: DateRange): Promise<boolean>
    remove(streamId: string, id: string): Promise<boolean>
  }
  readonly dvrRecordings: {
    /** False when one of the stream goes on. Throws `stream_not_found`. */
    begin(row: DvrRecordingRow): Promise<boolean>
    get(id: string): Promise<DvrRecordingRow | null>
    /** Newest first; `before`: only those that come after it in this order. */
    list(query: {
      readonly streamId?: string
      readonly before?: Pick<DvrRecordingRow, 'id' | 'startsAtMs'>
      readonly limit: number
    }): Promise<readonly DvrRecordingRow[]>
    /** What must be kept: all that has not failed, by stream and start; of every stream when `streamId` is omitted. */
    spans(streamId?: string): Promise<readonly Pick<DvrRecordingRow, 'streamId' | 'startsAtMs' | 'endsAtMs'>[]>
    /** False when it has ended already, or is not there. */
    end(id: string, endsAtMs: number, failure: string | null): Promise<boolean>
    /** False when it goes on, or is not there. */
    remove(id: string): Promise<boolean>
  }
  /** Recordings of calls. Every question names the tenant, save those of the housekeeping. */
  readonly recordings: {
    add(row: RecordingRow, tell?: Tell<RecordingRow>): Promise<void>
    /** Null also when it was deleted. */
    get(tenantId: string, id: string): Promise<RecordingRow | null>
    /** Newest first, without what was deleted. */
    list(query: RecordingFilter & RecordingPageQuery): Promise<readonly RecordingRow[]>
    count(filter: RecordingFilter): Promise<number>
    /**
     * Null, and nothing is changed, when it was deleted, its state is none of `from`, or `claim` was lost to another
     * worker: of two that move it on one does.
     */
    change(
      tenantId: string,
      id: string,
      change: RecordingChange & { readonly updatedAtMs: number },
      on?: {
        readonly from?: readonly RecordingState[]
        readonly claim?: JobClaim
        readonly tell?: Tell<RecordingRow>
      },
    ): Promise<RecordingRow | null>
    /** Marks it deleted; null when it was before. */
    remove(tenantId: string, id: string, atMs: number, tell?: Tell<RecordingRow>): Promise<RecordingRow | null>
    /** As if it had never been: for what was refused before anybody was told of it. */
    forget(tenantId: string, id: string): Promise<boolean>
    /** Of all tenants, oldest change first: what has not reached an end. */
    unfinished(limit: number): Promise<readonly RecordingRow[]>
    /** Of all tenants but those whose own policy is switched off: what is to be deleted by then, oldest first. */
    due(nowMs: number, limit: number): Promise<readonly RecordingRow[]>
    /**
     * Oldest first: complete ones in these tiers that came before then. `tenantId` null: of all tenants that have no policy
     * of their own. `after`: the last one before.
     */
    inTiers(
      query: {
        readonly tenantId: string | null
        readonly from: readonly Tier[]
        readonly cameBeforeMs: number
        readonly after?: Pick<RecordingRow, 'createdAtMs' | 'id'>
      },
      limit: number,
    ): Promise<readonly RecordingRow[]>
    /**
     * Gives recordings of a tenant other times to go, and names the policy that says so; how many. Null, and nothing is
     * changed, when `claim` was lost, or a job of the same kind was added for the tenant since: the last word counts.
     */
    reschedule(
      tenantId: string,
      dates: readonly Pick<RecordingRow, 'id' | 'scheduledDeletionAtMs'>[],
      by: { readonly policyId: string | null; readonly updatedAtMs: number; readonly claim: JobClaim },
    ): Promise<number | null>
    /** With bytes, but without one of the facts that bytes tell; oldest first. */
    incomplete(tenantId: string, limit: number): Promise<readonly RecordingRow[]>
  }
  /** How tenants want their recordings of calls kept. Versions are added and ended, never changed. */
  readonly recordingPolicies: {
    /** In the place of the version before; of several at once each becomes a version. */
    set(
      row: Omit<RecordingPolicyRow, 'version' | 'endedAtMs'>,
      tell: Tell<RecordingPolicyRow>,
    ): Promise<RecordingPolicyRow>
    /** Null when the tenant had none. */
    end(tenantId: string, atMs: number, tell: Tell<RecordingPolicyRow>): Promise<RecordingPolicyRow | null>
    current(tenantId: string): Promise<RecordingPolicyRow | null>
    /** What applies, by tenant. `after`: the tenant of the last one before. */
    list(query: { readonly after?: string; readonly limit: number }): Promise<readonly RecordingPolicyRow[]>
    /** Newest first, with those that apply no more. */
    history(tenantId: string, limit: number): Promise<readonly RecordingPolicyRow[]>
  }
  /** Uploaded content. Every question names the tenant, save those of the housekeeping. */
  readonly assets: {
    /** The one with the same bytes, of the same tenant, when there is one: in the trash, too. */
    add(row: AssetRow, tell?: Tell<AssetRow>): Promise<{ readonly asset: AssetRow; readonly isNew: boolean }>
    /** Also what is in the trash. */
    get(tenantId: string, id: string): Promise<AssetRow | null>
    /** Newest first, as they came in. `before` is the id of the last one of the page before; one that is gone has none. */
    list(query: AssetFilter & { readonly before?: string; readonly limit: number }): Promise<readonly AssetRow[]>
    /** What their owners call them: folders and tags of what is not in the trash, each once, in order. */
    labels(tenantId: string, limit: number): Promise<AssetLabels>
    /** Null when it is in the trash, or nowhere. */
    edit(
      tenantId: string,
      id: string,
      change: AssetEdit,
      nowMs: number,
      tell?: Tell<AssetRow>,
    ): Promise<AssetRow | null>
    /** Into the trash, or out of it; null when it is there already, or nowhere. */
    trash(tenantId: string, id: string, nowMs: number, tell?: Tell<AssetRow>): Promise<AssetRow | null>
    restore(tenantId: string, id: string, nowMs: number, tell?: Tell<AssetRow>): Promise<AssetRow | null>
    /** Null, and nothing is changed, when `claim` was lost to another worker, or the asset is gone. */
    advance(
      asset: Pick<AssetRow, 'tenantId' | 'id'>,
      change: AssetProgress,
      on: {
        readonly nowMs: number
        readonly claim?: JobClaim
        readonly from?: readonly AssetStatus[]
        readonly tell?: Tell<AssetRow>
      },
    ): Promise<AssetRow | null>
    /** In the place of one with the same name; false as above. Without a claim: for what no job makes. */
    saveRendition(row: RenditionRow, claim: JobClaim | null): Promise<boolean>
    /** False: it has none of this name. */
    removeRendition(tenantId: string, assetId: string, name: string): Promise<boolean>
    /** By asset and name. */
    renditions(tenantId: string, assetIds: readonly string[]): Promise<readonly RenditionRow[]>
    /** Of all tenants, oldest change first: what is not ready and has not failed. */
    unfinished(limit: number): Promise<readonly AssetRow[]>
    /**
     * Of all tenants: takes what went into the trash before then, and what was taken and not removed yet. Nobody else sees
     * it from now on. Oldest first.
     */
    takePurged(beforeMs: number, limit: number): Promise<readonly AssetRow[]>
    /** Only what was taken; with its tags and renditions. */
    remove(tenantId: string, id: string, tell?: Tell<AssetRow>): Promise<boolean>
  }
  readonly users: {
    /** Names are unique, compared without case. Throws `invalid_request` when taken. */
    create(user: UserRow): Promise<void>
    get(id: string): Promise<UserRow | null>
    findByName(name: string): Promise<UserRow | null>
    list(): Promise<readonly UserRow[]>
    update(
      id: string,
      change: { readonly name?: string; readonly passwordHash?: string; readonly role?: Role },
    ): Promise<UserRow | null>
    remove(id: string): Promise<boolean>
  }
  readonly apiKeys: {
    create(key: ApiKeyRow): Promise<void>
    findByHash(hash: string): Promise<ApiKeyRow | null>
    list(): Promise<readonly ApiKeyRow[]>
    touch(id: string, atMs: number): Promise<void>
    remove(id: string): Promise<boolean>
  }
  readonly sessions: {
    create(session: SessionRow): Promise<void>
    find(hash: string, nowMs: number): Promise<SessionRow | null>
    remove(hash: string): Promise<void>
    removeExpired(nowMs: number): Promise<void>
    createLink(link: LoginLinkRow): Promise<void>
    /** Atomically uses up an unexpired link: of two callers exactly one gets it. */
    consumeLink(hash: string, nowMs: number): Promise<LoginLinkRow | null>
  }
  readonly events: {
    /** With the messages to endpoints that follow from them; one whose id is there already is left out. */
    append(events: readonly EventToStore[]): Promise<void>
    /** Newest first, `seq` below `beforeSeq`. */
    list(query: {
      readonly tenantId?: string
      readonly streamId?: string
      readonly beforeSeq?: number
      readonly limit: number
    }): Promise<readonly EventRow[]>
    /** Keeps the newest `keep` rows. */
    trim(keep: number): Promise<void>
  }
  readonly jobs: JobTable
  /** What happens to stored bytes: written before it is done, and after. */
  readonly ledger: {
    /** All or none, in their order. With `claim`: false, and nothing is written, when the job was lost to somebody else. */
    append(entries: readonly LedgerEntry[], claim?: JobClaim): Promise<boolean>
    /** Newest first. */
    history(query: { readonly keys: readonly string[]; readonly limit: number }): Promise<readonly LedgerRow[]>
    /** By key: what a job has done, or what it has begun and not ended. */
    keysOf(jobId: string, state: 'done' | 'open'): Promise<readonly string[]>
    /** Removes what is older; how many rows. */
    trim(beforeMs: number): Promise<number>
  }
  readonly stores: {
    /** Throws `store_exists`. */
    create(store: StoreRow): Promise<void>
    get(name: string): Promise<StoreRow | null>
    /** By name, ascending. */
    list(): Promise<readonly StoreRow[]>
    /** Null when there is no such store. */
    saveProbe(name: string, probe: CapabilityMatrix): Promise<StoreRow | null>
    /** False when there was none. */
    remove(name: string): Promise<boolean>
  }
  /** What was taken of objects that others put below a watched prefix. */
  readonly incoming: {
    get(key: ObjectKey): Promise<IncomingRow | null>
    /** In the place of what was taken before. */
    put(row: IncomingRow): Promise<void>
    /** In key order. `prefix` ends with a slash; `after`: only keys behind it. */
    list(query: {
      readonly prefix: string
      readonly after: string
      readonly limit: number
    }): Promise<readonly IncomingRow[]>
    remove(keys: readonly ObjectKey[]): Promise<void>
  }
  /** Endpoints that are told of events, and what is on its way to them. */
  readonly webhooks: {
    create(row: WebhookRow): Promise<void>
    get(tenantId: string, id: string): Promise<WebhookRow | null>
    /** Oldest first. */
    list(tenantId: string): Promise<readonly WebhookRow[]>
    /** Null when there is none. Switched on, it is sent at once what waited meanwhile. */
    update(tenantId: string, id: string, change: WebhookChange, nowMs: number): Promise<WebhookRow | null>
    /** With its deliveries; false when there was none. */
    remove(tenantId: string, id: string): Promise<boolean>
    /** When the next message is due; null: none waits. */
    nextAtMs(): Promise<number | null>
    /**
     * The next message that is due, for an endpoint that is none of `except`; null when there is none. Of the messages of
     * an endpoint about one object the oldest that waits comes first. Of several callers each gets another.
     */
    claim(by: {
      readonly nowMs: number
      readonly leaseMs: number
      readonly except: readonly string[]
    }): Promise<{ readonly delivery: DeliveryRow; readonly webhook: WebhookRow } | null>
    /** A message whose attempt is under way already. */
    addClaimed(delivery: DeliveryRow): Promise<void>
    /**
     * Writes down how an attempt went; `isDisabled`: `disabled` has just switched the endpoint off. Null, and nothing is
     * changed, when another attempt has begun since, or the endpoint is gone.
     */
    settle(
      claim: Pick<DeliveryRow, 'webhookId' | 'id' | 'fence'>,
      end: { readonly attempt: Attempt; readonly step: NextStep; readonly disabled: DisabledReason | null },
      nowMs: number,
    ): Promise<{ readonly delivery: DeliveryRow; readonly isDisabled: boolean } | null>
    /** Gives a message back whose attempt was broken off: it does not count. */
    release(claim: Pick<DeliveryRow, 'webhookId' | 'id' | 'fence'>, nowMs: number): Promise<void>
    /**
     * Switches off those for which as much waits as may: nothing has arrived since `sinceMs`, or it did not help for an
     * hour since they were switched on or changed. Which.
     */
    disableOverfull(when: { readonly nowMs: number; readonly sinceMs: number }): Promise<readonly WebhookRow[]>
    /** For a process that is alone on its database: whoever was sending is dead. */
    endLeases(): Promise<void>
    /** Newest first. `before` is the id of the last one of the page before. */
    deliveries(query: {
      readonly tenantId: string
      readonly webhookId: string
      readonly state?: DeliveryState
      readonly before?: string
      readonly limit: number
    }): Promise<readonly DeliveryRow[]>
    delivery(tenantId: string, webhookId: string, id: string): Promise<DeliveryRow | null>
    /** Sends it again, with all its attempts, under the same id; null when there is none. */
    replayOne(
      path: Pick<DeliveryRow, 'tenantId' | 'webhookId' | 'id'>,
      when: { readonly nowMs: number; readonly giveUpAtMs: number },
    ): Promise<DeliveryRow | null>
    /**
     * Sends again what happened since: what was sent, what was given up, and, without `failedOnly`, what came while the
     * endpoint was off. Only as many as find room; `more`: there may be others.
     */
    replaySince(
      webhook: Pick<WebhookRow, 'id' | 'tenantId' | 'types'>,
      what: {
        readonly sinceMs: number
        readonly untilMs: number
        readonly failedOnly: boolean
        readonly nowMs: number
        readonly giveUpAtMs: number
      },
    ): Promise<{ readonly replayed: number; readonly more: boolean }>
    /** Removes what has ended before `beforeMs`, and what is older than the newest `keep`; how many. */
    trim(what: { readonly beforeMs: number; readonly keep: number }): Promise<number>
  }
}
