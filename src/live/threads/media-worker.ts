// Entry of a media worker: owns the streams that hash to it, and is one of the origin threads that serve all of them.

import { setTimeout as delay } from 'node:timers/promises'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { parseAddressSet } from '../../core/address-set.ts'
import { SharedConnectionCounts } from '../../core/connection-counts.ts'
import { ConnectionGuard } from '../../core/connection-guard.ts'
import { isMirrorError, toMirrorError } from '../../core/errors.ts'
import { createSignedLinks } from '../../core/signed-link.ts'
import { ArchiveClient } from '../../dvr/archive-client.ts'
import { probeKey } from '../../storage/keys.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { openStore } from '../../storage/open-store.ts'
import { openPostgresStore } from '../../storage/postgres-store.ts'
import { SEGMENT_SOURCES, type SegmentSource } from '../control.ts'
import { Gate } from '../ingest/gate.ts'
import { FruitlessLimit } from '../origin/fruitless-limit.ts'
import { startOriginServer } from '../origin/origin-server.ts'
import { HoldLimit } from '../origin/playback-routes.ts'
import { Shelf } from '../origin/shelf.ts'
import { ViewerCounter } from '../origin/viewer-counter.ts'
import { loadWatchPages } from '../origin/watch-route.ts'
import { StreamOwner } from '../owner/stream-owner.ts'
import { openTimelineStore } from '../owner/timeline-store.ts'
import { ownerOf } from '../ownership.ts'
import type { Publication } from '../publication.ts'
import { Registry } from '../registry.ts'
import type { FromThread, MediaWorkerData, PeerMessage, PeerName, TimelineLocation, ToThread } from './messages.ts'
import { Peers } from './peers.ts'
import { Revival } from './revival.ts'

const REPORT_MS = 1000
/** Requests that may wait in one thread: ten thousand idle players and some. */
const MAX_HOLDS = 20_000
/** Of these for one rendition. */
const MAX_HOLDS_TOGETHER = 10_000
/** Inputs of a dead owner reach its replacement within a second or two; encoders that must reconnect take longer. */
const REVIVAL_MS = 20_000
/** A replaced worker says "not live" of what it has not heard of yet, so it listens to the others before it opens its port. */
const INTRODUCTION_MS = 1000
/** Players that know only a dead owner's playlist fetch what it lists within this time. */
const INHERITED_MS = 15_000
const WARM_UP_MS = 10_000
/** A stream that begins waits no longer to know what was recorded of it before. */
const PAST_WITHIN_MS = 1000

const data = workerData as MediaWorkerData
const now = () => Date.now()
const registry = new Registry(data.registry)
const shelves = new Map<string, Shelf>()
const viewers = new ViewerCounter(data.keySecret)
const timers = new Set<NodeJS.Timeout>()
const toMain = (message: FromThread) => parentPort?.postMessage(message)

const heardOf = new Set<PeerName>()
const introduced = Promise.withResolvers<void>()
let server: AsyncDisposable | null = null
const revival = new Revival(data.isReplacement ? now() : null)

const peers = new Peers(onPeerMessage)
const archive = new ArchiveClient(
  (requestId, request) => peers.send('archive', { to: 'archive', requestId, request }),
  (requestId) => peers.send('archive', { to: 'archiveCancel', requestId }),
)
const served: Record<SegmentSource, number> = { memory: 0, spool: 0, store: 0, cache: 0 }
const onArchived = data.restoresOnPlay ? (key: string) => toMain({ kind: 'archived', key }) : null
const onServed = (from: SegmentSource) => {
  served[from] += 1
}
let recordings: Promise<ObjectStore> | null = null
/** Opened when the first recording is asked for, and again after a failure. */
const store = (): Promise<ObjectStore> => {
  recordings ??= openStore(data.store).catch((error: unknown) => {
    recordings = null
    throw error
  })
  return recordings
}
const owner = new StreamOwner({
  registry,
  timeline: openTimelineStore(await openEntryStore(data.timeline)),
  // The archive thread holds media, too, until it is on the disk.
  origins: data.mediaWorkers + 1,
  windowMaxBytes: data.windowMaxBytes,
  maxFragmentBytes: data.maxFragmentBytes,
  firstSlabId: data.incarnation * 2 ** 40,
  now,
  publish: (published) => {
    const batch = revival.translate(published, now())
    shelve(batch)
    peers.broadcast({ to: 'origin', batch }, (name) => name !== 'ingest')
  },
  reply: (receiver, message) => {
    if (receiver === String(data.index)) queueMicrotask(() => gate.onMessage(message))
    else peers.send(peerNamed(receiver), { to: 'gate', message })
  },
  emit: (event) => toMain({ kind: 'event', event }),
  askSlate: (wish) => toMain({ kind: 'slateWish', wish }),
  askPast: async (streamId, fromMs) => {
    const answer = await archive.ask({ kind: 'past', streamId, fromMs }, { timeoutMs: PAST_WITHIN_MS })
    return answer.kind === 'past' ? answer.tracks : []
  },
  onBusy: (streamId, isBusy) => {
    registry.setBusy(streamId, isBusy)
    peers.broadcast({ to: 'registry', streamId, isBusy }, () => true)
  },
})
const gate = new Gate({
  name: `m${data.index}.${data.incarnation}`,
  registry,
  keySecret: data.keySecret,
  owners: data.mediaWorkers,
  maxPublishers: data.maxPublishers,
  publishers: new SharedConnectionCounts(data.publisherCounts, data.index, 0),
  now,
  send: (index, message) => {
    if (index === data.index) owner.onMessage(String(data.index), message)
    else peers.send(index, { to: 'owner', message })
  },
  emit: (event) => toMain({ kind: 'event', event }),
})

