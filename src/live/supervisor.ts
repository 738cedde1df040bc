// The control plane's end of the media plane: starts the threads, introduces them to each other, replaces the dead,
// and turns what they report into statuses and events. No media passes here.
import { availableParallelism } from 'node:os'
import { MessageChannel } from 'node:worker_threads'
import { SharedConnectionCounts } from '../core/connection-counts.ts'
import { type ErrorCode, MirrorError, toMirrorError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { holdSharedPort } from '../core/reserve-port.ts'
import { afterRunning } from '../core/running-time.ts'
import { ArchiveClient } from '../dvr/archive-client.ts'
import type { ArchiveAnswer, ArchiveRequest } from '../dvr/archive-requests.ts'
import type { DeletedHour } from '../dvr/retention.ts'
import { ConnectionWatch } from './connection-watch.ts'
import type {
  ConfiguredInputStatus,
  DvrReport,
  LatencyObservation,
  LiveControl,
  LiveStatus,
  OwnerStatus,
  RegisteredStream,
  ServedCounts,
} from './control.ts'
import type { MirrorEvent } from './events.ts'
import type { SlateWish } from './owner/slate.ts'
import { ownerOf } from './ownership.ts'
import type { SlateMaker } from './slate/slate-maker.ts'
import type {
  ArchiveThreadData,
  CommonThreadData,
  FromThread,
  IngestThreadData,
  MediaWorkerData,
  PeerName,
  TimelineLocation,
  ToThread,
  ViewerReport,
} from './threads/messages.ts'
import { threadFile, WorkerThread, type WorkerThreadOptions } from './threads/worker-thread.ts'

export interface SupervisorOptions {
  readonly dvr: Omit<ArchiveThreadData, keyof CommonThreadData>
  readonly host: string
  readonly mediaPort: number
  /** Null: one per core. */
  readonly mediaWorkers: number | null
  readonly tls: MediaWorkerData['tls']
  readonly rtmpPort: number | null
  readonly srt: IngestThreadData['srt']
  readonly keySecret: Uint8Array
  /** HMAC key of addresses of assets. */
  readonly playbackKey: Uint8Array
  readonly timeline: TimelineLocation
  readonly watchDir: string | null
  readonly ffmpegPath: string
  readonly maxPublishers: number
  readonly maxFragmentBytes: number
  readonly maxConnections: number
  readonly maxConnectionsPerAddress: number
  readonly maxIngestConnectionsPerAddress: number
  /** As `parseAddressSet` reads it. */
  readonly trustedAddresses: string
  readonly windowMaxBytes: number
  readonly inputIdleMs: number
  readonly streams: readonly RegisteredStream[]
  readonly slates: Pick<SlateMaker, 'prepare'>
  /** Retention has taken an hour of a track. */
  readonly onExpired: (deleted: DeletedHour) => void
  /** A viewer wants an object that has to be restored first; null: that restores nothing. */
  readonly onArchived: ((key: string) => void) | null
  readonly now: () => number
  readonly log: Log
}

export interface Supervisor extends LiveControl {
  readonly ports: { readonly media: number; readonly rtmp: number | null; readonly srt: number | null }
  /** For crash tests: ends a thread as a fault in it would. */
  killThread(name: PeerName): Promise<void>
}

/** A thread that dies more often than this is not restarted at once but after a pause. */
const RESTART_PAUSE_MS = 250
const RESTARTS_WITHOUT_PAUSE = 3
/** A thread that hangs must not hang the API. */
const SYNC_TIMEOUT_MS = 1000
const RESTART_WINDOW_MS = 10_000
/** A thread that does not answer a request in this time is not going to. */
const REQUEST_TIMEOUT_MS = 10_000

export async function startSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  // Until all media workers listen there: they take a while to start.
  await using held = await holdSharedPort(options.host, options.mediaPort, 'media.port')
  const supervisor = new RunningSupervisor(options, held.port)
  try {
    await supervisor.start()
  } catch (error) {
    await supervisor[Symbol.asyncDispose]()
    throw error
  }
  return supervisor
}

/** Something a thread was asked to do. */
type Ask =
  | Omit<Extract<ToThread, { kind: 'activateInput' }>, 'requestId'>
  | Omit<Extract<ToThread, { kind: 'testSource' }>, 'requestId'>

interface PendingRequest {
  resolve(): void
  reject(error: Error): void
}

