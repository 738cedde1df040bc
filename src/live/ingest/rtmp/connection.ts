// One RTMP connection: the socket, its timers, and the input that it feeds.
import type { Socket } from 'node:net'
import { MirrorError, toMirrorError } from '../../../core/errors.ts'
import type { Log } from '../../../core/log.ts'
import { afterRunning, type RunningTimer } from '../../../core/running-time.ts'
import type { GateInput, InputFault, InputGate } from '../protocol.ts'
import { type FlvTag, joinFlvTags } from './flv-tag.ts'
import { ServerHandshake } from './handshake.ts'
import { RtmpSession } from './session.ts'

export interface ConnectionTimeouts {
  readonly handshakeMs: number
  /** From the end of the handshake, or of the last publication, to an accepted publish. */
  readonly publishMs: number
  /** Silence after which a ping asks whether anybody is there. */
  readonly pingAfterMs: number
  /** Silence after which the publisher counts as gone. */
  readonly idleMs: number
}

export interface ConnectionHost {
  readonly gate: InputGate
  readonly log: Log
  readonly timeouts: ConnectionTimeouts
  readonly now: () => number
  readonly random: (bytes: Uint8Array) => void
  /** A failure that the gate knows nothing of. */
  refused(fault: InputFault): void
  /** Whoever has published is not idle, and is never closed to make room for others. */
  published(): void
  unpublished(): void
  closed(): void
}

/** After our last word: time for the encoder to read it and to hang up. */
const LINGER_MS = 1000
/** What may wait for a client that does not read. All that we ever say fits in a fraction of it. */
const MAX_UNSENT_BYTES = 256 * 1024

export class RtmpConnection {
  readonly #socket: Socket
  readonly #host: ConnectionHost
  readonly #remoteAddress: string
  readonly #log: Log
  readonly #session: RtmpSession
  readonly #openedAtMs: number
  #handshake: ServerHandshake | null
  #state: 'open' | 'lingering' | 'closed' = 'open'

  #phaseTimer: RunningTimer | null = null
  #idleTimer: NodeJS.Timeout | null = null
  #lingering: RunningTimer | null = null
  #pinged = false

  /** Aborts the question to the stream's owner that is under way. */
  #opening: AbortController | null = null
  #input: GateInput | null = null
  /** Tags of the bytes being processed, and of those that arrived before the owner answered (the socket rests meanwhile). */
  #tags: FlvTag[] = []

