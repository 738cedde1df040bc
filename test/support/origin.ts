// An origin server in the test's own process, with one stream on its shelf that nobody publishes.
import { createServer } from 'node:net'
import { LocalConnectionCounts } from '../../src/core/connection-counts.ts'
import { ConnectionGuard, type ConnectionLimits } from '../../src/core/connection-guard.ts'
import { createSignedLinks } from '../../src/core/signed-link.ts'
import { ArchiveClient } from '../../src/dvr/archive-client.ts'
import type { InputGate } from '../../src/live/ingest/protocol.ts'
import { FruitlessLimit } from '../../src/live/origin/fruitless-limit.ts'
import { startOriginServer } from '../../src/live/origin/origin-server.ts'
import { HoldLimit } from '../../src/live/origin/playback-routes.ts'
import { Shelf } from '../../src/live/origin/shelf.ts'
import { ViewerCounter } from '../../src/live/origin/viewer-counter.ts'
import { createMemoryStore } from '../../src/storage/memory-store.ts'
import type { SelfSigned } from './self-signed.ts'

const NO_PUBLISHERS: InputGate = {
  authorise: () => ({ ok: false, fault: { code: 'stream_not_found', message: 'nobody publishes here' } }),
  open: () => Promise.reject(new Error('nobody publishes here')),
}

export interface Origin extends AsyncDisposable {
  readonly port: number
  readonly guard: ConnectionGuard
  readonly shelf: Shelf
  /** Slabs that no request holds any more. */
  readonly released: number[]
}

export const STREAM_ID = 'cam1'
/** Media of this size lies on the shelf as 1.m4s of v0, all of it zeros. */
export const MEDIA_BYTES = 8 * 1024 * 1024

export async function openOrigin(
  limits: Partial<ConnectionLimits> = {},
  tls: SelfSigned | null = null,
  /** For the idle time of connections, and for guesses that come back with time. */
  nowMs: () => number = () => performance.now(),
): Promise<Origin> {
  const port = await freePort()
  const released: number[] = []
  const shelf = new Shelf((slabId) => released.push(slabId))
  shelf.apply({ kind: 'slab', streamId: STREAM_ID, slabId: 1, memory: new SharedArrayBuffer(MEDIA_BYTES) })
  const slices = [{ slabId: 1, offset: 0, length: MEDIA_BYTES }]
  shelf.apply({ kind: 'media', streamId: STREAM_ID, trackId: 'v0', name: '1.m4s', slices })
  shelf.apply({ kind: 'phase', streamId: STREAM_ID, phase: 'live' })
  const guard = new ConnectionGuard(
    { connections: 10_000, connectionsPerAddress: 10_000, isTrusted: () => false, ...limits },
    new LocalConnectionCounts(),
    nowMs,
  )
  const archive = new ArchiveClient(
    (id) => archive.onAnswer(id, { kind: 'missing' }),
    () => {},
  )
  const server = await startOriginServer({
    host: '127.0.0.1',
    port,
    tls,
    guard,
    fruitless: new FruitlessLimit({ isTrusted: limits.isTrusted ?? (() => false), nowMs }),
    holds: new HoldLimit(100),
    viewers: new ViewerCounter(new Uint8Array(32)),
    watch: { answerPage: (_, response) => void response.end(), answerAsset: (_, response) => void response.end() },
    gate: NO_PUBLISHERS,
    onRefused: () => {},
    idleTimeoutMs: 10_000,
    shelf: (streamId) => (streamId === STREAM_ID ? shelf : null),
    archive: {
      archive,
      store: async () => createMemoryStore({ nowMs: Date.now }),
      now: Date.now,
      onServed: () => {},
      onArchived: null,
    },
    playback: createSignedLinks(new Uint8Array(32)),
    now: () => Date.now(),
  })
  return { port, guard, shelf, released, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

/** reusePort needs a port by name. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
