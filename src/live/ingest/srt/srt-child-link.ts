import { fileURLToPath } from 'node:url'
import { type Child, type ChildExit, describeExit, type Spawn, startChild } from '../../../core/child-process.ts'
import { MirrorError } from '../../../core/errors.ts'
import type { SrtRegistryEntry } from './admission.ts'
import type { FromSrtChild, SrtConnectionEnded, SrtConnectionOpened, SrtRefusal, ToSrtChild } from './child-protocol.ts'
import { type Frame, FrameReader } from './frames.ts'
import { SrtConnection, type SrtConnectionOptions } from './srt-connection.ts'

const START_TIMEOUT_MS = 10_000
const STOP_GRACE_MS = 1_500
const CHILD_FILE = fileURLToPath(
  // The sources run as they are in a clone and compiled in the package.
  new URL(import.meta.url.endsWith('.ts') ? './srt-child.ts' : './srt-child.js', import.meta.url),
)

export interface SrtChildLinkOptions extends SrtConnectionOptions {
  /** Address to bind; `::` takes both families. */
  readonly host: string
  readonly latencyMs: number
  /** 10–79 characters, or null: no encryption. */
  readonly passphrase: string | null
  /** Secret of the publish key lookups. */
  readonly keySecret: Uint8Array
  readonly maxConnections: number
  readonly maxConnectionsPerAddress: number
  /** As `parseAddressSet` reads it: exempt from the limit per address. */
  readonly trustedAddresses: string
  readonly spawn: Spawn
  /** A caller was refused in the handshake, before the gate heard of it. */
  readonly onRefused: (refusal: SrtRefusal) => void
}

/** One life of the child process, and the connections that it carries. */
export class SrtChildLink {
  readonly port: number
  readonly library: string
  /** Resolves after all its connections have been closed. */
  readonly ended: Promise<ChildExit>
  readonly #options: SrtChildLinkOptions
  readonly #child: Child
  readonly #connections = new Map<number, SrtConnection>()
  readonly #syncs = new Map<number, () => void>()
  #lastSyncId = 0

  static async start(
    options: SrtChildLinkOptions,
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

  private constructor(options: SrtChildLinkOptions, child: Child, port: number, library: string) {
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

async function askToListen(
  child: Child,
  options: SrtChildLinkOptions,
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