const isTrusted = parseAddressSet(data.trustedAddresses) ?? (() => false)
const guard = new ConnectionGuard(
  { connections: data.maxConnections, connectionsPerAddress: data.maxConnectionsPerAddress, isTrusted },
  new SharedConnectionCounts(data.connectionCounts, data.index, Buffer.from(data.keySecret).readInt32LE()),
  () => performance.now(),
)

parentPort?.on('message', onMainMessage)
if (data.isReplacement && data.mediaWorkers > 1) await Promise.race([introduced.promise, delay(INTRODUCTION_MS)])

server = await startOriginServer({
  host: data.host,
  port: data.port,
  tls: data.tls,
  guard,
  fruitless: new FruitlessLimit({ isTrusted, nowMs: () => performance.now() }),
  holds: new HoldLimit(MAX_HOLDS, MAX_HOLDS_TOGETHER),
  viewers,
  watch: await loadWatchPages(data.watchDir),
  gate,
  onRefused: (streamId, fault) => gate.reportRefusal(streamId, fault, 'cmaf'),
  idleTimeoutMs: data.inputIdleMs,
  archive: { archive, store, now, onServed, onArchived },
  playback: createSignedLinks(data.playbackKey),
  shelf: (streamId) => (registry.get(streamId) === null ? null : shelfOf(streamId)),
  now,
}).catch((error: unknown) => {
  const { code, message } = toMirrorError(error)
  toMain({ kind: 'failed', code: isMirrorError(error) ? code : 'port_taken', message })
  throw error
})

const reporter = setInterval(() => {
  toMain({
    kind: 'report',
    statuses: owner.statuses(),
    latencies: owner.takeLatencies(),
    viewers: viewers.report(now()),
    connections: { open: guard.open, evicted: guard.evicted, refused: { ...guard.refused } },
    served: { ...served },
  })
  for (const source of SEGMENT_SOURCES) served[source] = 0
}, REPORT_MS)

toMain({ kind: 'ready' })

async function openEntryStore(location: TimelineLocation): Promise<ObjectStore> {
  if (location.kind !== 'postgres') return await openStore(location, { warmUp: AbortSignal.timeout(WARM_UP_MS) })
  const store = openPostgresStore(location.url, { nowMs: now })
  warmUp(store.head(probeKey('start'), { signal: AbortSignal.timeout(WARM_UP_MS) }))
  return store
}

/** The first publisher waits a second at most: connections and checks that can be done before are. It may fail. */
function warmUp(work: Promise<unknown>): void {
  work.catch(() => {})
}

function onMainMessage(message: ToThread): void {
  switch (message.kind) {
    case 'peer':
      connectPeer(message.name, message.port)
      break
    case 'register':
      registry.set(message.stream)
      owner.onRegistered(message.stream)
      break
    case 'unregister':
      registry.remove(message.streamId)
      dropShelf(message.streamId)
      owner.onUnregistered(message.streamId)
      break
    case 'restart':
      owner.restart(message.streamId)
      break
    case 'slate':
      owner.onSlate(message.answer)
      break
    case 'activateInput':
      activateInput(message)
      break
    case 'testSource':
    case 'restartInput':
    case 'archive':
    case 'archiveCancel':
      break
    case 'sync':
      toMain({ kind: 'synced', requestId: message.requestId })
      break
    case 'drain':
      drain().catch((error: unknown) =>
        toMain({ kind: 'failed', code: 'internal', message: toMirrorError(error).message }),
      )
      break
    default:
      message satisfies never
  }
}

function activateInput({ requestId, streamId, inputId }: Extract<ToThread, { kind: 'activateInput' }>): void {
  try {
    owner.activateInput(streamId, inputId)
    toMain({ kind: 'done', requestId, code: null, message: '' })
  } catch (error) {
    const { code, message } = toMirrorError(error)
    toMain({ kind: 'done', requestId, code, message })
  }
}

