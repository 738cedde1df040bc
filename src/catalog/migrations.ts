// Forward only. A migration that has shipped is never edited: append a new one.

export type Dialect = 'sqlite' | 'postgres'

interface Migration {
  readonly version: number
  readonly name: string
  readonly statements: (types: ColumnTypes, dialect: Dialect) => readonly string[]
}

interface ColumnTypes {
  /** Compared and sorted by UTF-8 bytes on both, whatever the database's locale. */
  readonly text: string
  /** 64 bit; the drivers give it back as a number, and milliseconds stay far below 2^53. */
  readonly integer: string
  /** A key that only rises, also after its highest rows were deleted. */
  readonly sequence: string
  readonly bytes: string
  /** Ends a table definition. */
  readonly tableEnd: string
}

const COLUMN_TYPES: Readonly<Record<Dialect, ColumnTypes>> = {
  sqlite: {
    text: 'text',
    integer: 'integer',
    sequence: 'integer primary key autoincrement',
    bytes: 'blob',
    tableEnd: ') strict',
  },
  postgres: {
    text: 'text collate "C"',
    integer: 'bigint',
    sequence: 'bigint generated always as identity primary key',
    bytes: 'bytea',
    tableEnd: ')',
  },
}

// A unique rule is named "table.column": SQLite reports it so by itself, PostgreSQL by the constraint's name.
const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: 'streams, keys, users, sessions, events',
    statements: ({ text, integer, sequence, tableEnd }) => [
      `create table streams (
        id ${text} constraint "streams.id" primary key,
        tenant_id ${text} not null,
        name ${text} not null,
        settings ${text} not null,
        created_at_ms ${integer} not null,
        updated_at_ms ${integer} not null
      ${tableEnd}`,
      `create table publish_keys (
        seq ${sequence},
        id ${text} not null constraint "publish_keys.id" unique,
        stream_id ${text} not null references streams (id) on delete cascade,
        sealed ${text} not null,
        lookup ${text} not null constraint "publish_keys.lookup" unique,
        created_at_ms ${integer} not null
      ${tableEnd}`,
      'create index publish_keys_by_stream on publish_keys (stream_id)',
      `create table users (
        id ${text} constraint "users.id" primary key,
        name ${text} not null,
        folded_name ${text} not null constraint "users.folded_name" unique,
        role ${text} not null,
        password_hash ${text},
        created_at_ms ${integer} not null
      ${tableEnd}`,
      `create table api_keys (
        id ${text} constraint "api_keys.id" primary key,
        name ${text} not null,
        role ${text} not null,
        hash ${text} not null constraint "api_keys.hash" unique,
        created_at_ms ${integer} not null,
        last_used_at_ms ${integer}
      ${tableEnd}`,
      `create table sessions (
        hash ${text} constraint "sessions.hash" primary key,
        user_id ${text} not null references users (id) on delete cascade,
        created_at_ms ${integer} not null,
        expires_at_ms ${integer} not null
      ${tableEnd}`,
      'create index sessions_by_user on sessions (user_id)',
      `create table login_links (
        hash ${text} constraint "login_links.hash" primary key,
        user_id ${text} not null references users (id) on delete cascade,
        expires_at_ms ${integer} not null
      ${tableEnd}`,
      'create index login_links_by_user on login_links (user_id)',
      // No reference to streams: an event may name a stream that does not exist (anymore).
      `create table events (
        seq ${sequence},
        type ${text} not null,
        severity ${text} not null,
        stream_id ${text},
        at_ms ${integer} not null,
        code ${text},
        message ${text} not null,
        details ${text} not null
      ${tableEnd}`,
      'create index events_by_stream on events (stream_id, seq)',
    ],
  },
  {
    version: 2,
    name: 'small objects, for stores that know no conditional create',
    statements: ({ text, integer, bytes, tableEnd }) => [
      `create table small_objects (
        key ${text} constraint "small_objects.key" primary key,
        body ${bytes} not null,
        etag ${text} not null,
        modified_at_ms ${integer} not null
      ${tableEnd}`,
    ],
  },
  {
    version: 3,
    name: 'jobs and schedules',
    statements: ({ text, integer, sequence, tableEnd }) => [
      `create table jobs (
        seq ${sequence},
        id ${text} not null constraint "jobs.id" unique,
        kind ${text} not null,
        tenant_id ${text} not null,
        dedupe_key ${text},
        payload ${text} not null,
        state ${text} not null,
        priority ${integer} not null,
        attempt ${integer} not null,
        max_attempts ${integer} not null,
        run_at_ms ${integer} not null,
        owner ${text},
        fence ${integer} not null,
        lease_until_ms ${integer},
        cancel_requested ${integer} not null,
        progress ${text},
        result ${text},
        failure ${text},
        created_at_ms ${integer} not null,
        started_at_ms ${integer},
        finished_at_ms ${integer}
      ${tableEnd}`,
      // Both small whatever the history: claims look only at what is unfinished.
      `create index jobs_unfinished on jobs (kind, state, run_at_ms) where state in ('waiting', 'running')`,
      `create unique index jobs_dedupe on jobs (kind, dedupe_key) where state in ('waiting', 'running')`,
      'create index jobs_finished on jobs (finished_at_ms)',
      `create table schedules (
        name ${text} constraint "schedules.name" primary key,
        kind ${text} not null,
        payload ${text} not null,
        rule ${text} not null,
        next_at_ms ${integer} not null
      ${tableEnd}`,
    ],
  },
  {
    version: 4,
    name: 'date ranges',
    statements: ({ text, integer, tableEnd }) => [
      `create table date_ranges (
        stream_id ${text} not null references streams (id) on delete cascade,
        id ${text} not null,
        starts_at_ms ${integer} not null,
        ends_at_ms ${integer},
        body ${text} not null,
        created_at_ms ${integer} not null,
        primary key (stream_id, id)
      ${tableEnd}`,
    ],
  },
  {
    version: 5,
    name: 'recordings that were asked for',
    statements: ({ text, integer, tableEnd }) => [
      // No cascade: a stream cannot go while something of it is to be kept.
      `create table dvr_recordings (
        id ${text} primary key,
        stream_id ${text} not null references streams (id),
        title ${text} not null,
        starts_at_ms ${integer} not null,
        ends_at_ms ${integer},
        failure ${text}
      ${tableEnd}`,
      'create unique index dvr_recordings_active on dvr_recordings (stream_id) where ends_at_ms is null',
      'create index dvr_recordings_newest on dvr_recordings (starts_at_ms, id)',
    ],
  },
  {
    version: 6,
    name: 'ledger of moves and deletes',
    statements: ({ text, integer, sequence, tableEnd }) => [
      // No reference to jobs or streams: the ledger outlives them.
      `create table ledger (
        seq ${sequence},
        action ${text} not null,
        state ${text} not null,
        key ${text} not null,
        stream_id ${text},
        from_tier ${text},
        to_tier ${text},
        objects ${integer} not null,
        bytes ${integer},
        sha256 ${text},
        job_id ${text},
        attempt ${integer} not null,
        note ${text},
        at_ms ${integer} not null
      ${tableEnd}`,
      'create index ledger_by_key on ledger (key, seq)',
      'create index ledger_by_job on ledger (job_id, key) where job_id is not null',
      'create index ledger_by_time on ledger (at_ms)',
    ],
  },
  {
    version: 7,
    name: 'attached stores',
    statements: ({ text, integer, tableEnd }) => [
      `create table stores (
        name ${text} constraint "stores.name" primary key,
        place ${text} not null,
        sealed_credentials ${text},
        roles ${text} not null,
        probe ${text},
        created_at_ms ${integer} not null
      ${tableEnd}`,
    ],
  },
  {
    version: 8,
    name: 'recordings of calls',
    statements: ({ text, integer, tableEnd }) => [
      `create table recordings (
        id ${text} constraint "recordings.id" primary key,
        tenant_id ${text} not null,
        call_id ${text} not null,
        leg_id ${text},
        status ${text} not null,
        failure_code ${text},
        failure ${text},
        sealed_source_url ${text},
        object_key ${text} not null,
        file_name ${text},
        said ${text} not null,
        content_type ${text},
        format ${text},
        codec ${text},
        size_bytes ${integer},
        sha256 ${text},
        duration_ms ${integer},
        channels ${integer},
        sample_rate_hz ${integer},
        waveform_key ${text},
        issues ${text} not null,
        tier ${text} not null,
        policy_id ${text},
        metadata ${text} not null,
        moved_to_warm_at_ms ${integer},
        scheduled_deletion_at_ms ${integer},
        deleted_at_ms ${integer},
        created_at_ms ${integer} not null,
        updated_at_ms ${integer} not null
      ${tableEnd}`,
      'create index recordings_newest on recordings (tenant_id, created_at_ms, id) where deleted_at_ms is null',
      'create index recordings_by_call on recordings (tenant_id, call_id, created_at_ms)',
      // Small whatever the history.
      `create index recordings_unfinished on recordings (status) where status in ('RECEIVED', 'STORED', 'VERIFIED')`,
      `create index recordings_due on recordings (scheduled_deletion_at_ms)
        where deleted_at_ms is null and scheduled_deletion_at_ms is not null`,
    ],
  },
  {
    version: 9,
    name: 'uploaded content',
    statements: ({ text, integer, sequence, tableEnd }, dialect) => [
      // `is_purged`: its objects are being deleted; nobody sees it any more, and its bytes may come in anew.
      `create table assets (
        seq ${sequence},
        id ${text} not null constraint "assets.id" unique,
        tenant_id ${text} not null,
        kind ${text} not null,
        name ${text} not null,
        extension ${text} not null,
        folder ${text} not null,
        format ${text} not null,
        content_type ${text} not null,
        size_bytes ${integer} not null,
        sha256 ${text} not null,
        status ${text} not null,
        step ${text},
        failure ${text},
        tags ${text} not null,
        metadata ${text} not null,
        facts ${text} not null,
        search_text ${text} not null,
        uploaded_at_ms ${integer} not null,
        processed_at_ms ${integer},
        deleted_at_ms ${integer},
        is_purged ${integer} not null,
        updated_at_ms ${integer} not null
      ${tableEnd}`,
      'create unique index assets_bytes on assets (tenant_id, sha256) where is_purged = 0',
      // Lists go by `seq`, newest first: each of these is read in that order.
      'create index assets_newest on assets (tenant_id, seq) where deleted_at_ms is null',
      'create index assets_by_kind on assets (tenant_id, kind, seq) where deleted_at_ms is null',
      'create index assets_by_status on assets (tenant_id, status, seq) where deleted_at_ms is null',
      'create index assets_by_folder on assets (tenant_id, folder, seq) where deleted_at_ms is null',
      'create index assets_by_time on assets (tenant_id, uploaded_at_ms) where deleted_at_ms is null',
      'create index assets_trash on assets (deleted_at_ms) where deleted_at_ms is not null',
      `create index assets_unfinished on assets (updated_at_ms) where status in ('pending', 'processing')`,
      `create table asset_tags (
        asset_id ${text} not null references assets (id) on delete cascade,
        tenant_id ${text} not null,
        tag ${text} not null,
        primary key (asset_id, tag)
      ${tableEnd}`,
      'create index asset_tags_by_tag on asset_tags (tenant_id, tag, asset_id)',
      `create table asset_renditions (
        asset_id ${text} not null references assets (id) on delete cascade,
        tenant_id ${text} not null,
        name ${text} not null,
        object_key ${text} not null,
        content_type ${text} not null,
        size_bytes ${integer} not null,
        sha256 ${text} not null,
        width ${integer},
        height ${integer},
        created_at_ms ${integer} not null,
        primary key (asset_id, name)
      ${tableEnd}`,
      ...ASSET_SEARCH[dialect],
    ],
  },
  {
    version: 10,
    name: 'webhooks',
    statements: ({ text, integer, sequence, tableEnd }) => [
      // Null: of the time before, and told to no endpoint.
      `alter table events add column id ${text}`,
      `alter table events add column tenant_id ${text} not null default 'default'`,
      'create unique index events_id on events (id)',
      `create table webhooks (
        id ${text} constraint "webhooks.id" primary key,
        tenant_id ${text} not null,
        description ${text} not null,
        types ${text} not null,
        enabled ${integer} not null,
        disabled_reason ${text},
        sealed ${text} not null,
        failing_since_ms ${integer},
        last_success_at_ms ${integer},
        last_failure ${text},
        created_at_ms ${integer} not null,
        updated_at_ms ${integer} not null
      ${tableEnd}`,
      `create table webhook_deliveries (
        seq ${sequence},
        webhook_id ${text} not null references webhooks (id) on delete cascade,
        id ${text} not null,
        tenant_id ${text} not null,
        type ${text} not null,
        object ${text},
        body ${text} not null,
        state ${text} not null,
        attempt ${integer} not null,
        fence ${integer} not null,
        lease_until_ms ${integer},
        next_at_ms ${integer} not null,
        give_up_at_ms ${integer} not null,
        at_ms ${integer} not null,
        finished_at_ms ${integer},
        status ${integer},
        failure ${text},
        response ${text},
        took_ms ${integer}
      ${tableEnd}`,
      'create unique index webhook_deliveries_id on webhook_deliveries (webhook_id, id)',
      'create index webhook_deliveries_newest on webhook_deliveries (webhook_id, seq)',
      // Small whatever the history: who comes next, and whether something about the same object comes before.
      `create index webhook_deliveries_due on webhook_deliveries (next_at_ms) where state = 'waiting'`,
      `create index webhook_deliveries_order on webhook_deliveries (webhook_id, object, seq) where state = 'waiting'`,
    ],
  },
  {
    version: 11,
    name: 'content by tag, newest first',
    statements: ({ integer }, dialect) => [
      // Nobody but the database writes it: in a catalog that is restored assets have other numbers.
      `alter table asset_tags add column asset_seq ${integer}`,
      'update asset_tags set asset_seq = (select seq from assets where assets.id = asset_tags.asset_id)',
      ...NUMBERED_TAGS[dialect],
      'drop index asset_tags_by_tag',
      'create index asset_tags_newest on asset_tags (tenant_id, tag, asset_seq)',
    ],
  },
  {
    version: 12,
    name: 'objects below a watched prefix',
    statements: ({ text, integer, tableEnd }) => [
      `create table incoming_objects (
        key ${text} constraint "incoming_objects.key" primary key,
        tenant_id ${text} not null,
        etag ${text} not null,
        sequencer ${text},
        taken_at_ms ${integer} not null
      ${tableEnd}`,
    ],
  },
  {
    version: 13,
    name: 'jobs that waited for their tenant',
    statements: ({ integer }) => [`alter table jobs add column throttled_at_ms ${integer}`],
  },
  {
    version: 14,
    name: 'policies for recordings of calls',
    statements: ({ text, integer, tableEnd }) => [
      // A row is one version and stays as it is; `ended_at_ms` null: it applies.
      `create table recording_policies (
        id ${text} constraint "recording_policies.id" primary key,
        tenant_id ${text} not null,
        version ${integer} not null,
        hot_to_warm_days ${integer} not null,
        warm_to_cold_days ${integer} not null,
        retention_days ${integer} not null,
        enabled ${integer} not null,
        updated_at_ms ${integer} not null,
        updated_by ${text} not null,
        ended_at_ms ${integer},
        constraint "recording_policies.version" unique (tenant_id, version)
      ${tableEnd}`,
      'create unique index recording_policies_current on recording_policies (tenant_id) where ended_at_ms is null',
    ],
  },
  {
    version: 15,
    name: 'recordings of calls that are kept compressed',
    statements: ({ text }) => [
      `alter table recordings add column original ${text}`,
      `alter table recordings add column replaced_key ${text}`,
      'create index recordings_by_leg on recordings (tenant_id, leg_id, created_at_ms) where leg_id is not null',
    ],
  },
]