  constructor(socket: Socket, remoteAddress: string, host: ConnectionHost) {
    this.#socket = socket
    this.#host = host
    this.#remoteAddress = remoteAddress
    this.#log = host.log
    this.#openedAtMs = host.now()
    this.#handshake = new ServerHandshake(host.random)
    this.#session = new RtmpSession({
      send: (bytes) => this.#send(bytes),
      authorise: (streamId, key) => host.gate.authorise({ protocol: 'rtmp', streamId, key, remoteAddress }),
      open: (streamId) => void this.#open(streamId),
      media: (tag) => this.#tags.push(tag),
      unpublish: () => this.#unpublish(),
      close: (fault, reported) => this.#linger(fault, reported),
    })

    socket.setNoDelay(true)
    socket.on('data', (bytes: Uint8Array) => this.#receive(bytes))
    socket.on('end', () => this.#releaseInput(null))
    socket.on('error', (error) => {
      const facts = { remoteAddress, reason: error.message }
      if (this.#input === null) this.#log.debug('RTMP connection failed', facts)
      else this.#log.info('RTMP publisher vanished', facts)
    })
    socket.on('close', () => this.#closed())
    this.#startPhase(host.timeouts.handshakeMs, 'The RTMP handshake was not completed in time.')
  }

  /** Says goodbye and closes; the connection is gone within a second. */
  shutDown(): void {
    if (this.#state !== 'open') return
    this.#session.goodbye('Mirror is stopping.')
    this.#linger(null, true)
  }

  #receive(bytes: Uint8Array): void {
    if (this.#state !== 'open') return // Discarded, so that unread bytes do not turn the close into a reset.
    this.#heard()
    try {
      if (this.#handshake === null) this.#session.receive(bytes)
      else this.#shakeHands(this.#handshake, bytes)
    } catch (error) {
      this.#fail(toMirrorError(error))
    }
    this.#flush()
  }

  #shakeHands(handshake: ServerHandshake, bytes: Uint8Array): void {
    const step = handshake.push(bytes)
    if (step.kind === 'reply') this.#send(step.bytes)
    if (step.kind !== 'done') return
    if (step.reply !== null) this.#send(step.reply)
    this.#handshake = null
    this.#startPublishPhase()
    if (step.rest.length > 0) this.#session.receive(step.rest)
  }

  async #open(streamId: string): Promise<void> {
    const opening = new AbortController()
    this.#opening = opening
    // Nothing is read until the owner has answered; what this read still holds waits in #tags.
    this.#socket.pause()
    let input: GateInput
    try {
      input = await this.#host.gate.open(
        { streamId, protocol: 'rtmp', container: 'flv', trackId: null },
        opening.signal,
      )
    } catch (error) {
      if (this.#opening !== opening) return
      this.#opening = null
      this.#session.refused(faultOf(toMirrorError(error)))
      return
    }
    if (this.#opening !== opening) {
      input.close(null) // The encoder left, or waited too long, before the owner answered.
      return
    }
    this.#opening = null
    this.#accept(input, streamId)
  }

  #accept(input: GateInput, streamId: string): void {
    this.#input = input
    this.#host.published()
    input.onDrain = () => {
      if (this.#input === input) this.#resume()
    }
    input.onEnded = (fault) => {
      if (this.#input !== input) return
      this.#input = null
      this.#host.unpublished()
      this.#log.info('RTMP publisher was ended', { streamId, remoteAddress: this.#remoteAddress, code: fault.code })
      this.#session.end(fault)
    }
    this.#stopPhase()
    this.#log.info('RTMP publisher connected', { streamId, remoteAddress: this.#remoteAddress })
    this.#session.accepted()
    this.#resume()
    this.#flush()
  }

  #flush(): void {
    const input = this.#input
    if (input === null || this.#tags.length === 0) return
    const tags = this.#tags
    this.#tags = []
    if (input.write(joinFlvTags(tags))) return
    this.#socket.pause()
    this.#stopIdle() // The silence is ours.
  }

  #resume(): void {
    if (this.#state !== 'open') return
    this.#startIdle()
    this.#socket.resume()
  }

  #unpublish(): void {
    this.#releaseInput(null)
    if (this.#state !== 'open') return
    this.#stopIdle()
    this.#startPublishPhase()
    this.#socket.resume()
  }

  #releaseInput(fault: InputFault | null): void {
    this.#opening?.abort()
    this.#opening = null
    this.#flush()
    this.#tags = []
    if (this.#input === null) return
    this.#input.close(fault)
    this.#input = null
    this.#host.unpublished()
  }

  #fail(error: MirrorError): void {
    if (this.#state !== 'open') return
    const fault = faultOf(error)
    if (error.code === 'internal') {
      this.#log.error('RTMP connection hit a bug', { remoteAddress: this.#remoteAddress, error: error.cause ?? error })
    }
    const published = this.#input !== null
    this.#releaseInput(fault)
    if (!published) this.#host.refused(fault)
    // Whoever has not got as far as `connect` understands no status and deserves none.
    if (this.#session.connected) this.#session.end(fault)
    else this.#socket.destroy()
  }

  #linger(fault: InputFault | null, reported: boolean): void {
    if (this.#state !== 'open') return
    this.#releaseInput(fault)
    this.#state = 'lingering'
    if (fault !== null && !reported) this.#host.refused(fault)
    this.#stopPhase()
    this.#stopIdle()
    this.#lingering = afterRunning(LINGER_MS, () => this.#socket.destroy())
    this.#socket.end()
    this.#socket.resume()
  }

  #closed(): void {
    this.#releaseInput(null)
    this.#state = 'closed'
    this.#stopPhase()
    this.#stopIdle()
    this.#lingering?.cancel()
    this.#host.closed()
  }

  #send(bytes: Uint8Array): void {
    if (this.#state !== 'open' || !this.#socket.writable) return
    this.#socket.write(bytes)
    if (this.#socket.writableLength > MAX_UNSENT_BYTES) this.#socket.destroy()
  }

  #startPublishPhase(): void {
    this.#startPhase(this.#host.timeouts.publishMs, 'The RTMP connection published nothing in time.')
  }

  #startPhase(limitMs: number, message: string): void {
    this.#stopPhase()
    this.#phaseTimer = afterRunning(limitMs, () => this.#fail(new MirrorError('ingest_timeout', message)))
  }

  #stopPhase(): void {
    this.#phaseTimer?.cancel()
    this.#phaseTimer = null
  }

  #heard(): void {
    if (this.#idleTimer === null) return
    if (this.#pinged) this.#startIdle()
    else this.#idleTimer.refresh()
  }

  #startIdle(): void {
    this.#stopIdle()
    this.#pinged = false
    const { pingAfterMs, idleMs } = this.#host.timeouts
    this.#idleTimer = setTimeout(() => {
      this.#pinged = true
      this.#session.ping(this.#host.now() - this.#openedAtMs)
      this.#idleTimer = setTimeout(() => this.#timeOut(), Math.max(0, idleMs - pingAfterMs))
    }, pingAfterMs)
  }

  #timeOut(): void {
    const seconds = Math.round(this.#host.timeouts.idleMs / 1000)
    this.#fail(new MirrorError('ingest_timeout', `The RTMP publisher sent nothing for ${seconds} s.`))
  }

  #stopIdle(): void {
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer)
    this.#idleTimer = null
  }
}

/** An error of ours is not explained to strangers. */
function faultOf(error: MirrorError): InputFault {
  return { code: error.code, message: error.code === 'internal' ? 'Mirror failed; its log says why.' : error.message }
}