class RunningSupervisor implements Supervisor {
  readonly #options: SupervisorOptions
  readonly #mediaPort: number
  readonly #workers: number
  readonly #connectionCounts: SharedArrayBuffer
  readonly #publisherCounts: SharedArrayBuffer
  readonly #threads = new Map<PeerName, WorkerThread>()
  readonly #streams = new Map<string, RegisteredStream>()
  /** Newest report of each media worker. */
  readonly #reports = new Map<PeerName, { readonly statuses: readonly OwnerStatus[]; readonly viewers: ViewerReport }>()
  readonly #eventListeners = new Set<(event: MirrorEvent) => void>()
  readonly #statusListeners = new Set<(statuses: readonly LiveStatus[]) => void>()
  readonly #latencyListeners = new Set<(observation: LatencyObservation) => void>()
  readonly #runningTestSources = new Set<string>()
  readonly #requests = new Map<number, PendingRequest>()
  readonly #problems = new Map<string, { readonly code: ErrorCode; readonly message: string }>()
  readonly #inputs = new Map<string, Map<string, ConfiguredInputStatus>>()
  readonly #connections = new ConnectionWatch()
  readonly #stop = new AbortController()
  readonly #deaths: number[] = []
  readonly #archive = new ArchiveClient(
    (requestId, request) => this.#threads.get('archive')?.post({ kind: 'archive', requestId, request }),
    (requestId) => this.#threads.get('archive')?.post({ kind: 'archiveCancel', requestId }),
  )
  #served: ServedCounts = { memory: 0, spool: 0, store: 0, cache: 0 }
  #dvr: DvrReport | null = null
  readonly #syncs = new Map<number, { readonly waitingFor: Set<PeerName>; done(): void }>()
  #nextRequestId = 1
  #incarnation = Math.floor(Math.random() * 2 ** 8) + 1
  #rtmpPort: number | null = null
  #srtPort: number | null = null
  #isStopping = false

  constructor(options: SupervisorOptions, mediaPort: number) {
    this.#options = options
    this.#mediaPort = mediaPort
    this.#workers = options.mediaWorkers ?? availableParallelism()
    this.#connectionCounts = SharedConnectionCounts.allocate(this.#workers)
    this.#publisherCounts = SharedConnectionCounts.allocate(this.#workers + 1)
    for (const stream of options.streams) this.#streams.set(stream.id, stream)
  }

  get ports() {
    return { media: this.#mediaPort, rtmp: this.#rtmpPort, srt: this.#srtPort }
  }

  async start(): Promise<void> {
    const names: PeerName[] = ['ingest', 'archive', ...Array.from({ length: this.#workers }, (_, index) => index)]
    await Promise.all(names.map((name) => this.#startThread(name)))
  }

  register(stream: RegisteredStream): void {
    this.#streams.set(stream.id, stream)
    for (const thread of this.#threads.values()) thread.post({ kind: 'register', stream })
  }

  unregister(streamId: string): void {
    this.#streams.delete(streamId)
    this.#inputs.delete(streamId)
    this.#runningTestSources.delete(streamId)
    for (const thread of this.#threads.values()) thread.post({ kind: 'unregister', streamId })
  }

  restart(streamId: string): void {
    // The ingest thread first: it has to know that the end of a test source is to be followed by a new one.
    this.#threads.get('ingest')?.post({ kind: 'restart', streamId })
    this.#threads.get(ownerOf(streamId, this.#workers))?.post({ kind: 'restart', streamId })
  }

  restartInput(streamId: string, inputId: string): void {
    this.#threads.get('ingest')?.post({ kind: 'restartInput', streamId, inputId })
  }

  configuredInputs(streamId: string): readonly ConfiguredInputStatus[] {
    return [...(this.#inputs.get(streamId)?.values() ?? [])]
  }

  async startTestSource(streamId: string): Promise<void> {
    const what = { kind: 'testSource', streamId, action: 'start' } as const
    await this.#request('ingest', streamId, 'test_source_failed', what)
    this.#runningTestSources.add(streamId)
  }

  stopTestSource(streamId: string): Promise<void> {
    this.#runningTestSources.delete(streamId)
    return this.#request('ingest', streamId, 'test_source_failed', { kind: 'testSource', streamId, action: 'stop' })
  }

  activateInput(streamId: string, inputId: string): Promise<void> {
    const owner = ownerOf(streamId, this.#workers)
    return this.#request(owner, streamId, 'origin_unavailable', { kind: 'activateInput', streamId, inputId })
  }

  status(streamId: string): LiveStatus | null {
    const stream = this.#streams.get(streamId)
    return stream === undefined ? null : this.#statusOf(stream)
  }

  statuses(): readonly LiveStatus[] {
    return [...this.#streams.values()].map((stream) => this.#statusOf(stream))
  }

  dvr(): DvrReport | null {
    return this.#dvr
  }

  served(): ServedCounts {
    return this.#served
  }

  async synced(): Promise<void> {
    const requestId = this.#nextRequestId++
    const late = Promise.withResolvers<void>()
    const wait = afterRunning(SYNC_TIMEOUT_MS, late.resolve)
    this.#syncs.set(requestId, { waitingFor: new Set(this.#threads.keys()), done: late.resolve })
    for (const thread of this.#threads.values()) thread.post({ kind: 'sync', requestId })
    await late.promise
    wait.cancel()
    this.#syncs.delete(requestId)
  }

  askArchive(request: ArchiveRequest): Promise<ArchiveAnswer> {
    return this.#archive.ask(request)
  }

  connections() {
    return this.#connections.status()
  }

  onEvent(listener: (event: MirrorEvent) => void): () => void {
    this.#eventListeners.add(listener)
    return () => this.#eventListeners.delete(listener)
  }

  onStatus(listener: (statuses: readonly LiveStatus[]) => void): () => void {
    this.#statusListeners.add(listener)
    return () => this.#statusListeners.delete(listener)
  }

  onLatency(listener: (observation: LatencyObservation) => void): () => void {
    this.#latencyListeners.add(listener)
    return () => this.#latencyListeners.delete(listener)
  }

  health() {
    return { ready: this.#threads.size === this.#workers + 2, problems: [...this.#problems.values()] }
  }

  async killThread(name: PeerName): Promise<void> {
    await this.#threads.get(name)?.kill()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true
    this.#stop.abort(new MirrorError('origin_unavailable', 'Mirror is shutting down'))
    // The ingest thread first: encoders are told before the threads that their media goes to are gone.
    await this.#threads.get('ingest')?.stop()
    const workers = [...this.#threads].filter(([name]) => typeof name === 'number')
    await Promise.all(workers.map(([, thread]) => thread.stop()))
    // Last: what was published is recorded, and what is being watched is read to its end.
    await this.#threads.get('archive')?.stop()
    this.#threads.clear()
    for (const pending of this.#requests.values())
      pending.reject(new MirrorError('origin_unavailable', 'Mirror is shutting down'))
    this.#requests.clear()
  }

  async #startThread(name: PeerName, isReplacement = false): Promise<void> {
    const thread = new WorkerThread({
      ...this.#kindOf(name, isReplacement),
      onMessage: (message) => this.#onMessage(name, message),
      onDeath: (cause) => this.#onDeath(name, cause),
    })
    const previous = this.#threads.get(name)
    this.#threads.set(name, thread)
    if (previous === undefined || previous !== thread) this.#introduce(name, thread)
    const ready = await thread.ready()
    if (name === 'ingest') {
      this.#rtmpPort = ready.rtmpPort ?? null
      this.#srtPort = ready.srtPort ?? null
      for (const streamId of this.#runningTestSources) this.#reviveTestSource(streamId)
    }
  }

  /** An encoder reconnects by itself; a test source has nobody else to start it again. */
  #reviveTestSource(streamId: string): void {
    this.startTestSource(streamId).catch((error: unknown) =>
      this.#options.log.warn('a test source did not come back', { streamId, cause: toMirrorError(error).message }),
    )
  }

  #kindOf(name: PeerName, isReplacement: boolean): Pick<WorkerThreadOptions, 'file' | 'data'> {
    if (name === 'ingest') return { file: threadFile('ingest-thread'), data: this.#ingestData(isReplacement) }
    if (name === 'archive') {
      return { file: threadFile('archive-thread'), data: { ...this.#common(isReplacement), ...this.#options.dvr } }
    }
    return { file: threadFile('media-worker'), data: this.#mediaData(name, isReplacement) }
  }

  /** Gives the new thread a port to every other one. */
  #introduce(name: PeerName, thread: WorkerThread): void {
    for (const [other, otherThread] of this.#threads) {
      if (other === name) continue
      const { port1, port2 } = new MessageChannel()
      thread.post({ kind: 'peer', name: other, port: port1 })
      otherThread.post({ kind: 'peer', name, port: port2 })
    }
  }

  #onMessage(name: PeerName, message: FromThread): void {
    switch (message.kind) {
      case 'event':
        this.#emit(message.event)
        break
      case 'expired':
        this.#options.onExpired(message.deleted)
        break
      case 'archived':
        this.#options.onArchived?.(message.key)
        break
      case 'log':
        this.#options.log.child(message.area)[message.level](message.message, message.facts)
        break
      case 'report':
        this.#onReport(name, message)
        break
      case 'problem':
        if (message.message === null) this.#problems.delete(message.subject)
        else this.#problems.set(message.subject, { code: message.code, message: message.message })
        break
      case 'testSourceEnded':
        this.#runningTestSources.delete(message.streamId)
        break
      case 'slateWish':
        this.#onSlateWish(name, message.wish)
        break
      case 'done':
        this.#onDone(message)
        break
      case 'inputStatus':
        this.#onInputStatus(message)
        break
      case 'dvrReport':
        this.#dvr = message.report
        break
      case 'synced': {
        const sync = this.#syncs.get(message.requestId)
        sync?.waitingFor.delete(name)
        if (sync?.waitingFor.size === 0) sync.done()
        break
      }
      case 'archiveAnswer':
        this.#archive.onAnswer(message.requestId, message.answer)
        break
      case 'ready':
      case 'failed':
      case 'drained':
        break
      default:
        message satisfies never
    }
  }

  #onInputStatus({ streamId, inputId, status }: Extract<FromThread, { kind: 'inputStatus' }>): void {
    // A last word about a stream that was deleted meanwhile is not kept.
    if (!this.#streams.has(streamId)) return
    const known = this.#inputs.get(streamId) ?? new Map<string, ConfiguredInputStatus>()
    if (status === null) known.delete(inputId)
    else known.set(inputId, status)
    this.#inputs.set(streamId, known)
  }

  #onReport(name: PeerName, report: Extract<FromThread, { kind: 'report' }>): void {
    const { statuses, latencies, viewers, connections, served } = report
    this.#reports.set(name, { statuses, viewers })
    const { memory, spool, store, cache } = this.#served
    this.#served = {
      memory: memory + served.memory,
      spool: spool + served.spool,
      store: store + served.store,
      cache: cache + served.cache,
    }
    for (const event of this.#connections.note(name, connections, this.#options.now())) this.#emit(event)
    for (const observation of latencies) for (const listener of this.#latencyListeners) listener(observation)
    const changed = statuses.flatMap(({ id }) => this.status(id) ?? [])
    if (changed.length > 0) for (const listener of this.#statusListeners) listener(changed)
  }

  #onDeath(name: PeerName, cause: Error): void {
    if (this.#isStopping) return
    this.#threads.delete(name)
    this.#reports.delete(name)
    this.#connections.forget(name)
    if (name === 'ingest') this.#inputs.clear()
    if (name === 'archive') this.#archive.onLost()
    this.#options.log.error('a media thread died and is being replaced', { thread: String(name), cause: cause.message })
    const nowMs = this.#options.now()
    this.#emitSystem('worker_restarted', `A media thread (${name}) died and was replaced: ${cause.message}`, nowMs)
    this.#deaths.push(nowMs)
    while ((this.#deaths[0] ?? nowMs) < nowMs - RESTART_WINDOW_MS) this.#deaths.shift()
    const pauseMs = this.#deaths.length > RESTARTS_WITHOUT_PAUSE ? RESTART_PAUSE_MS * this.#deaths.length : 0
    setTimeout(() => {
      if (this.#isStopping) return
      this.#startThread(name, true).catch((error: unknown) => {
        this.#options.log.error('a media thread could not be replaced', { thread: String(name), cause: String(error) })
        // One that hangs instead of dying is ended, which starts the next attempt; a dead one is gone from the list.
        void this.#threads.get(name)?.kill()
      })
    }, pauseMs)
  }

  #emit(event: MirrorEvent): void {
    for (const listener of this.#eventListeners) listener(event)
  }

  #emitSystem(code: 'worker_restarted', message: string, atMs: number): void {
    this.#emit({ type: 'system.error', severity: 'error', streamId: null, atMs, code, message, details: {} })
  }

  /** Rejects with what the thread answers, or with `onTimeout`. */
  #request(name: PeerName, streamId: string, onTimeout: ErrorCode, what: Ask): Promise<void> {
    if (!this.#streams.has(streamId)) {
      return Promise.reject(new MirrorError('stream_not_found', `there is no stream ${streamId}`))
    }
    const requestId = this.#nextRequestId++
    return new Promise((resolve, reject) => {
      const settle = (done: () => void) => {
        clearTimeout(timer)
        this.#requests.delete(requestId)
        done()
      }
      const timer = setTimeout(
        () => settle(() => reject(new MirrorError(onTimeout, `${what.kind} was not answered within 10 s`))),
        REQUEST_TIMEOUT_MS,
      )
      this.#requests.set(requestId, {
        resolve: () => settle(resolve),
        reject: (error) => settle(() => reject(error)),
      })
      this.#threads.get(name)?.post({ ...what, requestId })
    })
  }

  #onSlateWish(name: PeerName, { streamId, key, source, profile }: SlateWish): void {
    const stream = this.#streams.get(streamId)
    if (stream === undefined) return
    const answer = (bytes: Uint8Array | null, problem: string | null) =>
      this.#threads.get(name)?.post({ kind: 'slate', answer: { streamId, key, bytes, problem } })
    this.#options.slates
      .prepare(stream, source, profile, this.#stop.signal)
      .then((bytes) => answer(bytes, null))
      .catch((error: unknown) => {
        if (!this.#stop.signal.aborted) answer(null, toMirrorError(error).message)
      })
  }

  #onDone({ requestId, code, message }: Extract<FromThread, { kind: 'done' }>): void {
    const pending = this.#requests.get(requestId)
    if (code === null) pending?.resolve()
    else pending?.reject(new MirrorError(code, message))
  }

  #statusOf(stream: RegisteredStream): LiveStatus {
    const report = this.#reports.get(ownerOf(stream.id, this.#workers))
    const status = report?.statuses.find(({ id }) => id === stream.id) ?? offlineStatus(stream.id)
    const sessions = new Set<string>()
    const perTrack = new Map<string, Set<string>>()
    for (const { viewers } of this.#reports.values()) {
      for (const [session, track] of viewers.find(({ streamId }) => streamId === stream.id)?.sessions ?? []) {
        sessions.add(session)
        perTrack.set(track, (perTrack.get(track) ?? new Set()).add(session))
      }
    }
    const tracks = status.tracks.map((track) => ({ ...track, viewers: perTrack.get(track.id)?.size ?? 0 }))
    return { ...status, tracks, viewers: sessions.size }
  }

  #common(isReplacement: boolean): CommonThreadData {
    return {
      mediaWorkers: this.#workers,
      registry: [...this.#streams.values()],
      keySecret: this.#options.keySecret,
      maxPublishers: this.#options.maxPublishers,
      publisherCounts: this.#publisherCounts,
      trustedAddresses: this.#options.trustedAddresses,
      incarnation: this.#incarnation++,
      isReplacement,
    }
  }

  #mediaData(index: number, isReplacement: boolean): MediaWorkerData {
    const { host, tls, timeline, dvr, watchDir, windowMaxBytes, maxFragmentBytes, inputIdleMs } = this.#options
    const { maxConnections, maxConnectionsPerAddress } = this.#options
    return {
      ...this.#common(isReplacement),
      index,
      host,
      port: this.#mediaPort,
      tls,
      timeline,
      store: dvr.store,
      playbackKey: this.#options.playbackKey,
      watchDir,
      restoresOnPlay: this.#options.onArchived !== null,
      maxFragmentBytes,
      inputIdleMs,
      windowMaxBytes: Math.floor(windowMaxBytes / this.#workers),
      maxConnections,
      maxConnectionsPerAddress,
      connectionCounts: this.#connectionCounts,
    }
  }

  #ingestData(isReplacement: boolean): IngestThreadData {
    const { host, rtmpPort, srt, ffmpegPath, maxIngestConnectionsPerAddress } = this.#options
    return {
      ...this.#common(isReplacement),
      host,
      ffmpegPath,
      maxConnectionsPerAddress: maxIngestConnectionsPerAddress,
      // A replacement listens where its predecessor did, also when the system had chosen the port.
      rtmpPort: this.#rtmpPort ?? rtmpPort,
      srt: srt === null ? null : { ...srt, port: this.#srtPort ?? srt.port },
    }
  }
}

function offlineStatus(id: string): OwnerStatus {
  return {
    id,
    status: 'offline',
    startedAtMs: null,
    input: null,
    inputs: [],
    tracks: [],
    bitrateBps: 0,
    fps: 0,
    packagingMs: null,
    latencyMs: null,
    discontinuitySequence: 0,
    newestMsn: null,
    keyframeIntervalSec: null,
    advice: [],
    drops: {},
    repairs: {},
    switches: {},
    slate: null,
  }
}
