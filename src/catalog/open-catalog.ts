import { CamelCasePlugin, Kysely } from 'kysely'
import type { Log } from '../core/log.ts'
import { openApiKeys } from './api-keys.ts'
import { openAssets } from './assets.ts'
import { catalogDialect } from './catalog-dialect.ts'
import type { CatalogLocation } from './catalog-location.ts'
import { openDateRanges } from './date-ranges.ts'
import { openDvrRecordings } from './dvr-recordings.ts'
import { openEvents } from './events.ts'
import { openIncoming } from './incoming.ts'
import { openJobs } from './jobs.ts'
import { openLedger } from './ledger.ts'
import { migrate } from './migrate.ts'
import { openPublishKeys } from './publish-keys.ts'
import { openRecordingPolicies } from './recording-policies.ts'
import { openRecordings } from './recordings.ts'
import type { Schema } from './schema.ts'
import { openSessions } from './sessions.ts'
import { openStores } from './stores.ts'
import { openStreams } from './streams.ts'
import type { Catalog } from './types.ts'
import { openUsers } from './users.ts'
import { openWebhooks } from './webhooks.ts'

/**
 * Opens the database and brings its schema up to date. Rejects with `database_unavailable` when it cannot be reached,
 * with `database_newer` when a newer Mirror wrote it, with the signal's reason when aborted.
 */
export async function openCatalog(
  location: CatalogLocation,
  { log, signal }: { readonly log: Log; readonly signal: AbortSignal },
): Promise<Catalog> {
  signal.throwIfAborted()
  const db = new Kysely<Schema>({ dialect: catalogDialect(location, { log }), plugins: [new CamelCasePlugin()] })
  try {
    await migrate(db, location.kind, { log })
    signal.throwIfAborted()
  } catch (error) {
    await db.destroy()
    throw error
  }
  return {
    streams: openStreams(db),
    publishKeys: openPublishKeys(db),
    dateRanges: openDateRanges(db),
    dvrRecordings: openDvrRecordings(db),
    recordings: openRecordings(db),
    recordingPolicies: openRecordingPolicies(db),
    assets: openAssets(db, location.kind),
    users: openUsers(db),
    apiKeys: openApiKeys(db),
    sessions: openSessions(db),
    events: openEvents(db),
    jobs: openJobs(db, location.kind),
    ledger: openLedger(db),
    stores: openStores(db),
    incoming: openIncoming(db),
    webhooks: openWebhooks(db, location.kind),
    async [Symbol.asyncDispose]() {
      await db.destroy()
    },
  }
}
