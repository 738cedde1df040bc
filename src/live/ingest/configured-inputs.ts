// Runs what the streams' settings name as inputs: starts, stops and restarts them as the registry changes.
import type { Spawn } from '../../core/child-process.ts'
import { toMirrorError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { ConfiguredInputStatus, RegisteredStream } from '../control.ts'
import type { MirrorEvent } from '../events.ts'
import type { StreamInputConfig } from '../settings.ts'
import type { ConfiguredInputHost, RunningInput } from './configured-input.ts'
import type { InputGate } from './protocol.ts'
import { PullSource } from './pull/pull-source.ts'
import { UdpReceiver } from './udp/udp-receiver.ts'

export interface ConfiguredInputsOptions {
  readonly gate: Pick<InputGate, 'open'>
  /** Where inputs without an address listen. */
  readonly host: string
  readonly ffmpegPath: string
  readonly spawn: Spawn
  readonly log: Log
  readonly random: () => number
  readonly now: () => number
  readonly emit: (event: MirrorEvent) => void
  /** Null: the input is gone. */
  readonly onStatus: (streamId: string, inputId: string, status: ConfiguredInputStatus | null) => void
}

interface Entry {
  readonly streamId: string
  readonly config: StreamInputConfig
  /** Null until what had its port before has let go of it. */
  running: RunningInput | null
  isRemoved: boolean
}

export class ConfiguredInputs implements AsyncDisposable {
  readonly #options: ConfiguredInputsOptions
  readonly #entries = new Map<string, Entry>()
  readonly #stopping = new Set<Promise<void>>()

  constructor(options: ConfiguredInputsOptions) {
    this.#options = options
  }

  /** What has not changed goes on undisturbed. */
  set({ id: streamId, settings }: RegisteredStream): void {
    const wanted = new Map(settings.inputs.map((config) => [keyOf(streamId, config.id), config]))
    for (const [key, entry] of this.#entries) {
      if (entry.streamId !== streamId) continue
      const config = wanted.get(key)
      if (config !== undefined && JSON.stringify(config) === JSON.stringify(entry.config)) wanted.delete(key)
      else this.#remove(key, entry)
    }
    for (const [key, config] of wanted) this.#add(key, { streamId, config, running: null, isRemoved: false })
  }

  remove(streamId: string): void {
    for (const [key, entry] of this.#entries) if (entry.streamId === streamId) this.#remove(key, entry)
  }

  /** Without an input id: every one of the stream. */
  restart(streamId: string, inputId: string | null = null): void {
    for (const { streamId: id, config, running } of this.#entries.values()) {
      if (id === streamId && (inputId === null || inputId === config.id)) running?.restart()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const [key, entry] of this.#entries) this.#remove(key, entry)
    await Promise.all(this.#stopping)
  }

  #add(key: string, entry: Entry): void {
    this.#entries.set(key, entry)
    // A port may just be given up by another input.
    Promise.all(this.#stopping)
      .then(() => {
        if (!entry.isRemoved) entry.running = this.#start(entry)
      })
      .catch((error: unknown) =>
        this.#options.log.error('an input could not be started', {
          streamId: entry.streamId,
          inputId: entry.config.id,
          cause: toMirrorError(error).message,
        }),
      )
  }

  #remove(key: string, entry: Entry): void {
    this.#entries.delete(key)
    entry.isRemoved = true
    this.#options.onStatus(entry.streamId, entry.config.id, null)
    if (entry.running === null) return
    const stopping = Promise.resolve(entry.running[Symbol.asyncDispose]())
      .catch((error: unknown) =>
        this.#options.log.warn('an input did not stop', {
          streamId: entry.streamId,
          inputId: entry.config.id,
          cause: toMirrorError(error).message,
        }),
      )
      .finally(() => this.#stopping.delete(stopping))
    this.#stopping.add(stopping)
  }

  #start(entry: Entry): RunningInput {
    const { config } = entry
    const host = this.#hostOf(entry)
    const { host: defaultAddress, ffmpegPath, spawn } = this.#options
    return config.kind === 'pull'
      ? new PullSource({ config, host, ffmpegPath, spawn })
      : new UdpReceiver({ config, host, defaultAddress })
  }

  #hostOf(entry: Entry): ConfiguredInputHost {
    const { streamId, config } = entry
    const { gate, log, random, now, emit, onStatus } = this.#options
    return {
      streamId,
      gate,
      log: log.child(config.kind),
      random,
      inputId: config.id,
      onStatus: (status) => {
        if (!entry.isRemoved) onStatus(streamId, config.id, { inputId: config.id, ...status })
      },
      warn: (code, message, details) => {
        if (entry.isRemoved) return
        emit({
          type: 'stream.warning',
          severity: 'warning',
          streamId,
          atMs: now(),
          code,
          message,
          details: { protocol: config.kind, ...details },
        })
      },
    }
  }
}

function keyOf(streamId: string, inputId: string): string {
  return `${streamId} ${inputId}`
}
