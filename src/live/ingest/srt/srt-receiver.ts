import { addressKey } from '../../../core/address-key.ts'
import { type AddressSet, parseAddressSet } from '../../../core/address-set.ts'
import type { InputFault } from '../protocol.ts'
import { admitSrtCaller, SRT_REJX, type SrtRegistryEntry } from './admission.ts'
import type {
  FromSrtChild,
  SrtChildSettings,
  SrtConnectionEnded,
  SrtConnectionOpened,
  ToSrtChild,
} from './child-protocol.ts'
import { encodeJsonFrame, FRAME_HEADER_BYTES, writeFrameHeader } from './frames.ts'
import { type LibSrt, SRTO, SRTT_LIVE, type SrtHookAnswer, type SrtReadiness } from './libsrt.ts'
import { encodeSocketAddress } from './socket-address.ts'

/** 75 Mbit/s, in bytes per second as SRTO_MAXBW wants it. */
const MAX_BANDWIDTH_BYTES_PER_SEC = 9_375_000
const FLOW_WINDOW_PACKETS = 32_768
const PAYLOAD_BYTES = 1316
/** How far a packet may be overtaken before it is asked for again; libsrt goes there only as far as packets do arrive late. */
const REORDER_TOLERANCE_PACKETS = 40
/** A packet of the largest payload of live mode, whatever the caller was told. */
const MAX_PACKET_BYTES = 1456
const UDP_RECEIVE_BUFFER_BYTES = 8 * 1024 * 1024
const PEER_IDLE_TIMEOUT_MS = 5_000
/** Callers between handshake and accept. */
const BACKLOG = 128
/** Bytes of one connection that travel in one frame; also what one connection may take before the others get their turn. */
const BATCH_BYTES = 64 * 1024
/**
 * Between two rounds of reading. Packets of that time are taken together, which costs this much latency and saves the
 * thread switch per packet (4,700 packets/s at 50 Mbit/s).
 */
const ROUND_MS = 4
const IDLE_WAIT_MS = 200
/** Undelivered bytes on the pipe to the parent beyond which nothing is read; libsrt's receive buffers hold the rest. */
const MAX_PIPE_BYTES = 4 * 1024 * 1024
/** A connection's last packets become readable up to its latency after its end; this is for the timers' coarseness. */
const LATENCY_MARGIN_MS = 50
/** What a publisher left behind is kept for a paused reader for at most this long. */
const MAX_PAUSED_AFTER_END_MS = 10_000
const STATS_INTERVAL_MS = 1_000
/**
 * An admitted caller that still waits when it is looked at this often, once a second, failed in the key exchange: libsrt
 * refuses it after the hook, without telling. Not by the clock: after a stand-still libsrt has yet to go on.
 */
const KEY_EXCHANGE_LOOKS = 2
const MAX_REFUSAL_REPORTS_PER_SEC = 20

/** The pipe to the parent. */
export interface FrameSink {
  write(bytes: Uint8Array): void
  readonly pendingBytes: number
  /** Resolves when pendingBytes has become 0. */
  drained(): Promise<void>
}

/** By then the registry knows whether its stream takes a caller in: it may have fallen silent since. */
const KNOWN_WITHIN_MS = 2000

interface Connection {
  readonly id: number
  readonly socket: number
  readonly streamId: string
  readonly remoteAddress: string
  /** What was agreed with the peer: the larger of both wishes. */
  readonly latencyMs: number
  /** The parent wants its data. */
  isReading: boolean
  readonly acceptedAtMs: number
  lastDataAtMs: number
  packetsRetransmitted: number
  /** When the peer was seen to be gone; what libsrt holds back for the latency is still read. */
  brokenAtMs: number | null
}

interface AdmittedCaller {
  readonly streamId: string
  readonly remoteAddress: string
  /** How often it was found waiting. */
  looks: number
}

export interface SrtReceiverPorts {
  readonly srt: LibSrt
  readonly sink: FrameSink
  readonly report: (message: FromSrtChild) => void
  /** Monotonic milliseconds. */
  readonly nowMs: () => number
  readonly sleep: (ms: number) => Promise<void>
}

