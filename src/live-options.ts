// Where the media plane finds its data, and how much of the disk it may take. Part of the composition root.
import { mkdir, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from './config/types.ts'
import type { SupervisorOptions } from './live/supervisor.ts'
import type { TimelineLocation } from './live/threads/messages.ts'
import { storeLocation } from './storage/store-location.ts'

const SPOOL_MAX_BYTES = 20 * 2 ** 30
/** Of the read cache: 50 GB. */
const CACHE_MAX_BYTES = 50e9
const PACK_MS = 5 * 60_000
const FOLDER_FLUSH_MS = 30_000
const PACK_BYTES = 2 ** 30

export function timelineLocation(config: Config): TimelineLocation {
  const { timeline, database } = config
  if (timeline.arbiter === 'database' && database.kind === 'postgres') return { kind: 'postgres', url: database.url }
  return storeLocation(config)
}

export async function dvrData(config: Config): Promise<SupervisorOptions['dvr']> {
  const spoolDir = config.dvr.spoolPath ?? join(config.dataDir, 'spool')
  const isBucket = config.store.kind === 's3'
  await mkdir(spoolDir, { recursive: true })
  const { blocks, bsize } = await statfs(spoolDir)
  return {
    spoolDir,
    cache: isBucket ? await cacheOptions(config) : null,
    store: storeLocation(config),
    // On folders a file a segment costs nothing; on S3 every object costs a request.
    writeMode: isBucket ? 'pack' : 'segment',
    limits: {
      maxBytes: config.dvr.spoolMaxBytes ?? Math.min(SPOOL_MAX_BYTES, Math.floor((blocks * bsize) / 10)),
      packMs: config.dvr.flushMs ?? (isBucket ? PACK_MS : FOLDER_FLUSH_MS),
      packBytes: PACK_BYTES,
    },
  }
}

/** Null: no copies are wanted. What lies on folders is as near as a copy of it. */
async function cacheOptions({ dvr, dataDir }: Config): Promise<SupervisorOptions['dvr']['cache']> {
  if (dvr.cacheMaxBytes === 0) return null
  const folder = dvr.cachePath ?? join(dataDir, 'cache')
  await mkdir(folder, { recursive: true })
  const { blocks, bsize } = await statfs(folder)
  return { folder, maxBytes: dvr.cacheMaxBytes ?? Math.min(CACHE_MAX_BYTES, Math.floor((blocks * bsize) / 10)) }
}
