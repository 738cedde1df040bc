// MPEG-TS over UDP and RTP (ISO/IEC 13818-1, RFC 3550, RFC 2250): a port per stream, for hardware encoders.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { isIP, isIPv6 } from 'node:net'
import { toMirrorError } from '../../../core/errors.ts'
import { parseRtpPacket } from '../../../media/rtp/rtp-packet.ts'
import { RtpReorder } from '../../../media/rtp/rtp-reorder.ts'
import type { DatagramInputConfig } from '../../settings.ts'
import { Backoff, type ConfiguredInputHost, type RunningInput } from '../configured-input.ts'
import { DatagramBatcher } from './datagram-batcher.ts'
import { DatagramSession } from './datagram-session.ts'
import { isTsPayload } from './ts-payload.ts'

/** About a second of 60 Mbit/s; the kernel may give less (net.core.rmem_max). */
const RECEIVE_BUFFER_BYTES = 8 * 1024 * 1024
export const SILENCE_MS = 3_000
const BIND_RETRY_MS = 10_000
const REFUSED_RETRY_MIN_MS = 1_000
const REFUSED_RETRY_MAX_MS = 10_000
/** Loss and overload are told at most this often. */
const REPORT_MS = 10_000

export interface UdpReceiverOptions {
  readonly config: DatagramInputConfig
  readonly host: ConfiguredInputHost
  /** Where to bind when the input names no address. */
  readonly defaultAddress: string
  readonly silenceMs?: number
}

