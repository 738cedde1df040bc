// Searching among many assets over the API, against reading one asset by its id.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'kysely'
import type { CatalogLocation } from '../../src/catalog/catalog-location.ts'
import { openRawDatabase, type RawDb } from '../../src/catalog/raw-database.ts'
import { MirrorProcess } from '../../test/support/mirror-process.ts'
import { startPostgres } from '../../test/support/postgres.ts'
import { Durations, type Percentiles } from '../figures.ts'

export type Database = CatalogLocation['kind']

export interface SearchCost {
  readonly database: Database
  readonly assets: number
  readonly fillSec: number
  readonly queries: readonly { readonly name: string; readonly ms: Percentiles; readonly ratio: number }[]
}

/** Rows of one statement. */
const BATCH = 20_000
const WORDS = 4000
const TAGS = 500
const FOLDERS = 200
/** Compilers and page caches before anything counts. */
const WARM_UP = 20
/** A key may ask 100 times a second. */
const PAUSE_MS = 11
const NO_LOG = { debug() {}, info() {}, warn() {}, error() {}, child: () => NO_LOG }

/** What people ask for, with another word each time. */
const QUERIES: readonly (readonly [name: string, path: (n: number, assets: number) => string])[] = [
  ['newest page', () => '/assets'],
  ['a word', (n) => `/assets?q=w${word(n)}`],
  ['two words', (n) => `/assets?q=w${word(n)}%20x${word(n * 3)}`],
  ['the beginning of a word', (n) => `/assets?q=w${10 + (n % 90)}`],
  ['a word that all have', () => '/assets?q=jpg'],
  ['a word and a kind', (n) => `/assets?q=w${word(n)}&kind=video`],
  ['a tag', (n) => `/assets?tag=t${n % TAGS}`],
  ['a tag and a word', (n) => `/assets?tag=t${n % TAGS}&q=jpg`],
  ['all folders and tags', () => '/assets/labels'],
  ['a folder', (n) => `/assets?folder=f${n % FOLDERS}`],
  ['a page far back', (n, assets) => `/assets?cursor=asset-${(Math.floor(assets / 2) + n) % assets}`],
  ['nothing found', (n) => `/assets?q=nowhere${n}`],
]

/** Mirror is started once for its tables, then they are filled, then it is asked. */
export async function measureSearch(
  database: Database,
  { assets, rounds }: { readonly assets: number; readonly rounds: number },
  signal: AbortSignal,
): Promise<SearchCost> {
  await using opened = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'mirror-bench-library-'))
  opened.defer(() => rm(dataDir, { recursive: true, force: true }))
  const url = database === 'postgres' ? await opened.use(await startPostgres()).createDatabase() : null
  const env: Record<string, string> = url === null ? {} : { MIRROR_DATABASE_URL: url }
  const mirror = opened.use(await MirrorProcess.start({ dataDir, env }))
  await mirror.stop()
  const location: CatalogLocation =
    url === null ? { kind: 'sqlite', path: join(dataDir, 'catalog.sqlite') } : { kind: 'postgres', url }
  const fromMs = performance.now()
  await fill(location, assets, signal)
  const fillSec = (performance.now() - fromMs) / 1000
  await mirror.start()

  const measure = async (path: (n: number) => string): Promise<Percentiles> => {
    const durations = new Durations()
    for (let n = 0; n < WARM_UP + rounds; n += 1) {
      signal.throwIfAborted()
      const startMs = performance.now()
      await mirror.api('GET', path(n * 37 + 11))
      if (n >= WARM_UP) durations.record(performance.now() - startMs)
      await delay(PAUSE_MS, undefined, { signal })
    }
    const percentiles = durations.percentiles()
    if (percentiles === null) throw new Error('nothing was measured')
    return percentiles
  }
  const baseline = await measure((n) => `/assets/asset-${n % assets}`)
  const queries = [{ name: 'one by its id (baseline)', ms: baseline, ratio: 1 }]
  for (const [name, path] of QUERIES) {
    const ms = await measure((n) => path(n, assets))
    queries.push({ name, ms, ratio: ms.p99 / baseline.p99 })
  }
  return { database, assets, fillSec, queries }
}

function word(n: number): number {
  return (n * 7919) % WORDS
}

const lit = (value: number) => sql.lit(value)

async function fill(location: CatalogLocation, assets: number, signal: AbortSignal): Promise<void> {
  const db = openRawDatabase(location, { log: NO_LOG })
  try {
    for (let from = 0; from < assets; from += BATCH) {
      signal.throwIfAborted()
      await addAssets(db, location.kind, from, Math.min(assets, from + BATCH))
    }
    await sql`analyze`.execute(db)
  } finally {
    await db.destroy()
  }
}

/** Names of three words and an extension, one tag, spread over folders and kinds. */
async function addAssets(db: RawDb, database: Database, from: number, to: number): Promise<void> {
  const numbers =
    database === 'sqlite'
      ? sql`(with recursive series(n) as (select ${lit(from)} union all select n + 1 from series where n < ${lit(to - 1)}) select n from series) as series`
      : sql`generate_series(${lit(from)}, ${lit(to - 1)}) as series(n)`
  const id = sql`'asset-' || n`
  const name = sql`'w' || ((n * 31) % ${lit(WORDS)}) || ' x' || ((n / 7) % ${lit(WORDS)}) || ' ' || n || '.jpg'`
  const found = sql`'w' || ((n * 31) % ${lit(WORDS)}) || ' x' || ((n / 7) % ${lit(WORDS)}) || ' ' || n || ' jpg t' || (n % ${lit(TAGS)})`
  const kind = sql`case n % 5 when 0 then 'video' when 1 then 'audio' else 'image' end`
  const columns = sql`id, tenant_id, kind, name, extension, folder, format, content_type, size_bytes, sha256, status, step,
    failure, tags, metadata, facts, search_text, uploaded_at_ms, processed_at_ms, deleted_at_ms, is_purged, updated_at_ms`
  const values = sql`${id}, 'default', ${kind}, ${name}, 'jpg', 'f' || (n % ${lit(FOLDERS)}), 'jpeg', 'image/jpeg', 1000 + n,
    'sha-' || n, 'ready', null, null, '["t' || (n % ${lit(TAGS)}) || '"]', '{}', '{}', ${found},
    1790000000000 + n, 1790000000000 + n, null, 0, 1790000000000 + n`
  await sql`insert into assets (${columns}) select ${values} from ${numbers} order by n`.execute(db)
  const tag = sql`'t' || (n % ${lit(TAGS)})`
  await sql`insert into asset_tags (asset_id, tenant_id, tag) select ${id}, 'default', ${tag} from ${numbers}`.execute(
    db,
  )
}
