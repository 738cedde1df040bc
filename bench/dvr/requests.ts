// What recording one channel for a month asks of a bucket, with packs and with an object for each segment: an hour of one
// track is drained into a real bucket, and every request is counted.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ClientRequest } from 'node:http'
import type { WriteMode } from '../../src/dvr/drainer.ts'
import { HOUR_MS } from '../../src/storage/keys.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import { SEGMENT_MS } from './history.ts'
import { drainAll, makePack } from './uploads.ts'

/** A month of 30 days. */
const HOURS_PER_MONTH = 720
const PACK_MS = 300_000
/** Five pictures and one sound. */
const LADDER_KBPS = [6000, 3000, 1500, 800, 400, 128]
/** Amazon S3 Standard, us-east-1: https://aws.amazon.com/s3/pricing/, read 2026-11-21. */
const PRICES = { putUsdPer1000: 0.005, getUsdPer1000: 0.0004 }
const SMALL_BYTES = 1024

export interface RequestCost {
  readonly mode: WriteMode
  /** Of the measured hour of one track. */
  readonly perTrackHour: { readonly puts: number; readonly gets: number }
  /** Of the whole ladder; parts of large packs are computed from their sizes. */
  readonly putsPerMonth: number
  readonly getsPerMonth: number
  readonly usdPerMonth: number
}

export async function measureRequests(
  store: ObjectStore,
  mode: WriteMode,
  place: { readonly folder: string; readonly partBytes: number },
): Promise<RequestCost> {
  const hourMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 2 * HOUR_MS
  const segments = PACK_MS / SEGMENT_MS
  const wish = {
    folder: place.folder,
    streamId: `requests-${mode}`,
    track: 0,
    segments,
    segmentBytes: SMALL_BYTES,
    hourMs,
  }
  const packs = HOUR_MS / PACK_MS
  const made = await Promise.all(Array.from({ length: packs }, async (_, pack) => await makePack({ ...wish, pack })))
  const counts = await counted(async () => {
    // Of one track, so one after the other, as they come.
    await drainAll(store, mode, made)
  })
  const months = LADDER_KBPS.length * HOURS_PER_MONTH
  const extraParts = mode === 'pack' ? extraRequests(place.partBytes) * packs * HOURS_PER_MONTH : 0
  const putsPerMonth = counts.puts * months + extraParts
  const getsPerMonth = counts.gets * months
  const usdPerMonth = (putsPerMonth * PRICES.putUsdPer1000 + getsPerMonth * PRICES.getUsdPer1000) / 1000
  return { mode, perTrackHour: counts, putsPerMonth, getsPerMonth, usdPerMonth }
}

/** Beyond the one PUT of a small pack, for one pack of each rendition: begin and end of a multipart upload, and its parts. */
function extraRequests(partBytes: number): number {
  return LADDER_KBPS.reduce((sum, kbps) => {
    const parts = Math.ceil((kbps * PACK_MS) / 8 / partBytes)
    return sum + (parts === 1 ? 0 : parts + 1)
  }, 0)
}

/** PUT, POST and LIST cost the same, GET and HEAD the other price, DELETE nothing. */
async function counted(work: () => Promise<void>): Promise<{ readonly puts: number; readonly gets: number }> {
  const counts = { puts: 0, gets: 0 }
  const onRequest = (message: unknown) => {
    const { method, path } = (message as { readonly request: ClientRequest }).request
    const isListing = method === 'GET' && path.includes('list-type=')
    if (method === 'PUT' || method === 'POST' || isListing) counts.puts += 1
    else if (method === 'GET' || method === 'HEAD') counts.gets += 1
  }
  subscribe('http.client.request.start', onRequest)
  try {
    await work()
  } finally {
    unsubscribe('http.client.request.start', onRequest)
  }
  return counts
}