/**
 * Finds words that begin with a text. The words come made up by `library/assets/search-words.ts`, so that both databases
 * compare the same ones: neither splits nor folds them any further.
 */
const ASSET_SEARCH: Readonly<Record<Dialect, readonly string[]>> = {
  sqlite: [
    `create virtual table asset_search using fts5 (
      search_text, content = 'assets', content_rowid = 'seq', tokenize = 'unicode61 remove_diacritics 0', prefix = '2 3')`,
    `create trigger assets_search_added after insert on assets begin
      insert into asset_search (rowid, search_text) values (new.seq, new.search_text);
    end`,
    `create trigger assets_search_changed after update of search_text on assets begin
      insert into asset_search (asset_search, rowid, search_text) values ('delete', old.seq, old.search_text);
      insert into asset_search (rowid, search_text) values (new.seq, new.search_text);
    end`,
    `create trigger assets_search_removed after delete on assets begin
      insert into asset_search (asset_search, rowid, search_text) values ('delete', old.seq, old.search_text);
    end`,
  ],
  postgres: [`create index assets_search on assets using gin (array_to_tsvector(string_to_array(search_text, ' ')))`],
}

const NUMBERED_TAGS: Readonly<Record<Dialect, readonly string[]>> = {
  sqlite: [
    `create trigger asset_tags_added after insert on asset_tags begin
      update asset_tags set asset_seq = (select seq from assets where id = new.asset_id)
        where asset_id = new.asset_id and tag = new.tag;
    end`,
  ],
  postgres: [
    `create or replace function number_asset_tag() returns trigger language plpgsql as $$
    begin
      new.asset_seq := (select seq from assets where id = new.asset_id);
      return new;
    end $$`,
    `create trigger asset_tags_added before insert on asset_tags
      for each row execute function number_asset_tag()`,
  ],
}

export const NEWEST_VERSION = Math.max(...MIGRATIONS.map((migration) => migration.version))

/** What a database at `version` still needs, in order. */
export function pendingMigrations(
  version: number,
  dialect: Dialect,
): readonly { readonly version: number; readonly name: string; readonly statements: readonly string[] }[] {
  return MIGRATIONS.filter((migration) => migration.version > version).map(({ version, name, statements }) => ({
    version,
    name,
    statements: statements(COLUMN_TYPES[dialect], dialect),
  }))
}