/** The listener's life inside the child process: admits, accepts, reads, reports. */
export class SrtReceiver {
  readonly #ports: SrtReceiverPorts
  readonly #settings: SrtChildSettings
  readonly #keySecret: Uint8Array
  readonly #isTrusted: AddressSet
  readonly #listener: number
  readonly #poll: number
  readonly #connections = new Map<number, Connection>()
  readonly #bySocket = new Map<number, Connection>()
  /** By the socket that the hook was shown, which becomes the accepted socket. */
  readonly #admitted = new Map<number, AdmittedCaller>()
  #registry: ReadonlyMap<string, SrtRegistryEntry> = new Map()
  #otherPublishers = 0
  #nextConnectionId = 1
  #isStopped = false
  #statsDueAtMs = 0
  #refusalsThisSecond = 0
  #refusalsUnreported = 0
  #batch: Uint8Array = new Uint8Array(FRAME_HEADER_BYTES + BATCH_BYTES + MAX_PACKET_BYTES)

  /** Binds and listens. Throws `port_taken`. */
  constructor(settings: SrtChildSettings, address: string, ports: SrtReceiverPorts) {
    const { srt } = ports
    this.#ports = ports
    this.#settings = settings
    this.#keySecret = Buffer.from(settings.keySecretHex, 'hex')
    this.#isTrusted = parseAddressSet(settings.trustedAddresses) ?? (() => false)
    this.#listener = srt.createSocket()
    setListenerOptions(srt, this.#listener, settings, address)
    srt.bind(this.#listener, encodeSocketAddress(address, settings.port))
    srt.listen(this.#listener, BACKLOG, (socket, remote, streamId) => this.#admit(socket, remote, streamId))
    this.#poll = srt.createPoll()
    srt.watch(this.#poll, this.#listener, true)
  }

  get port(): number {
    return this.#ports.srt.boundPort(this.#listener)
  }

  handle(message: ToSrtChild): void {
    switch (message.kind) {
      case 'registry':
        this.#otherPublishers = message.otherPublishers
        this.#registry = new Map(message.streams.map((entry) => [entry.streamId, entry]))
        break
      case 'read':
        this.#setReading(message.connectionId, true)
        break
      case 'pause':
        this.#setReading(message.connectionId, false)
        break
      case 'close': {
        const connection = this.#connections.get(message.connectionId)
        if (connection !== undefined) this.#forget(connection)
        break
      }
      case 'stop':
      case 'start':
      case 'sync':
        break
      default:
        message satisfies never
    }
  }

  /** Reads until `stop`. */
  async run(): Promise<void> {
    const { srt, sink, sleep, nowMs } = this.#ports
    while (!this.#isStopped) {
      const hasLeaving = this.#readLeaving()
      const ready = await srt.waitReady(this.#poll, hasLeaving ? ROUND_MS : IDLE_WAIT_MS)
      if (this.#isStopped) break
      for (const readiness of ready) this.#serve(readiness)
      if (nowMs() >= this.#statsDueAtMs) this.#everySecond()
      if (sink.pendingBytes > MAX_PIPE_BYTES) await sink.drained()
      if (ready.length > 0) await sleep(ROUND_MS)
    }
  }

  /** Says goodbye to all publishers. The listener itself is closed by the process's end. */
  async stop(): Promise<void> {
    this.#isStopped = true
    const sockets = [...this.#bySocket.keys()]
    this.#bySocket.clear()
    this.#connections.clear()
    await Promise.all(sockets.map((socket) => this.#ports.srt.closeSlowly(socket)))
  }

  #admit(socket: number, remoteAddress: string, streamIdText: string): SrtHookAnswer {
    if (this.#isStopped) return { accept: false, rejectReason: SRT_REJX.INTERNAL }
    const admission = admitSrtCaller(streamIdText, {
      registry: this.#registry,
      keySecret: this.#keySecret,
      connections: this.#connections.size + this.#admitted.size + this.#otherPublishers,
      maxConnections: this.#settings.maxConnections,
      connectionsFromHere: this.#isTrusted(hostOf(remoteAddress)) ? 0 : this.#countFrom(remoteAddress),
      maxConnectionsPerAddress: this.#settings.maxConnectionsPerAddress,
      isConnecting: (streamId) => [...this.#admitted.values()].some((caller) => caller.streamId === streamId),
      isConnected: (streamId) =>
        [...this.#connections.values()].some(
          (one) => one.streamId === streamId && this.#ports.nowMs() - one.acceptedAtMs < KNOWN_WITHIN_MS,
        ),
    })
    if (!admission.ok) {
      this.#reportRefusal(remoteAddress, admission.streamId, admission.fault)
      return { accept: false, rejectReason: admission.rejectReason }
    }
    this.#admitted.set(socket, { streamId: admission.streamId, remoteAddress, looks: 0 })
    return { accept: true }
  }

  #countFrom(remoteAddress: string): number {
    const key = addressKey(hostOf(remoteAddress))
    const callers = [...this.#connections.values(), ...this.#admitted.values()]
    return callers.filter((caller) => addressKey(hostOf(caller.remoteAddress)) === key).length
  }

  #serve(readiness: SrtReadiness): void {
    const { srt, nowMs } = this.#ports
    if (readiness.socket === this.#listener) {
      this.#acceptAll()
      return
    }
    const connection = this.#bySocket.get(readiness.socket)
    if (connection === undefined) return
    const isAlive = connection.isReading ? this.#readBatch(connection) : !readiness.isBroken
    if (isAlive) return
    srt.unwatch(this.#poll, connection.socket)
    connection.brokenAtMs = nowMs()
  }

  #acceptAll(): void {
    const { srt, sink, nowMs } = this.#ports
    for (let accepted = srt.accept(this.#listener); accepted !== null; accepted = srt.accept(this.#listener)) {
      const { socket } = accepted
      const caller = this.#admitted.get(socket)
      this.#admitted.delete(socket)
      if (caller === undefined) {
        void srt.closeSlowly(socket)
        continue
      }
      const id = this.#nextConnectionId++
      const connection: Connection = {
        id,
        socket,
        streamId: caller.streamId,
        remoteAddress: caller.remoteAddress,
        latencyMs: srt.getInt(socket, SRTO.RCVLATENCY) ?? this.#settings.latencyMs,
        isReading: false,
        acceptedAtMs: nowMs(),
        lastDataAtMs: nowMs(),
        packetsRetransmitted: 0,
        brokenAtMs: null,
      }
      this.#connections.set(id, connection)
      this.#bySocket.set(socket, connection)
      srt.watch(this.#poll, socket, false)
      const opened: SrtConnectionOpened = { streamId: caller.streamId, remoteAddress: caller.remoteAddress }
      sink.write(encodeJsonFrame('opened', id, opened))
    }
  }

  /** Forwards what is ready, at most one batch. False when the peer is gone and nothing is ready. */
  #readBatch(connection: Connection): boolean {
    const { srt, sink, nowMs } = this.#ports
    const batch = this.#batch
    let end = FRAME_HEADER_BYTES
    let received: number | null = 0
    while (end < FRAME_HEADER_BYTES + BATCH_BYTES) {
      received = srt.receive(connection.socket, batch.subarray(end))
      if (received === null || received === 0) break
      end += received
    }
    const payloadBytes = end - FRAME_HEADER_BYTES
    if (payloadBytes === 0) return received !== null
    connection.lastDataAtMs = nowMs()
    writeFrameHeader(batch, 0, 'data', connection.id, payloadBytes)
    sink.write(batch.slice(0, end))
    return true
  }

  /** libsrt releases each packet at its time, also those that came before the peer left. True while somebody is leaving. */
  #readLeaving(): boolean {
    let hasLeaving = false
    for (const connection of this.#connections.values()) {
      if (connection.brokenAtMs === null) continue
      const leftForMs = this.#ports.nowMs() - connection.brokenAtMs
      const isOver = connection.isReading
        ? !this.#readBatch(connection) && leftForMs > connection.latencyMs + LATENCY_MARGIN_MS
        : leftForMs > MAX_PAUSED_AFTER_END_MS
      if (isOver) this.#end(connection)
      else hasLeaving = true
    }
    return hasLeaving
  }

  #end(connection: Connection): void {
    const silentMs = (connection.brokenAtMs ?? 0) - connection.lastDataAtMs
    // libsrt does not tell a goodbye from a timeout; a goodbye comes right behind the last data.
    const hasTimedOut = silentMs > PEER_IDLE_TIMEOUT_MS - 1_000
    const ended: SrtConnectionEnded = {
      fault: hasTimedOut
        ? { code: 'ingest_timeout', message: `The SRT publisher sent nothing for ${Math.round(silentMs / 1000)} s.` }
        : null,
    }
    this.#ports.sink.write(encodeJsonFrame('ended', connection.id, ended))
    this.#forget(connection)
  }

  #forget(connection: Connection): void {
    this.#ports.srt.unwatch(this.#poll, connection.socket)
    this.#connections.delete(connection.id)
    this.#bySocket.delete(connection.socket)
    void this.#ports.srt.closeSlowly(connection.socket)
  }

  #setReading(connectionId: number, isReading: boolean): void {
    const connection = this.#connections.get(connectionId)
    if (connection === undefined) return
    connection.isReading = isReading
    if (connection.brokenAtMs === null) this.#ports.srt.watch(this.#poll, connection.socket, isReading)
  }

  #everySecond(): void {
    const { srt, report, nowMs } = this.#ports
    this.#statsDueAtMs = nowMs() + STATS_INTERVAL_MS
    this.#refusalsThisSecond = 0
    if (this.#refusalsUnreported > 0) {
      report({ kind: 'refused_unreported', count: this.#refusalsUnreported })
      this.#refusalsUnreported = 0
    }
    for (const connection of this.#connections.values()) {
      const stats = srt.stats(connection.socket)
      if (stats === null) continue
      connection.packetsRetransmitted += stats.packetsRetransmitted
      report({
        kind: 'network',
        connectionId: connection.id,
        rttMs: stats.rttMs,
        packetsLost: stats.packetsLostTotal,
        packetsRetransmitted: connection.packetsRetransmitted,
        packetsDropped: stats.packetsDroppedTotal,
      })
    }
    for (const [socket, caller] of this.#admitted) {
      if (++caller.looks < KEY_EXCHANGE_LOOKS) continue
      this.#admitted.delete(socket)
      const message = `The SRT passphrase for stream "${caller.streamId}" is missing or wrong, or the caller gave up.`
      this.#reportRefusal(caller.remoteAddress, caller.streamId, { code: 'publish_key_wrong', message })
    }
  }

  #reportRefusal(remoteAddress: string, streamId: string | null, fault: InputFault): void {
    if (this.#refusalsThisSecond >= MAX_REFUSAL_REPORTS_PER_SEC) {
      this.#refusalsUnreported++
      return
    }
    this.#refusalsThisSecond++
    this.#ports.report({ kind: 'refused', remoteAddress, streamId, fault })
  }
}

/** `address:port` or `[address]:port` without the port. */
function hostOf(remoteAddress: string): string {
  return remoteAddress.slice(0, remoteAddress.lastIndexOf(':')).replace(/^\[|\]$/g, '')
}

function setListenerOptions(srt: LibSrt, listener: number, settings: SrtChildSettings, address: string): void {
  // Live mode first: it resets other options to its defaults. The receive buffer is bounded by the flow window.
  srt.setInt(listener, SRTO.TRANSTYPE, SRTT_LIVE)
  srt.setInt(listener, SRTO.RCVSYN, 0)
  srt.setInt(listener, SRTO.RCVLATENCY, settings.latencyMs)
  srt.setInt64(listener, SRTO.MAXBW, MAX_BANDWIDTH_BYTES_PER_SEC)
  srt.setInt(listener, SRTO.FC, FLOW_WINDOW_PACKETS)
  srt.setInt(listener, SRTO.RCVBUF, receiveBufferBytes(settings.latencyMs))
  srt.setInt(listener, SRTO.UDP_RCVBUF, UDP_RECEIVE_BUFFER_BYTES)
  srt.setInt(listener, SRTO.PAYLOADSIZE, PAYLOAD_BYTES)
  srt.setInt(listener, SRTO.PEERIDLETIMEO, PEER_IDLE_TIMEOUT_MS)
  srt.setInt(listener, SRTO.LOSSMAXTTL, REORDER_TOLERANCE_PACKETS)
  // Both families on one socket where the address is "::"; libsrt insists on being told.
  if (address.includes(':')) srt.setInt(listener, SRTO.IPV6ONLY, 0)
  if (settings.passphrase !== null) srt.setText(listener, SRTO.PASSPHRASE, settings.passphrase)
}

/** Holds the latency and one second more at the largest bandwidth; libsrt allocates it only as it fills. */
function receiveBufferBytes(latencyMs: number): number {
  const wanted = Math.ceil((MAX_BANDWIDTH_BYTES_PER_SEC * (latencyMs + 1_000)) / 1_000)
  return Math.min(wanted, FLOW_WINDOW_PACKETS * PAYLOAD_BYTES)
}