function connectPeer(name: PeerName, port: MessagePort): void {
  const isReplacement = peers.connect(name, port)
  if (isReplacement) owner.onReceiverLost(String(name))
  if (name === 'ingest') return
  if (name === 'archive') {
    // The archive thread is the origin after the last media worker.
    if (isReplacement) owner.onOriginLost(data.mediaWorkers)
    if (isReplacement) archive.onLost()
  } else if (isReplacement) {
    owner.onOriginLost(name)
    gate.onOwnerReplaced(name)
    const orphans = shelvesOwnedBy(name)
    for (const [streamId, shelf] of orphans) handOver(name, streamId, shelf)
    forgetUnlessRevived(orphans)
  }
  peers.send(name, { to: 'origin', batch: owner.snapshots() })
}

function shelvesOwnedBy(worker: number): readonly (readonly [string, Shelf])[] {
  return [...shelves].filter(([streamId]) => ownerOf(streamId, data.mediaWorkers) === worker)
}

/** A replaced worker has seen nothing of what its predecessor published; every other one still has it. */
function handOver(worker: number, streamId: string, shelf: Shelf): void {
  const batch = shelf.snapshot(streamId)
  if (batch !== null) peers.send(worker, { to: 'handover', streamId, batch })
}

/** The first one that knows something is believed, unless the stream has begun anew here meanwhile. */
function takeOver(streamId: string, batch: readonly Publication[]): void {
  if (registry.get(streamId) === null || !shelfOf(streamId).isEmpty) return
  shelve(batch)
  forgetUnlessRevived([[streamId, shelfOf(streamId)]])
}

/** What an owner that died had published: its players may finish, but a stream that nobody revives is offline. */
function forgetUnlessRevived(orphans: readonly (readonly [string, Shelf])[]): void {
  const before = orphans.map(([streamId, shelf]) => ({ streamId, shelf, generation: shelf.generation }))
  later(REVIVAL_MS, () => {
    for (const { streamId, shelf, generation } of before) {
      if (shelf.generation !== generation || shelf.phase === 'starting') continue
      shelf.apply({ kind: 'phase', streamId, phase: 'offline' })
    }
  })
}

function later(ms: number, work: () => void): void {
  const timer = setTimeout(() => {
    timers.delete(timer)
    work()
  }, ms)
  timers.add(timer)
}

function onPeerMessage(from: PeerName, message: PeerMessage): void {
  switch (message.to) {
    case 'owner':
      owner.onMessage(String(from), message.message)
      break
    case 'gate':
      gate.onMessage(message.message)
      break
    case 'origin':
      shelve(message.batch)
      heardOf.add(from)
      if (heardOf.size >= data.mediaWorkers - 1) introduced.resolve()
      break
    case 'handover':
      takeOver(message.streamId, message.batch)
      break
    case 'archive':
    case 'archiveCancel':
      break // For the archive thread.
    case 'archiveAnswer':
      archive.onAnswer(message.requestId, message.answer)
      break
    case 'slabs':
      owner.onSlabReleased(message.released)
      break
    case 'registry':
      registry.setBusy(message.streamId, message.isBusy)
      break
    default:
      message satisfies never
  }
}

function shelve(batch: readonly Publication[]): void {
  for (const publication of batch) {
    const shelf = shelfOf(publication.streamId)
    shelf.apply(publication)
    if (publication.kind === 'renew') later(INHERITED_MS, () => shelf.settle())
    // The last words about a stream that was removed; one that is about to be registered starts with another phase.
    const isOver = publication.kind === 'phase' && publication.phase === 'offline'
    if (isOver && registry.get(publication.streamId) === null) dropShelf(publication.streamId)
  }
}

/** Requests that wait are answered "not found" before the shelf goes. */
function dropShelf(streamId: string): void {
  const shelf = shelves.get(streamId)
  if (shelf === undefined) return
  shelf.apply({ kind: 'reset', streamId })
  shelf.apply({ kind: 'phase', streamId, phase: 'offline' })
  shelves.delete(streamId)
}

function shelfOf(streamId: string): Shelf {
  const existing = shelves.get(streamId)
  if (existing !== undefined) return existing
  const shelf = new Shelf((slabId) => {
    const released = { streamId, slabId, origin: data.index }
    const ownerIndex = ownerOf(streamId, data.mediaWorkers)
    if (ownerIndex === data.index) queueMicrotask(() => owner.onSlabReleased(released))
    else peers.send(ownerIndex, { to: 'slabs', released })
  })
  shelves.set(streamId, shelf)
  return shelf
}

function peerNamed(name: string): PeerName {
  return name === 'ingest' ? 'ingest' : Number(name)
}

async function drain(): Promise<void> {
  clearInterval(reporter)
  for (const timer of timers) clearTimeout(timer)
  gate.closeAll({ code: 'origin_unavailable', message: 'Mirror is shutting down' })
  owner.stop('Mirror is shutting down')
  await server?.[Symbol.asyncDispose]()
  peers.close()
  toMain({ kind: 'drained' })
  parentPort?.close()
}
