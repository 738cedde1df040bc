// The RTMP listener: one port for all streams.
import { randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { type AddressSet, plainAddress } from '../../../core/address-set.ts'
import { LocalConnectionCounts } from '../../../core/connection-counts.ts'
import { ConnectionGuard, type ConnectionRefusal } from '../../../core/connection-guard.ts'
import { MirrorError } from '../../../core/errors.ts'
import type { Log } from '../../../core/log.ts'
import type { InputFault, InputGate } from '../protocol.ts'
import { type ConnectionTimeouts, RtmpConnection } from './connection.ts'

export interface RtmpLimits extends ConnectionTimeouts {
  /** Beyond it, connections that have not published yet give way. */
  readonly maxConnections: number
  /** A studio behind one address has several encoders; a loop of reconnects has hundreds. */
  readonly maxConnectionsPerAddress: number
  readonly isTrusted: AddressSet
}

export const DEFAULT_RTMP_LIMITS: RtmpLimits = {
  handshakeMs: 5_000,
  publishMs: 10_000,
  pingAfterMs: 15_000,
  idleMs: 30_000,
  maxConnections: 500,
  maxConnectionsPerAddress: 20,
  isTrusted: () => false,
}

export interface RtmpRefusal {
  readonly remoteAddress: string
  readonly fault: InputFault
}

export interface RtmpServerOptions {
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
  readonly gate: InputGate
  readonly log: Log
  readonly limits?: Partial<RtmpLimits>
  /** A connection that failed before it published, for reasons that the gate does not know and has not reported. */
  readonly onRefused?: (refusal: RtmpRefusal) => void
  /** Monotonic milliseconds. */
  readonly now?: () => number
}

export interface RtmpServer extends AsyncDisposable {
  readonly port: number
  readonly connections: number
}

/** A port scan must not flood the event feed: more refusals than this in a second are only counted. */
const MAX_REPORTS_PER_SECOND = 20

export async function startRtmpServer(options: RtmpServerOptions): Promise<RtmpServer> {
  const { gate, log } = options
  const limits: RtmpLimits = { ...DEFAULT_RTMP_LIMITS, ...options.limits }
  const now = options.now ?? (() => performance.now())
  const connections = new Map<RtmpConnection, Promise<void>>()
  const guard = new ConnectionGuard(
    {
      connections: limits.maxConnections,
      connectionsPerAddress: limits.maxConnectionsPerAddress,
      isTrusted: limits.isTrusted,
    },
    new LocalConnectionCounts(),
    now,
  )
  const report = limitRate(now, log, (refusal) => {
    const { code, message } = refusal.fault
    log.info('RTMP connection refused', { remoteAddress: refusal.remoteAddress, code, reason: message })
    options.onRefused?.(refusal)
  })

  const accept = (socket: Socket): void => {
    const remoteAddress = plainAddress(socket.remoteAddress ?? '')
    const place = guard.admit(socket, remoteAddress)
    if (typeof place === 'string') {
      socket.on('error', () => {}) // It is being destroyed; there is nothing left to go wrong.
      socket.destroy()
      report({ remoteAddress, fault: { code: place, message: excessMessage(place, limits) } })
      return
    }
    let markGone = (): void => {}
    const gone = new Promise<void>((resolve) => {
      markGone = resolve
    })
    const connection = new RtmpConnection(socket, remoteAddress, {
      gate,
      log,
      timeouts: limits,
      now,
      random: randomFillSync,
      refused: (fault) => report({ remoteAddress, fault }),
      published: () => place.begin(),
      unpublished: () => place.end(),
      closed: () => {
        connections.delete(connection)
        place.leave()
        markGone()
      },
    })
    connections.set(connection, gone)
  }

  const server = createServer(accept)
  server.listen(options.port, options.host)
  try {
    await once(server, 'listening')
  } catch (error) {
    throw listenError(error, options)
  }
  server.on('error', (error) => log.error('RTMP listener failed', { reason: error.message }))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : options.port

  return {
    port,
    get connections() {
      return connections.size
    },
    async [Symbol.asyncDispose]() {
      const stopped = server.listening ? once(server, 'close') : Promise.resolve()
      server.close()
      const gone = [...connections.values()]
      for (const connection of connections.keys()) connection.shutDown()
      await Promise.all(gone)
      await stopped
    },
  }
}

function excessMessage(refusal: ConnectionRefusal, limits: RtmpLimits): string {
  return refusal === 'connections_full'
    ? `There are ${limits.maxConnections} RTMP connections already.`
    : `There are ${limits.maxConnectionsPerAddress} RTMP connections from this address already (ingest.maxConnectionsPerAddress).`
}

function limitRate(
  now: () => number,
  log: Log,
  report: (refusal: RtmpRefusal) => void,
): (refusal: RtmpRefusal) => void {
  let secondBeganMs = Number.NEGATIVE_INFINITY
  let reported = 0
  let suppressed = 0
  return (refusal) => {
    const nowMs = now()
    if (nowMs - secondBeganMs >= 1000) {
      if (suppressed > 0) log.warn('RTMP refusals were not reported one by one', { suppressed })
      secondBeganMs = nowMs
      reported = 0
      suppressed = 0
    }
    if (reported < MAX_REPORTS_PER_SECOND) {
      reported += 1
      report(refusal)
    } else {
      suppressed += 1
    }
  }
}

function listenError(error: unknown, { host, port }: RtmpServerOptions): MirrorError {
  const code = error instanceof Error && 'code' in error ? error.code : ''
  if (code === 'EADDRINUSE') {
    const message = `The RTMP port ${port} on ${host} is already in use; MIRROR_RTMP_PORT chooses another.`
    return new MirrorError('port_taken', message, { cause: error })
  }
  return new MirrorError('config_invalid', `RTMP cannot listen on ${host}:${port}: ${describe(error)}.`, {
    cause: error,
  })
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
