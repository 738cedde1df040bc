import { type ExpressionBuilder, type Selectable, type SqlBool, sql } from 'kysely'
import type { JobClaim } from '../jobs/types.ts'
import type { AssetEdit, AssetProgress, AssetRow } from '../library/assets/asset.ts'
import { fts5Query, searchWords, tsQuery } from '../library/assets/search-words.ts'
import { decodeJson, encodeJson } from './codec.ts'
import { appendEvents, withTold } from './events.ts'
import type { Dialect } from './migrations.ts'
import type { Db, Schema } from './schema.ts'
import type { AssetFilter, Catalog } from './types.ts'

type Assets = Catalog['assets']

export function openAssets(db: Db, dialect: Dialect): Assets {
  const seen = (tenantId: string, id: string) => (row: ExpressionBuilder<Schema, 'assets'>) =>
    row.and([row('tenantId', '=', tenantId), row('id', '=', id), row('isPurged', '=', 0)])

  const listed = ({ before, limit, words = [], ...filter }: Parameters<Assets['list']>[0]) => {
    const isByWords = words.length > 0 && dialect === 'sqlite'
    const [tag, ...others] = isByWords ? [] : (filter.tags ?? [])
    return source(filter.tenantId, isByWords ? words : [], tag)
      .selectAll('assets')
      .where(matching(tag === undefined ? filter : { ...filter, tags: others }))
      .$if(words.length > 0 && dialect === 'postgres', (query) => query.where(hasWords(words)))
      .$if(before !== undefined, (query) =>
        query.where('assets.seq', '<', (row) =>
          row
            .selectFrom('assets as last')
            .select('last.seq')
            .where('last.id', '=', before ?? ''),
        ),
      )
      .limit(limit)
  }

  /**
   * Where to begin to look, newest first, so that a page of what very many have costs no more than a page: at the words,
   * at a tag, or at the newest. CROSS JOIN makes SQLite begin with what is named first.
   */
  const source = (tenantId: string, words: readonly string[], tag: string | undefined) => {
    if (words.length > 0) {
      const hits = sql<{
        seq: number
      }>`(select rowid as seq from asset_search where asset_search match ${fts5Query(words)})`
      return db
        .selectFrom(hits.as('hits'))
        .crossJoin('assets')
        .whereRef('assets.seq', '=', 'hits.seq')
        .orderBy('hits.seq', 'desc')
    }
    if (tag === undefined) return db.selectFrom('assets').orderBy('assets.seq', 'desc')
    return db
      .selectFrom('assetTags as tagged')
      .crossJoin('assets')
      .whereRef('assets.seq', '=', 'tagged.assetSeq')
      .where('tagged.tenantId', '=', tenantId)
      .where('tagged.tag', '=', tag)
      .orderBy('tagged.assetSeq', 'desc')
  }

  return {
    async add(row, tell) {
      return await db.transaction().execute(async (inside) => {
        const inserted = await inside
          .insertInto('assets')
          .values(toColumns(row))
          .onConflict((conflict) => conflict.columns(['tenantId', 'sha256']).where(NOT_PURGED).doNothing())
          .returningAll()
          .executeTakeFirst()
        if (inserted !== undefined) {
          await writeTags(inside, row)
          const asset = toAsset(inserted)
          if (tell !== undefined) await appendEvents(inside, tell(asset))
          return { asset, isNew: true }
        }
        const same = await inside
          .selectFrom('assets')
          .selectAll()
          .where('tenantId', '=', row.tenantId)
          .where('sha256', '=', row.sha256)
          .where('isPurged', '=', 0)
          .executeTakeFirstOrThrow()
        return { asset: toAsset(same), isNew: false }
      })
    },

    async get(tenantId, id) {
      const row = await db.selectFrom('assets').selectAll().where(seen(tenantId, id)).executeTakeFirst()
      return row === undefined ? null : toAsset(row)
    },

    list: async (query) => (await listed(query).execute()).map(toAsset),

    async labels(tenantId, limit) {
      // From one name to the next by the index: a look at every row of a large library would take seconds.
      const folders = sql<{ name: string }>`
        with recursive named(name) as (
          select min(folder) from assets where tenant_id = ${tenantId} and deleted_at_ms is null
          union all
          select (select min(folder) from assets
            where tenant_id = ${tenantId} and deleted_at_ms is null and folder > named.name)
          from named where named.name is not null)
        select name from named where name is not null limit ${limit}`
      const tags = sql<{ name: string }>`
        with recursive named(name) as (
          select min(tag) from asset_tags where tenant_id = ${tenantId}
          union all
          select (select min(tag) from asset_tags where tenant_id = ${tenantId} and tag > named.name)
          from named where named.name is not null)
        select name from named where name is not null and exists (
          select 1 from asset_tags join assets on assets.seq = asset_tags.asset_seq
          where asset_tags.tenant_id = ${tenantId} and asset_tags.tag = named.name and assets.deleted_at_ms is null)
        limit ${limit}`
      const [inFolders, withTags] = [await folders.execute(db), await tags.execute(db)]
      return { folders: inFolders.rows.map(({ name }) => name), tags: withTags.rows.map(({ name }) => name) }
    },

    async edit(tenantId, id, change, nowMs, tell) {
      return await db.transaction().execute(async (inside) => {
        const before = await inside
          .selectFrom('assets')
          .selectAll()
          .where(seen(tenantId, id))
          .where('deletedAtMs', 'is', null)
          .executeTakeFirst()
        if (before === undefined) return null
        const after = { ...toAsset(before), ...change, updatedAtMs: nowMs }
        const row = await inside
          .updateTable('assets')
          .set({ ...editColumns(change), searchText: searchText(after), updatedAtMs: nowMs })
          .where('id', '=', id)
          .returningAll()
          .executeTakeFirstOrThrow()
        if (change.tags !== undefined) {
          await inside.deleteFrom('assetTags').where('assetId', '=', id).execute()
          await writeTags(inside, after)
        }
        const asset = toAsset(row)
        if (tell !== undefined) await appendEvents(inside, tell(asset))
        return asset
      })
    },

    async trash(tenantId, id, nowMs, tell) {
      return await withTold(db, tell, async (inside) => {
        const row = await inside
          .updateTable('assets')
          .set({ deletedAtMs: nowMs, updatedAtMs: nowMs })
          .where(seen(tenantId, id))
          .where('deletedAtMs', 'is', null)
          .returningAll()
          .executeTakeFirst()
        return row === undefined ? null : toAsset(row)
      })
    },

    async restore(tenantId, id, nowMs, tell) {
      return await withTold(db, tell, async (inside) => {
        const row = await inside
          .updateTable('assets')
          .set({ deletedAtMs: null, updatedAtMs: nowMs })
          .where(seen(tenantId, id))
          .where('deletedAtMs', 'is not', null)
          .returningAll()
          .executeTakeFirst()
        return row === undefined ? null : toAsset(row)
      })
    },

    async advance({ tenantId, id }, change, { nowMs, claim, from, tell }) {
      return await withTold(db, tell, async (inside) => {
        const row = await inside
          .updateTable('assets')
          .set({ ...progressColumns(change), updatedAtMs: nowMs })
          .where(seen(tenantId, id))
          .$if(claim !== undefined, (query) => query.where(isHeld(claim)))
          .$if(from !== undefined, (query) => query.where('status', 'in', [...(from ?? [])]))
          .returningAll()
          .executeTakeFirst()
        return row === undefined ? null : toAsset(row)
      })
    },

    async saveRendition(row, claim) {
      return await db.transaction().execute(async (inside) => {
        const held = await inside
          .selectFrom('assets')
          .select('id')
          .where(seen(row.tenantId, row.assetId))
          .$if(claim !== null, (query) => query.where(isHeld(claim ?? undefined)))
          .executeTakeFirst()
        if (held === undefined) return false
        const { assetId: _asset, name: _name, ...change } = row
        await inside
          .insertInto('assetRenditions')
          .values(row)
          .onConflict((conflict) => conflict.columns(['assetId', 'name']).doUpdateSet(change))
          .execute()
        return true
      })
    },

    async removeRendition(tenantId, assetId, name) {
      const removed = await db
        .deleteFrom('assetRenditions')
        .where('tenantId', '=', tenantId)
        .where('assetId', '=', assetId)
        .where('name', '=', name)
        .returning('name')
        .executeTakeFirst()
      return removed !== undefined
    },

    async renditions(tenantId, assetIds) {
      if (assetIds.length === 0) return []
      return await db
        .selectFrom('assetRenditions')
        .selectAll()
        .where('tenantId', '=', tenantId)
        .where('assetId', 'in', assetIds)
        .orderBy('assetId')
        .orderBy('name')
        .execute()
    },

    async unfinished(limit) {
      const rows = await db
        .selectFrom('assets')
        .selectAll()
        .where('status', 'in', UNFINISHED_LITERALS)
        .where('isPurged', '=', 0)
        .orderBy('updatedAtMs')
        .limit(limit)
        .execute()
      return rows.map(toAsset)
    },

    async takePurged(beforeMs, limit) {
      const due = db
        .selectFrom('assets')
        .select('seq')
        .where('deletedAtMs', '<', beforeMs)
        .orderBy('deletedAtMs')
        .limit(limit)
      const rows = await db.updateTable('assets').set({ isPurged: 1 }).where('seq', 'in', due).returningAll().execute()
      return rows.map(toAsset).sort((a, b) => (a.deletedAtMs ?? 0) - (b.deletedAtMs ?? 0))
    },

    async remove(tenantId, id, tell) {
      const removed = await withTold(db, tell, async (inside) => {
        const row = await inside
          .deleteFrom('assets')
          .where('tenantId', '=', tenantId)
          .where('id', '=', id)
          .where('isPurged', '=', 1)
          .returningAll()
          .executeTakeFirst()
        return row === undefined ? null : toAsset(row)
      })
      return removed !== null
    },
  }
}

