import { fileURLToPath } from 'node:url'
import { type Child, type ChildExit, describeExit, type Spawn, startChild } from '../../../core/child-process.ts'
import { MirrorError, toMirrorError } from '../../../core/errors.ts'
import type { Log } from '../../../core/log.ts'
import { type RetryDelay, retryDelayMs } from '../../../core/retry-delay.ts'
import type { GateInput, InputFault, InputGate, NetworkFigures } from '../protocol.ts'
import type { SrtRegistryEntry } from './admission.ts'
import type { FromSrtChild, SrtConnectionEnded, SrtConnectionOpened, SrtRefusal, ToSrtChild } from './child-protocol.ts'
import { type Frame, FrameReader } from './frames.ts'

const START_TIMEOUT_MS = 10_000
const STOP_GRACE_MS = 1_500
const RESTART: RetryDelay = { minMs: 100, maxMs: 5_000 }
/** A child that lived this long is not part of a crash loop. */
const STABLE_AFTER_MS = 30_000
const CHILD_FILE = fileURLToPath(
  // The sources run as they are in a clone and compiled in the package.
  new URL(import.meta.url.endsWith('.ts') ? './srt-child.ts' : './srt-child.js', import.meta.url),
)

export interface SrtListenerOptions {
  /** Address to bind; `::` takes both families. */
  readonly host: string
  /** UDP port; 0 lets the system choose. */
  readonly port: number
  readonly latencyMs: number
  /** 10–79 characters, or null: no encryption. */
  readonly passphrase: string | null
  /** Secret of the publish key lookups. */
  readonly keySecret: Uint8Array
  readonly maxConnections: number
  readonly maxConnectionsPerAddress: number
  /** As `parseAddressSet` reads it: exempt from the limit per address. */
  readonly trustedAddresses: string
  readonly gate: InputGate
  readonly spawn: Spawn
  readonly log: Log
  /** In [0, 1), for the jitter of restarts. */
  readonly random: () => number
  /** Known from the first caller on. */
  readonly streams: readonly SrtRegistryEntry[]
  /** A caller was refused in the handshake, before the gate heard of it. */
  readonly onRefused: (refusal: SrtRefusal) => void
  /** The child died or cannot be restarted; null when it listens again. */
  readonly onProblem: (problem: MirrorError | null) => void
}

export interface SrtListener extends AsyncDisposable {
  readonly port: number
  /** Name of the libsrt in use. */
  readonly library: string
  /** The whole truth about who may publish what; replaces the previous one. */
  setRegistry(streams: readonly SrtRegistryEntry[], otherPublishers: number): void
  /** Resolves when the child knows the registry; at once while there is none. */
  synced(): Promise<void>
}

/**
 * Takes SRT publishers of all streams on one UDP port. libsrt runs in a child process, which is restarted when it dies.
 * Rejects with `srt_library_missing` or `port_taken`.
 */
export async function startSrtListener(options: SrtListenerOptions): Promise<SrtListener> {
  const listener = new RunningSrtListener(options)
  await listener.start()
  return listener
}

class RunningSrtListener implements SrtListener {
  readonly #options: SrtListenerOptions
  readonly #stopping = new AbortController()
  #child: SrtChildLink | null = null
  #registry: readonly SrtRegistryEntry[]
  #otherPublishers = 0
  #port: number
  #library = ''
  #failedStarts = 0
  #restartTimer: NodeJS.Timeout | null = null

  constructor(options: SrtListenerOptions) {
    this.#options = options
    this.#registry = options.streams
    this.#port = options.port
  }

  get port(): number {
    return this.#port
  }

  get library(): string {
    return this.#library
  }