/** Listens until it is disposed of; a port that is taken is tried again. */
export class UdpReceiver implements RunningInput {
  readonly #options: UdpReceiverOptions
  readonly #host: ConfiguredInputHost
  readonly #backoff: Backoff
  readonly #batcher = new DatagramBatcher((chunk) => this.#session?.write(chunk))
  readonly #reorder = new RtpReorder({
    onPayload: (payload) => this.#batcher.push(payload),
    onLost: (packets) => {
      this.#lostPackets += packets
    },
  })
  #socket: Socket | null = null
  #session: DatagramSession | null = null
  /** The only one that is listened to until it falls silent: two senders' packets in one stream are no stream. */
  #sender: string | null = null
  #lastDataAtMs = 0
  #silenceTimer: NodeJS.Timeout | null = null
  #bindTimer: NodeJS.Timeout | null = null
  readonly #reportTimer: NodeJS.Timeout
  #retryAtMs = 0
  #lostPackets = 0
  #hasToldTaken = false
  #status = ''
  #isDisposed = false

  constructor(options: UdpReceiverOptions) {
    this.#options = options
    this.#host = options.host
    this.#backoff = new Backoff(REFUSED_RETRY_MIN_MS, REFUSED_RETRY_MAX_MS, options.host.random)
    this.#reportTimer = setInterval(() => this.#reportLoss(), REPORT_MS)
    this.#setStatus('configured', null)
    this.#bind()
  }

  restart(): void {
    this.#closeSession()
    this.#backoff.reset()
    this.#retryAtMs = 0
    if (this.#socket === null) this.#bind()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    this.#closeSession()
    clearInterval(this.#reportTimer)
    if (this.#bindTimer !== null) clearTimeout(this.#bindTimer)
    this.#batcher[Symbol.dispose]()
    await closeSocket(this.#socket)
    this.#socket = null
  }

  #bind(): void {
    if (this.#bindTimer !== null) clearTimeout(this.#bindTimer)
    this.#bindTimer = null
    const { config, defaultAddress } = this.#options
    const address = config.address ?? defaultAddress
    const isGroup = isMulticast(address)
    const type = isIPv6(address) ? 'udp6' : 'udp4'
    // Without multicast a second listener on the port is a mistake that must be told.
    const socket = createSocket({ type, reuseAddr: isGroup, recvBufferSize: RECEIVE_BUFFER_BYTES })
    this.#socket = socket
    socket.on('message', (datagram, from) => this.#onDatagram(datagram, from))
    socket.on('error', (error) => this.#onSocketError(socket, error))
    socket.on('listening', () => {
      try {
        if (isGroup) socket.addMembership(address)
      } catch (error) {
        this.#onSocketError(socket, toMirrorError(error))
        return
      }
      this.#hasToldTaken = false
      this.#setStatus('configured', null)
    })
    socket.bind({ port: config.port, address, exclusive: true })
  }

  #onSocketError(socket: Socket, error: Error): void {
    if (this.#isDisposed || this.#socket !== socket) return
    this.#socket = null
    void closeSocket(socket)
    this.#closeSession()
    const { config, defaultAddress } = this.#options
    const where = `${config.address ?? defaultAddress}:${config.port}`
    const message = `Input ${config.id} cannot listen on UDP ${where} (its setting "port"): ${error.message}`
    if (!this.#hasToldTaken) this.#host.warn('port_taken', message, { inputId: config.id, port: config.port })
    this.#hasToldTaken = true
    this.#setStatus('failing', message)
    this.#bindTimer = setTimeout(() => this.#bind(), BIND_RETRY_MS)
  }

  #onDatagram(datagram: Uint8Array, { address, port }: RemoteInfo): void {
    const sender = `${address} ${port}`
    if (this.#session === null && !this.#begin(datagram, sender)) return
    if (sender !== this.#sender) return
    this.#lastDataAtMs = performance.now()
    if (this.#options.config.kind === 'udp') {
      this.#batcher.push(datagram)
      return
    }
    const packet = parseRtpPacket(datagram)
    // A payload that is held back outlives this call, and so does Node's buffer: it is not reused.
    if (packet !== null) this.#reorder.push(packet)
  }

  /** Whether the datagram belongs to a session now. */
  #begin(datagram: Uint8Array, sender: string): boolean {
    if (performance.now() < this.#retryAtMs) return false
    const { config } = this.#options
    const problem = describeMismatch(config.kind, datagram)
    if (problem !== null) {
      this.#setStatus('failing', problem)
      return false
    }
    this.#sender = sender
    this.#lastDataAtMs = performance.now()
    const session = new DatagramSession({
      host: this.#host,
      protocol: config.kind,
      onAccepted: () => this.#setStatus('receiving', null),
      onEnded: (message) => {
        if (this.#session === session) this.#closeSession()
        this.#pause(message)
      },
    })
    this.#session = session
    this.#armSilence(this.#options.silenceMs ?? SILENCE_MS, false)
    return true
  }

  #pause(message: string): void {
    this.#retryAtMs = performance.now() + this.#backoff.nextMs()
    this.#setStatus('failing', message)
  }

  #armSilence(afterMs: number, isSecondLook: boolean): void {
    const silenceMs = this.#options.silenceMs ?? SILENCE_MS
    this.#silenceTimer = setTimeout(() => {
      const silentMs = performance.now() - this.#lastDataAtMs
      if (silentMs < silenceMs) {
        this.#armSilence(silenceMs - silentMs, false)
        return
      }
      // After a stand-still the timer comes first, and then what has arrived meanwhile.
      if (!isSecondLook) {
        this.#armSilence(0, true)
        return
      }
      this.#closeSession()
      this.#backoff.reset()
      this.#setStatus('configured', null)
    }, afterMs)
  }

  #closeSession(): void {
    if (this.#silenceTimer !== null) clearTimeout(this.#silenceTimer)
    this.#silenceTimer = null
    this.#reorder.flush()
    this.#batcher.flush()
    this.#reportLoss()
    this.#session?.close()
    this.#session = null
    this.#sender = null
  }

  #reportLoss(): void {
    const { id } = this.#options.config
    const droppedBytes = this.#session?.droppedBytes ?? 0
    if (this.#lostPackets > 0) {
      const message = `Input ${id} lost ${this.#lostPackets} RTP packets on the way; look at the network`
      this.#host.log.warn('RTP packets were lost', { inputId: id, packets: this.#lostPackets })
      this.#host.warn('packets_lost', message, { inputId: id, packets: this.#lostPackets })
      this.#lostPackets = 0
    }
    if (droppedBytes > 0 && this.#session !== null) {
      this.#session.droppedBytes = 0
      const message = `Input ${id} arrives faster than it can be processed; ${droppedBytes} bytes were dropped`
      this.#host.warn('ingest_overrun', message, { inputId: id, bytes: droppedBytes })
    }
  }

  #setStatus(state: 'configured' | 'receiving' | 'failing', error: string | null): void {
    const status = `${state} ${error}`
    if (this.#isDisposed || status === this.#status) return
    this.#status = status
    this.#host.onStatus({ state, error })
  }
}

/** Null: it is what the port expects. */
function describeMismatch(kind: 'udp' | 'rtp', datagram: Uint8Array): string | null {
  if (kind === 'udp') {
    if (isTsPayload(datagram)) return null
    const packet = parseRtpPacket(datagram)
    return packet !== null && isTsPayload(packet.payload)
      ? 'RTP arrives on this port; make the input one of kind "rtp", or let the encoder send plain UDP'
      : 'What arrives on this port is not MPEG-TS'
  }
  const packet = parseRtpPacket(datagram)
  if (packet !== null && isTsPayload(packet.payload)) return null
  return isTsPayload(datagram)
    ? 'MPEG-TS without RTP arrives on this port; make the input one of kind "udp", or let the encoder send RTP'
    : 'What arrives on this port is not MPEG-TS in RTP'
}

/** RFC 5771 (224.0.0.0/4) and RFC 4291 section 2.7 (ff00::/8). */
export function isMulticast(address: string): boolean {
  if (isIP(address) === 6) return address.toLowerCase().startsWith('ff')
  const first = Number(address.split('.')[0])
  return first >= 224 && first <= 239
}

function closeSocket(socket: Socket | null): Promise<void> {
  if (socket === null) return Promise.resolve()
  return new Promise((resolve) => {
    try {
      socket.removeAllListeners()
      // What the socket still has to say is of no interest, but an unheard error would end the process.
      socket.on('error', () => {})
      socket.close(resolve)
    } catch {
      resolve() // It was closed already.
    }
  })
}