/** As in the indexes: parameters there would not match their conditions. */
const NOT_PURGED = sql<SqlBool>`is_purged = 0`
const UNFINISHED_LITERALS = sql<'pending' | 'processing'>`('pending', 'processing')`

function matching(filter: Omit<AssetFilter, 'words'>) {
  const { tenantId, kind, status, tags, folder, fromMs, toMs, minBytes, maxBytes, isTrash } = filter
  return (row: ExpressionBuilder<Schema, 'assets'>) =>
    row.and([
      row('assets.tenantId', '=', tenantId),
      row('isPurged', '=', 0),
      row('deletedAtMs', isTrash === true ? 'is not' : 'is', null),
      ...(kind === undefined ? [] : [row('kind', '=', kind)]),
      ...(status === undefined ? [] : [row('status', '=', status)]),
      ...(folder === undefined ? [] : [row('folder', '=', folder)]),
      ...(fromMs === undefined ? [] : [row('uploadedAtMs', '>=', fromMs)]),
      ...(toMs === undefined ? [] : [row('uploadedAtMs', '<', toMs)]),
      ...(minBytes === undefined ? [] : [row('sizeBytes', '>=', minBytes)]),
      ...(maxBytes === undefined ? [] : [row('sizeBytes', '<=', maxBytes)]),
      ...(tags ?? []).map((tag) =>
        row.exists(
          row
            .selectFrom('assetTags')
            .select('assetTags.tag')
            .whereRef('assetTags.assetId', '=', 'assets.id')
            .where('assetTags.tag', '=', tag),
        ),
      ),
    ])
}

