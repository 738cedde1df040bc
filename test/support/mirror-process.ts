// A real Mirror in a process of its own, on ports the system chooses, with a data folder that the test may keep.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { EventView } from '../../src/api/event-contract.ts'
import type { StreamView } from '../../src/api/stream-contract.ts'
import { Patience } from './patience.ts'
import type { Order } from './steered-mirror.ts'
import { showOnFailure, type Talker } from './talkers.ts'

const START_TIMEOUT_MS = 45_000
/** What is awaited comes at once, or on a busy machine a little later; who promises a time says so. */
const PATIENCE_MS = 15_000
export const COMPILE_CACHE = fileURLToPath(new URL('../../node_modules/.cache/mirror/compile', import.meta.url))

export interface MirrorProcessOptions {
  /** Kept between two starts; default: a new temporary folder, removed at the end. */
  readonly dataDir?: string
  readonly env?: Readonly<Record<string, string>>
  /** Runs `steered-mirror.ts` instead of Mirror itself, which takes orders to fail. */
  readonly isSteered?: boolean
}

export class MirrorProcess implements AsyncDisposable, Talker {
  readonly dataDir: string
  readonly #env: Readonly<Record<string, string>>
  readonly #ownsDataDir: boolean
  readonly #isSteered: boolean
  #orders = 0
  #child: ChildProcess | null = null
  #output = ''
  #url = ''
  #apiKey = ''
  /** Base URL of the media origin. */
  mediaUrl = ''

  private constructor(dataDir: string, { dataDir: kept, env = {}, isSteered = false }: MirrorProcessOptions) {
    this.dataDir = dataDir
    this.#ownsDataDir = kept === undefined
    this.#env = env
    this.#isSteered = isSteered
  }

