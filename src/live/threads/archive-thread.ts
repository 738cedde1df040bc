// Entry of the archive thread: records every stream that is to be recorded, and answers where recordings lie. Live goes on
// when it dies; its replacement goes on where it was.
import { randomUUID } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { toMirrorError } from '../../core/errors.ts'
import { answerArchive } from '../../dvr/archive-answers.ts'
import type { ArchiveAnswer, ArchiveRequest } from '../../dvr/archive-requests.ts'
import { SegmentCache } from '../../dvr/cache/segment-cache.ts'
import { DvrService, type DvrTrouble } from '../../dvr/dvr-service.ts'
import { bytesOf, growthOf } from '../../dvr/growth.ts'
import { RecordedTexts } from '../../dvr/recorded-text.ts'
import { Recorder } from '../../dvr/recorder.ts'
import type { TrackPath } from '../../storage/keys.ts'
import { openStore } from '../../storage/open-store.ts'
import type { DvrReport, RegisteredStream } from '../control.ts'
import { Shelf } from '../origin/shelf.ts'
import { ownerOf } from '../ownership.ts'
import type { Publication } from '../publication.ts'
import { Registry } from '../registry.ts'
import type { ArchiveThreadData, FromThread, PeerMessage, PeerName, ToThread } from './messages.ts'
import { Peers } from './peers.ts'
import { threadLog } from './thread-log.ts'

const REPORT_MS = 1000
const ANSWER_TIMEOUT_MS = 8000
/** Recordings go hour by hour, so this is often enough. */
const SWEEP_MS = 5 * 60_000

const data = workerData as ArchiveThreadData
const toMain = (message: FromThread) => parentPort?.postMessage(message)
const log = threadLog('dvr', toMain)
const now = () => Date.now()
const registry = new Registry(data.registry)
const shelves = new Map<string, Shelf>()
const counts = new Map<string, { segments: number; bytes: number; lost: number }>()
const closing = new AbortController()
const texts = new RecordedTexts()
/** Answers under way, by who waits for them. */
const answering = new Map<string, AbortController>()

const store = await openStore(data.store)
const cache = await openCache()
const service = await DvrService.open({
  spoolDir: data.spoolDir,
  limits: data.limits,
  store,
  mode: data.writeMode,
  now,
  random: Math.random,
  randomId: randomUUID,
  log,
  onTrouble,
  onDeleted: (deleted) => toMain({ kind: 'expired', deleted }),
  onReleased: async (segments) => await cache?.forget(segments.map(({ sha256 }) => sha256)),
}).catch((error: unknown) => {
  const { code, message } = toMirrorError(error)
  toMain({ kind: 'failed', code, message })
  throw error
})
const tenantOf = (streamId: string) => registry.get(streamId)?.tenantId ?? null
const recorder = new Recorder({
  spool: service.spool,
  shelf: shelfOf,
  tenantOf: (streamId) => {
    const stream = registry.get(streamId)
    return stream?.settings.dvr.isEnabled === true ? stream.tenantId : null
  },
  onRecorded: ({ streamId }, { sizeBytes }) => {
    const count = countOf(streamId)
    count.segments += 1
    count.bytes += sizeBytes
  },
  onLost: (track, msn, cause) => onLost(track, msn, cause.message),
})

const peers = new Peers(onPeerMessage)
const reporter = setInterval(report, REPORT_MS)
let sweep: Promise<void> | null = null
const sweeper = setInterval(() => care(async () => await expireAll()), SWEEP_MS)
care(async () => {})
parentPort?.on('message', onMainMessage)
toMain({ kind: 'ready' })

function onMainMessage(message: ToThread): void {
  switch (message.kind) {
    case 'peer':
      peers.connect(message.name, message.port)
      break
    case 'register':
      registry.set(message.stream)
      if (service.stored(pathOf(message.stream)) === null) void measure(message.stream)
      break
    case 'unregister':
      forget(message.streamId)
      shelves.delete(message.streamId)
      counts.delete(message.streamId)
      break
    case 'archive':
      void answered(`main/${message.requestId}`, message.request).then((answer) =>
        toMain({ kind: 'archiveAnswer', requestId: message.requestId, answer }),
      )
      break
    case 'archiveCancel':
      cancel(`main/${message.requestId}`)
      break
    case 'sync':
      toMain({ kind: 'synced', requestId: message.requestId })
      break
    case 'drain':
      drain().catch((error: unknown) =>
        toMain({ kind: 'failed', code: 'internal', message: toMirrorError(error).message }),
      )
      break
    default: // Nothing else concerns recordings.
  }
}

function onPeerMessage(from: PeerName, message: PeerMessage): void {
  if (message.to === 'origin') for (const publication of message.batch) observe(publication)
  if (message.to === 'archiveCancel') cancel(`${from}/${message.requestId}`)
  if (message.to !== 'archive') return
  const { requestId } = message
  void answered(`${from}/${requestId}`, message.request).then((answer) =>
    peers.send(from, { to: 'archiveAnswer', requestId, answer }),
  )
}

function observe(publication: Publication): void {
  shelfOf(publication.streamId).apply(publication)
  recorder.observe(publication)
}

async function answered(name: string, request: ArchiveRequest): Promise<ArchiveAnswer> {
  const unwanted = new AbortController()
  answering.set(name, unwanted)
  const signal = AbortSignal.any([closing.signal, unwanted.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)])
  const answer = await answerArchive({ archive: service.archive, cache, texts, tenantOf, now }, request, { signal })
  // A worker that replaced another one counts from 1 again.
  if (answering.get(name) === unwanted) answering.delete(name)
  return answer
}