/** PostgreSQL; the same expression as in the index. */
function hasWords(words: readonly string[]) {
  return sql<SqlBool>`array_to_tsvector(string_to_array(search_text, ' ')) @@ cast(${tsQuery(words)} as tsquery)`
}

/** Whoever slept through its lease changes nothing any more. */
function isHeld(claim: JobClaim | undefined) {
  return (row: ExpressionBuilder<Schema, 'assets'>) =>
    row.exists(
      row
        .selectFrom('jobs')
        .select('jobs.id')
        .where('jobs.id', '=', claim?.id ?? '')
        .where('jobs.fence', '=', claim?.fence ?? -1)
        .where('jobs.state', '=', 'running'),
    )
}

async function writeTags(db: Db, { id, tenantId, tags }: Pick<AssetRow, 'id' | 'tenantId' | 'tags'>): Promise<void> {
  const rows = [...new Set(tags)].map((tag) => ({ assetId: id, tenantId, tag }))
  if (rows.length > 0) await db.insertInto('assetTags').values(rows).execute()
}

function searchText({ name, tags }: Pick<AssetRow, 'name' | 'tags'>): string {
  return searchWords([name, ...tags]).join(' ')
}

function toColumns(row: AssetRow) {
  const { tags, metadata, step, failure, facts, ...columns } = row
  return {
    ...columns,
    tags: encodeJson(tags),
    metadata: encodeJson(metadata),
    step: step && encodeJson(step),
    failure: failure && encodeJson(failure),
    facts: encodeJson(facts),
    searchText: searchText(row),
    isPurged: 0 as const,
  }
}

function editColumns({ tags, metadata, ...change }: AssetEdit) {
  return {
    ...change,
    ...(tags === undefined ? {} : { tags: encodeJson(tags) }),
    ...(metadata === undefined ? {} : { metadata: encodeJson(metadata) }),
  }
}

function progressColumns({ step, failure, facts, ...change }: AssetProgress) {
  return {
    ...change,
    ...(step === undefined ? {} : { step: step && encodeJson(step) }),
    ...(failure === undefined ? {} : { failure: failure && encodeJson(failure) }),
    ...(facts === undefined ? {} : { facts: encodeJson(facts) }),
  }
}

function toAsset(columns: Selectable<Schema['assets']>): AssetRow {
  const { seq: _seq, isPurged: _isPurged, searchText: _text, ...row } = columns
  return {
    ...row,
    step: row.step === null ? null : decodeJson<AssetRow['step']>(row.step),
    failure: row.failure === null ? null : decodeJson<AssetRow['failure']>(row.failure),
    tags: decodeJson<AssetRow['tags']>(row.tags),
    metadata: decodeJson<AssetRow['metadata']>(row.metadata),
    facts: decodeJson<AssetRow['facts']>(row.facts),
  }
}