  static async start(options: MirrorProcessOptions = {}): Promise<MirrorProcess> {
    const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'mirror-test-')))
    const mirror = new MirrorProcess(dataDir, options)
    try {
      await mirror.start()
    } catch (error) {
      await mirror[Symbol.asyncDispose]() // What hangs must not live on beside the tests that follow.
      throw error
    }
    return mirror
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  get name(): string {
    return `Mirror (${basename(this.dataDir)})`
  }

  get hasEnded(): boolean {
    const { exitCode = null, signalCode = null } = this.#child ?? {}
    return exitCode !== null || signalCode !== null
  }

  /** Everything written to stdout and stderr so far. */
  get output(): string {
    return this.#output
  }

  get consoleUrl(): string {
    return this.#url
  }

  get apiKey(): string {
    return this.#apiKey
  }

  /** Milliseconds from spawn to "ready". */
  async start(): Promise<number> {
    const startedAtMs = performance.now()
    this.#output = ''
    const script = this.#isSteered ? ['test/support/steered-mirror.ts'] : ['src/main.ts', 'serve']
    const child = spawn(process.execPath, script, {
      stdio: ['ignore', 'pipe', 'pipe', ...(this.#isSteered ? (['ipc'] as const) : [])],
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: process.env['HOME'] ?? '/tmp',
        // As `npm start` sets it: half of what a start costs is compiling.
        NODE_COMPILE_CACHE: COMPILE_CACHE,
        MIRROR_DATA: this.dataDir,
        MIRROR_API_PORT: '0',
        MIRROR_MEDIA_PORT: '0',
        MIRROR_RTMP_PORT: '0',
        MIRROR_SRT_PORT: '0',
        ...this.#env,
      },
    })
    this.#child = child
    showOnFailure(this)
    const collect = (chunk: Buffer) => {
      this.#output = (this.#output + chunk.toString('utf8')).slice(-1_000_000)
    }
    child.stdout?.on('data', collect)
    child.stderr?.on('data', collect)
    await this.waitForOutput('"message":"ready"', START_TIMEOUT_MS)
    const readyMs = performance.now() - startedAtMs
    const credentials = JSON.parse(await readFile(join(this.dataDir, 'secrets', 'cli.json'), 'utf8')) as {
      url: string
      apiKey: string
    }
    this.#url = credentials.url
    this.#apiKey = credentials.apiKey
    const system = await this.api<{ addresses: { media: string } }>('GET', '/system')
    this.mediaUrl = system.addresses.media
    return readyMs
  }

  /** Only for a steered Mirror. Resolves when the order has been carried out. */
  async order(order: Order): Promise<void> {
    const child = this.#child
    if (child === null) throw new Error('Mirror does not run')
    const id = this.#orders++
    const done = new Promise<void>((resolve) => {
      const onMessage = (message: unknown) => {
        if ((message as { readonly id: number }).id !== id) return
        child.off('message', onMessage)
        resolve()
      }
      child.on('message', onMessage)
    })
    child.send({ id, order })
    await done
  }

  async waitForOutput(text: string, timeoutMs = PATIENCE_MS): Promise<void> {
    const patience = new Patience(timeoutMs)
    while (!this.#output.includes(text)) {
      if (patience.isOver || this.hasEnded) {
        const state = this.hasEnded ? `has ended (${this.#child?.exitCode ?? this.#child?.signalCode})` : 'runs'
        const said = `${JSON.stringify(text)} and ${state}; it printed:\n${this.#output.slice(-4000)}`
        throw new Error(`Mirror did not print ${said}`)
      }
      await delay(20)
    }
  }

  /** Calls /api/v1 with the admin key; throws on a status of 400 or more. */
  async api<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
    return await this.#call(method, path, body === undefined ? null : JSON.stringify(body), 'application/json')
  }

  /** PUT of bytes as they are. */
  async upload<T = unknown>(path: string, bytes: Uint8Array<ArrayBuffer>): Promise<T> {
    return await this.#call('PUT', path, bytes, 'application/octet-stream')
  }

  async #call<T>(
    method: string,
    path: string,
    body: string | Uint8Array<ArrayBuffer> | null,
    type: string,
  ): Promise<T> {
    const response = await fetch(`${this.#url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#apiKey}`, ...(body === null ? {} : { 'content-type': type }) },
      body,
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} → ${response.status}: ${text}`)
    return (text === '' ? null : JSON.parse(text)) as T
  }

  async createStream(id: string, settings: Partial<StreamView['settings']> = {}): Promise<StreamView> {
    return await this.api<StreamView>('POST', '/streams', { id, settings })
  }

  async stream(id: string): Promise<StreamView> {
    return await this.api<StreamView>('GET', `/streams/${id}`)
  }

  async events(streamId?: string): Promise<readonly EventView[]> {
    const path = streamId === undefined ? '/events?limit=200' : `/streams/${streamId}/events?limit=200`
    return (await this.api<{ events: EventView[] }>('GET', path)).events
  }

  /** The first event that fits; throws when none comes in time. */
  async waitForEvent(fits: (event: EventView) => boolean, timeoutMs = PATIENCE_MS): Promise<EventView> {
    const patience = new Patience(timeoutMs)
    while (true) {
      const events = await this.events()
      const found = events.find(fits)
      if (found !== undefined) return found
      if (patience.isOver)
        throw new Error(
          `no such event; there were:\n${events.map((event) => `${event.at} ${event.type} ${event.code} ${event.message}`).join('\n')}`,
        )
      await delay(50)
    }
  }

  async waitForStatus(id: string, status: StreamView['status'], timeoutMs = PATIENCE_MS): Promise<StreamView> {
    const patience = new Patience(timeoutMs)
    while (true) {
      const stream = await this.stream(id)
      if (stream.status === status) return stream
      if (patience.isOver)
        throw new Error(`stream ${id} is ${stream.status}, not ${status}\n${this.#output.slice(-3000)}`)
      await delay(100)
    }
  }

  /** SIGTERM, as Ctrl-C does; resolves to exit code and how long it took. */
  async stop(): Promise<{ readonly code: number | null; readonly tookMs: number }> {
    const child = this.#child
    if (child === null || child.exitCode !== null) return { code: child?.exitCode ?? null, tookMs: 0 }
    const startedAtMs = performance.now()
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    await exited
    return { code: child.exitCode, tookMs: performance.now() - startedAtMs }
  }

  async kill(): Promise<void> {
    const child = this.#child
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    if (this.#ownsDataDir) await rm(this.dataDir, { recursive: true, force: true })
  }
}