  async start(): Promise<void> {
    const link = await SrtChildLink.start(this.#options, this.#port, this.#registry, this.#stopping.signal)
    this.#child = link
    this.#port = link.port
    this.#library = link.library
    // The registry may have changed while the child was starting.
    link.send({ kind: 'registry', streams: this.#registry, otherPublishers: this.#otherPublishers })
    const startedAtMs = performance.now()
    void link.ended.then((exit) => this.#onChildEnded(exit, performance.now() - startedAtMs))
  }

  setRegistry(streams: readonly SrtRegistryEntry[], otherPublishers: number): void {
    this.#registry = streams
    this.#otherPublishers = otherPublishers
    this.#child?.send({ kind: 'registry', streams, otherPublishers })
  }

  async synced(): Promise<void> {
    await this.#child?.synced()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    if (this.#restartTimer !== null) clearTimeout(this.#restartTimer)
    await this.#child?.stop()
  }

  #onChildEnded(exit: ChildExit, livedMs: number): void {
    this.#child = null
    if (this.#stopping.signal.aborted) return
    if (livedMs > STABLE_AFTER_MS) this.#failedStarts = 0
    const problem = new MirrorError('internal', `The SRT receiver died (${describeExit(exit)}) and is restarted.`)
    this.#options.log.error('the SRT receiver died', { how: describeExit(exit) })
    this.#options.onProblem(problem)
    this.#restartLater()
  }

  #restartLater(): void {
    const delayMs = retryDelayMs(this.#failedStarts++, RESTART, this.#options.random)
    this.#restartTimer = setTimeout(() => {
      this.start().then(
        () => {
          this.#options.log.info('the SRT receiver listens again', { port: this.#port })
          this.#options.onProblem(null)
        },
        (error: unknown) => {
          if (this.#stopping.signal.aborted) return
          this.#options.onProblem(toMirrorError(error))
          this.#restartLater()
        },
      )
    }, delayMs)
  }
}

/** One life of the child process, and the connections that it carries. */
class SrtChildLink {
  readonly port: number
  readonly library: string
  /** Resolves after all its connections have been closed. */
  readonly ended: Promise<ChildExit>
  readonly #options: SrtListenerOptions
  readonly #child: Child
  readonly #connections = new Map<number, SrtConnection>()
  readonly #syncs = new Map<number, () => void>()
  #lastSyncId = 0

  static async start(
    options: SrtListenerOptions,
    port: number,
    registry: readonly SrtRegistryEntry[],
    signal: AbortSignal,
  ): Promise<SrtChildLink> {
    const child = await startChild({
      command: process.execPath,
      args: [CHILD_FILE],
      spawn: options.spawn,
      log: options.log,
      signal,
      stdout: 'ignore',
      dataPipe: true,
      messages: true,
      graceMs: STOP_GRACE_MS,
    })
    try {
      const listening = await askToListen(child, options, port, registry)
      return new SrtChildLink(options, child, listening.port, listening.library)
    } catch (error) {
      await child.stop()
      throw error
    }
  }

  private constructor(options: SrtListenerOptions, child: Child, port: number, library: string) {
    this.#options = options
    this.#child = child
    this.port = port
    this.library = library
    child.onMessage = (message) => this.#onMessage(message as FromSrtChild)
    const piped = this.#readFrames()
    this.ended = child.exited.then(async (exit) => {
      await piped
      for (const connection of this.#connections.values()) {
        connection.close({ code: 'internal', message: 'The SRT receiver process died; the encoder can reconnect.' })
      }
      this.#connections.clear()
      for (const done of this.#syncs.values()) done()
      return exit
    })
  }

  send(message: ToSrtChild): void {
    this.#child.send(message)
  }

  /** Resolves when the child has taken in everything that was sent so far, or has died. */
  async synced(): Promise<void> {
    const requestId = ++this.#lastSyncId
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#syncs.set(requestId, resolve)
    this.send({ kind: 'sync', requestId })
    await promise
    this.#syncs.delete(requestId)
  }

  async stop(): Promise<void> {
    // It says goodbye to the encoders and ends itself; TERM and KILL follow if it does not.
    this.send({ kind: 'stop' })
    await this.#child.stop()
    await this.ended
  }

  async #readFrames(): Promise<void> {
    const reader = new FrameReader()
    try {
      for await (const chunk of this.#child.dataPipe ?? []) {
        for (const frame of reader.read(chunk as Uint8Array)) this.#onFrame(frame)
      }
    } catch (error) {
      // Broken framing or a broken pipe: only a new child helps.
      this.#options.log.error('the pipe from the SRT receiver broke', { error: String(error) })
      await this.#child.stop()
    }
  }

  #onFrame(frame: Frame): void {
    const { connectionId } = frame
    switch (frame.kind) {
      case 'opened': {
        const opened = parsePayload<SrtConnectionOpened>(frame)
        const connection = new SrtConnection(connectionId, opened, this.#options, (message) => this.send(message))
        this.#connections.set(connectionId, connection)
        break
      }
      case 'data':
        this.#connections.get(connectionId)?.receive(frame.payload)
        break
      case 'ended':
        this.#connections.get(connectionId)?.close(parsePayload<SrtConnectionEnded>(frame).fault)
        this.#connections.delete(connectionId)
        break
      default:
        frame.kind satisfies never
    }
  }

  #onMessage(message: FromSrtChild): void {
    switch (message.kind) {
      case 'refused':
        this.#options.log.info('an SRT caller was refused', { ...message.fault, remoteAddress: message.remoteAddress })
        this.#options.onRefused(message)
        break
      case 'refused_unreported':
        this.#options.log.warn('more SRT callers were refused than are reported', { count: message.count })
        break
      case 'network':
        this.#connections.get(message.connectionId)?.reportNetwork(message)
        break
      case 'failed':
        this.#options.log.error('the SRT receiver failed', { code: message.code, reason: message.message })
        break
      case 'synced':
        this.#syncs.get(message.requestId)?.()
        break
      case 'listening':
        break
      default:
        message satisfies never
    }
  }
}

/** One publisher. It is not read before the gate has accepted it. */
class SrtConnection {
  readonly #id: number
  readonly #send: (message: ToSrtChild) => void
  readonly #closing = new AbortController()
  #input: GateInput | null = null
  /** What the publisher's end was, if it left while the gate was deciding. */
  #fault: InputFault | null = null

  constructor(
    id: number,
    opened: SrtConnectionOpened,
    options: SrtListenerOptions,
    send: (message: ToSrtChild) => void,
  ) {
    this.#id = id
    this.#send = send
    const { streamId, remoteAddress } = opened
    options.log.info('an SRT publisher connected', { streamId, remoteAddress })
    options.gate
      .open({ streamId, protocol: 'srt', container: 'ts', trackId: null }, this.#closing.signal)
      .then((input) => this.#accept(input))
      .catch((error: unknown) => {
        // The gate has reported it; SRT has no status after the handshake, so the connection just ends.
        options.log.info('an SRT publisher was turned away', { streamId, reason: toMirrorError(error).message })
        this.#send({ kind: 'close', connectionId: id })
      })
  }

  receive(bytes: Uint8Array): void {
    if (this.#input?.write(bytes) === false) this.#send({ kind: 'pause', connectionId: this.#id })
  }

  reportNetwork(figures: NetworkFigures): void {
    const { rttMs, packetsLost, packetsRetransmitted, packetsDropped } = figures
    this.#input?.reportNetwork({ rttMs, packetsLost, packetsRetransmitted, packetsDropped })
  }

  /** The publisher is gone. */
  close(fault: InputFault | null): void {
    this.#fault = fault
    this.#closing.abort()
    this.#input?.close(fault)
    this.#input = null
  }

  #accept(input: GateInput): void {
    if (this.#closing.signal.aborted) {
      input.close(this.#fault)
      return
    }
    this.#input = input
    input.onDrain = () => this.#send({ kind: 'read', connectionId: this.#id })
    input.onEnded = () => {
      this.#input = null
      this.#send({ kind: 'close', connectionId: this.#id })
    }
    this.#send({ kind: 'read', connectionId: this.#id })
  }
}

async function askToListen(
  child: Child,
  options: SrtListenerOptions,
  port: number,
  registry: readonly SrtRegistryEntry[],
): Promise<{ readonly port: number; readonly library: string }> {
  let timer: NodeJS.Timeout | undefined
  try {
    return await new Promise((resolve, reject) => {
      timer = setTimeout(
        () => reject(new MirrorError('internal', 'The SRT receiver did not start in time.')),
        START_TIMEOUT_MS,
      )
      void child.exited.then((exit) =>
        reject(new MirrorError('internal', `The SRT receiver died: ${describeExit(exit)}`)),
      )
      child.onMessage = (received) => {
        const message = received as FromSrtChild
        if (message.kind === 'listening') resolve(message)
        if (message.kind === 'failed') reject(startFailure(message))
      }
      const { host, latencyMs, passphrase, maxConnections, maxConnectionsPerAddress, trustedAddresses } = options
      const limits = { maxConnections, maxConnectionsPerAddress, trustedAddresses }
      const keySecretHex = Buffer.from(options.keySecret).toString('hex')
      send({ kind: 'start', settings: { host, port, latencyMs, passphrase, keySecretHex, ...limits } })
      send({ kind: 'registry', streams: registry, otherPublishers: 0 })
    })
  } finally {
    clearTimeout(timer)
  }

  function send(message: ToSrtChild): void {
    child.send(message)
  }
}

function startFailure(failed: Extract<FromSrtChild, { kind: 'failed' }>): MirrorError {
  const hint = failed.code === 'port_taken' ? ' Change srt.port (MIRROR_SRT_PORT) or stop what uses it.' : ''
  return new MirrorError(failed.code, `SRT: ${failed.message}.${hint}`)
}

function parsePayload<Content>(frame: Frame): Content {
  return JSON.parse(Buffer.from(frame.payload).toString('utf8')) as Content
}