function cancel(name: string): void {
  answering.get(name)?.abort(new Error('nobody waits for the answer any more'))
}

/** Recordings play without it, only slower. */
async function openCache(): Promise<SegmentCache | null> {
  if (data.cache === null) return null
  return await SegmentCache.open(data.cache, { store, now, randomId: randomUUID, log }).catch((error: unknown) => {
    log.warn('recordings are read without a cache', { error: toMirrorError(error).message })
    return null
  })
}

function shelfOf(streamId: string): Shelf {
  const existing = shelves.get(streamId)
  if (existing !== undefined) return existing
  const shelf = new Shelf((slabId) => {
    // This thread is the origin after the last media worker.
    const released = { streamId, slabId, origin: data.mediaWorkers }
    peers.send(ownerOf(streamId, data.mediaWorkers), { to: 'slabs', released })
  })
  shelves.set(streamId, shelf)
  return shelf
}

function countOf(streamId: string): { segments: number; bytes: number; lost: number } {
  const existing = counts.get(streamId)
  if (existing !== undefined) return existing
  const count = { segments: 0, bytes: 0, lost: 0 }
  counts.set(streamId, count)
  return count
}

function onLost({ streamId, trackId }: TrackPath, msn: number, message: string): void {
  const count = countOf(streamId)
  count.lost += 1
  // Every loss is counted, and one in a while is told.
  if (count.lost > 1 && count.lost % 100 !== 0) return
  toMain({
    kind: 'event',
    event: {
      type: 'stream.warning',
      severity: 'error',
      streamId,
      atMs: now(),
      code: 'dvr_segment_lost',
      message: `Segment ${msn} of ${trackId} was not recorded: ${message}`,
      details: { trackId, msn, lost: count.lost },
    },
  })
}

function onTrouble({ kind, message }: DvrTrouble): void {
  const subject = kind === 'store' ? 'dvr-store' : 'dvr-spool'
  const code = kind === 'store' ? 'store_unavailable' : 'spool_full'
  toMain({ kind: 'problem', subject, code, message })
  if (message === null) log.info('recordings reach their store again', { kind })
  else log.warn('recordings wait in the spool', { kind, message })
}

function forget(streamId: string): void {
  const tenantId = tenantOf(streamId)
  registry.remove(streamId)
  if (tenantId !== null) service.forgetStream({ tenantId, streamId })
}

function pathOf({ id: streamId, tenantId }: RegisteredStream): Omit<TrackPath, 'trackId'> {
  return { tenantId, streamId }
}

/** One round at a time; each ends with a look at what lies there then. */
function care(work: () => Promise<void>): void {
  sweep ??= work()
    .then(measureAll)
    .finally(() => {
      sweep = null
    })
}

async function measureAll(): Promise<void> {
  for (const stream of registry.all()) await measure(stream)
}

async function measure(stream: RegisteredStream): Promise<void> {
  if (closing.signal.aborted) return
  try {
    await service.measure(pathOf(stream), { signal: closing.signal })
  } catch (error) {
    if (closing.signal.aborted) return
    log.warn('what was recorded could not be measured', { streamId: stream.id, error: toMirrorError(error).message })
  }
}

async function expireAll(): Promise<void> {
  for (const { id: streamId, tenantId, settings, holds } of registry.all()) {
    const retention = { retentionMs: settings.dvr.retentionMs, holds }
    try {
      const { hours, bytes } = await service.expire({ tenantId, streamId }, retention, { signal: closing.signal })
      if (hours > 0) log.info('recordings expired', { streamId, hours, bytes })
    } catch (error) {
      if (closing.signal.aborted) return
      log.warn('recordings could not be expired', { streamId, error: toMirrorError(error).message })
    }
  }
}

function report(): void {
  toMain({
    kind: 'dvrReport',
    report: {
      spoolBytes: service.spool.usedBytes,
      spoolMaxBytes: data.limits.maxBytes,
      oldestUnsavedAtMs: service.spool.oldestAtMs,
      writeMode: data.writeMode,
      rpoMs: data.limits.packMs,
      cache: cache?.report() ?? null,
      streams: streamReports(),
    },
  })
}

/** Of streams that are recorded, or were. */
function streamReports(): DvrReport['streams'] {
  return registry.all().flatMap((stream) => {
    const { id: streamId, settings } = stream
    const count = counts.get(streamId) ?? { segments: 0, bytes: 0, lost: 0 }
    const stored = service.stored(pathOf(stream))
    const storedBytes = stored === null ? null : bytesOf(stored)
    const { isEnabled } = settings.dvr
    if (!isEnabled && count.segments === 0 && count.lost === 0 && (storedBytes ?? 0) === 0) return []
    return [{ streamId, ...count, storedBytes, growth: growthOf(stored ?? [], now(), isEnabled) }]
  })
}

async function drain(): Promise<void> {
  clearInterval(reporter)
  clearInterval(sweeper)
  await recorder.settled()
  closing.abort(new Error('Mirror is shutting down'))
  await sweep
  await service[Symbol.asyncDispose]()
  await cache?.[Symbol.asyncDispose]()
  peers.close()
  toMain({ kind: 'drained' })
  parentPort?.close()
}
