// A media plane without media: it remembers what it was told and lets a test say what happened.

import { MirrorError } from '../../src/core/errors.ts'
import type { ArchiveAnswer } from '../../src/dvr/archive-requests.ts'
import type { LatencyObservation, LiveControl, LiveStatus, RegisteredStream } from '../../src/live/control.ts'
import type { MirrorEvent } from '../../src/live/events.ts'

export interface FakeLive extends LiveControl {
  readonly registered: ReadonlyMap<string, RegisteredStream>
  readonly restarted: readonly string[]
  /** Whether every change of the registry was waited for. */
  readonly isSynced: boolean
  setHealth(health: ReturnType<LiveControl['health']>): void
  /** Changes what is known of a registered stream and tells listeners. */
  setStatus(id: string, change: Partial<LiveStatus>): void
  emit(event: MirrorEvent): void
  /** What the archive says from now on. */
  setArchive(answer: ArchiveAnswer): void
  observe(observation: LatencyObservation): void
}

export function createFakeLive(): FakeLive {
  const registered = new Map<string, RegisteredStream>()
  const statuses = new Map<string, LiveStatus>()
  const restarted: string[] = []
  const onEvent = new Set<(event: MirrorEvent) => void>()
  const onStatus = new Set<(statuses: readonly LiveStatus[]) => void>()
  const onLatency = new Set<(observation: LatencyObservation) => void>()
  let archive: ArchiveAnswer = { kind: 'missing' }
  let isSynced = true
  let health: ReturnType<LiveControl['health']> = { ready: true, problems: [] }

  function setStatus(id: string, change: Partial<LiveStatus>): void {
    const before = statuses.get(id)
    if (before === undefined) throw new MirrorError('stream_not_found', `no stream ${id}`)
    statuses.set(id, { ...before, ...change })
    for (const listener of onStatus) listener([...statuses.values()])
  }

  return {
    registered,
    restarted,
    get isSynced() {
      return isSynced
    },
    setStatus,
    setHealth(next) {
      health = next
    },
    emit(event) {
      for (const listener of onEvent) listener(event)
    },
    observe(observation) {
      for (const listener of onLatency) listener(observation)
    },
    register(stream) {
      registered.set(stream.id, stream)
      isSynced = false
      if (!statuses.has(stream.id)) statuses.set(stream.id, offline(stream.id))
    },
    unregister(id) {
      registered.delete(id)
      isSynced = false
      statuses.delete(id)
    },
    restart(id) {
      restarted.push(id)
    },
    restartInput() {},
    connections: () => ({ open: 0, evicted: 0, refused: { connections_full: 0, connections_per_address: 0 } }),
    async activateInput(id, inputId) {
      if (statuses.get(id)?.inputs.some((input) => input.id === inputId)) return
      throw new MirrorError('input_not_ready', `input ${inputId} of ${id} is not connected`)
    },
    dvr: () => null,
    served: () => ({ memory: 0, spool: 0, store: 0, cache: 0 }),
    synced: async () => {
      isSynced = true
    },
    askArchive: async () => archive,
    setArchive(answer) {
      archive = answer
    },
    configuredInputs: () => [],
    async startTestSource(id) {
      if (!registered.has(id)) throw new MirrorError('stream_not_found', `no stream ${id}`)
      if (statuses.get(id)?.input !== null) throw new MirrorError('stream_busy', `stream ${id} is busy`)
      const network = { rttMs: null, packetsLost: null, packetsRetransmitted: null, packetsDropped: null }
      const input = { protocol: 'test', connectedAtMs: 1_000, receivedBytes: 0, ...network } as const
      const health = {
        health: 'healthy',
        healthySinceMs: 1_000,
        bitrateBps: 0,
        isSameFeed: null,
        isPinned: false,
      } as const
      const inputs = [{ ...input, ...health, id: 'test-1', isConfigured: false, role: 'active' }] as const
      setStatus(id, { status: 'live', startedAtMs: 1_000, input, inputs })
    },
    async stopTestSource(id) {
      setStatus(id, { status: 'ended', input: null, inputs: [] })
    },
    status: (id) => statuses.get(id) ?? null,
    statuses: () => [...statuses.values()],
    onEvent: (listener) => subscribe(onEvent, listener),
    onStatus: (listener) => subscribe(onStatus, listener),
    onLatency: (listener) => subscribe(onLatency, listener),
    health: () => health,
    async [Symbol.asyncDispose]() {},
  }
}

function subscribe<Listener>(listeners: Set<Listener>, listener: Listener): () => void {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

function offline(id: string): LiveStatus {
  return {
    id,
    status: 'offline',
    startedAtMs: null,
    input: null,
    inputs: [],
    tracks: [],
    bitrateBps: 0,
    fps: 0,
    viewers: 0,
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
