// Hands encoders' bytes to the owner of their stream, whichever thread that lives in, and survives the owner's death.
import type { ConnectionCounts } from '../../core/connection-counts.ts'
import { isMirrorError, MirrorError } from '../../core/errors.ts'
import { lookupOf } from '../../core/secrets.ts'
import { isStreamId } from '../../core/stream-id.ts'
import type { InputProtocol } from '../control.ts'
import type { MirrorEvent } from '../events.ts'
import { ownerOf } from '../ownership.ts'
import type { Registry } from '../registry.ts'
import {
  type Admission,
  type FromOwner,
  type GateInput,
  type InputFault,
  type InputGate,
  type InputOpen,
  MAX_UNACKED_BYTES,
  type NetworkFigures,
  type PublishAttempt,
  returnsByItself,
  type ToOwner,
} from './protocol.ts'
import { RefusalLimit } from './refusal-limit.ts'
import { ResumeContext } from './resume-context.ts'

export interface GateOptions {
  /** Part of every input id, so that two gates never use the same. */
  readonly name: string
  readonly registry: Registry
  readonly keySecret: Uint8Array
  readonly owners: number
  readonly maxPublishers: number
  /** Of all gates together. */
  readonly publishers: ConnectionCounts
  readonly now: () => number
  /** `transfer`: the bytes are moved, not copied. */
  readonly send: (owner: number, message: ToOwner) => void
  readonly emit: (event: MirrorEvent) => void
}

export class Gate implements InputGate {
  readonly #options: GateOptions
  readonly #inputs = new Map<string, OpenInput>()
  readonly #refusals = new RefusalLimit()
  #nextId = 0

  constructor(options: GateOptions) {
    this.#options = options
  }

  authorise(attempt: PublishAttempt): Admission {
    const admission = this.#check(attempt)
    if (!admission.ok) this.reportRefusal(attempt.streamId, admission.fault, attempt.protocol)
    return admission
  }

  async open(input: Parameters<InputGate['open']>[0], signal: AbortSignal): Promise<GateInput> {
    signal.throwIfAborted()
    if (this.#options.publishers.total >= this.#options.maxPublishers) {
      const fault: InputFault = {
        code: 'publisher_limit',
        message: `${this.#options.maxPublishers} publishers are connected`,
      }
      this.reportRefusal(input.streamId, fault, input.protocol)
      throw new MirrorError(fault.code, fault.message)
    }
    const open: InputOpen = {
      ...input,
      kind: 'open',
      inputId: `${this.#options.name}-${this.#nextId++}`,
      openedAtMs: this.#options.now(),
    }
    const opened = new OpenInput(open, ownerOf(input.streamId, this.#options.owners), {
      send: this.#options.send,
      now: this.#options.now,
      forget: () => {
        if (this.#inputs.delete(open.inputId)) this.#options.publishers.remove(open.streamId)
      },
    })
    this.#inputs.set(open.inputId, opened)
    this.#options.publishers.add(open.streamId)
    try {
      await opened.accepted(signal)
    } catch (error) {
      const isWaiting = isMirrorError(error, 'stream_busy') && returnsByItself(input.protocol)
      if (error instanceof MirrorError && !isWaiting)
        this.reportRefusal(input.streamId, { code: error.code, message: error.message }, input.protocol)
      throw error
    }
    return opened
  }

  /** Publishers of all gates, save those of one protocol that came by this one. */
  publishersBut(protocol: InputProtocol): number {
    const own = [...this.#inputs.values()].filter(({ open }) => open.protocol === protocol).length
    return this.#options.publishers.total - own
  }

  onMessage(message: FromOwner): void {
    this.#inputs.get(message.inputId)?.onMessage(message)
  }

  /** A dead owner was replaced: its inputs begin again there, each with what its demuxer needs to go on. */
  onOwnerReplaced(owner: number): void {
    for (const input of this.#inputs.values()) if (input.owner === owner) input.resume()
  }

  closeAll(fault: InputFault): void {
    for (const input of [...this.#inputs.values()]) {
      input.onMessage({ kind: 'ended', inputId: input.open.inputId, fault })
    }
  }

  #check({ streamId, key }: PublishAttempt): Admission {
    const { registry } = this.#options
    if (streamId !== null && !isStreamId(streamId)) {
      return {
        ok: false,
        fault: { code: 'stream_not_found', message: 'a stream id has 1–64 letters, digits or hyphens' },
      }
    }
    if (streamId !== null && registry.get(streamId) === null) {
      return { ok: false, fault: { code: 'stream_not_found', message: `there is no stream ${streamId}` } }
    }
    // Both sides are HMACs under a secret key, so comparing them in a map tells an attacker nothing about a key.
    const owner = registry.streamOfKey(lookupOf(key, this.#options.keySecret))
    if (owner === null || (streamId !== null && owner !== streamId)) {
      const which = streamId === null ? 'no stream has this publish key' : `wrong publish key for stream ${streamId}`
      return { ok: false, fault: { code: 'publish_key_wrong', message: which } }
    }
    return { ok: true, streamId: owner }
  }

  /** Tells people of a refusal; receivers call it for reasons that the gate does not know. */
  reportRefusal(streamId: string | null, fault: InputFault, protocol: InputProtocol): void {
    const nowMs = this.#options.now()
    const { isTold, untold } = this.#refusals.take(nowMs)
    if (!isTold) return
    const isKnown = streamId !== null && this.#options.registry.get(streamId) !== null
    const others = untold === 0 ? '' : ` (and ${untold} more lately)`
    this.#options.emit({
      type: isKnown ? 'stream.error' : 'system.warning',
      severity: 'warning',
      streamId: isKnown ? streamId : null,
      atMs: nowMs,
      code: fault.code,
      message: `${protocol.toUpperCase()} publisher refused: ${fault.message}${others}`,
      details: { protocol },
    })
  }
}

interface OpenInputHost {
  readonly send: GateOptions['send']
  readonly now: () => number
  readonly forget: () => void
}

class OpenInput implements GateInput {
  readonly open: InputOpen
  readonly owner: number
  readonly #host: OpenInputHost
  readonly #resume: ResumeContext
  #state: 'opening' | 'open' | 'finishing' | 'closed' = 'opening'
  #finished: ((fault: InputFault | null) => void) | null = null
  #sentBytes = 0
  #processedBytes = 0
  #isBlocked = false
  #settle: { resolve(): void; reject(error: Error): void } | null = null
  onDrain: () => void = () => {}
  onEnded: (fault: InputFault) => void = () => {}

  constructor(open: InputOpen, owner: number, host: OpenInputHost) {
    this.open = open
    this.owner = owner
    this.#host = host
    this.#resume = new ResumeContext(open.container)
  }

  accepted(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.close(null)
        reject(signal.reason)
      }
      signal.addEventListener('abort', onAbort, { once: true })
      const done = () => {
        signal.removeEventListener('abort', onAbort)
        this.#settle = null
      }
      this.#settle = {
        resolve: () => {
          done()
          resolve()
        },
        reject: (error) => {
          done()
          reject(error)
        },
      }
      this.#host.send(this.owner, this.open)
    })
  }

  write(bytes: Uint8Array): boolean {
    if (this.#state !== 'open') return this.#state === 'opening'
    this.#resume.note(bytes)
    this.#sentBytes += bytes.length
    this.#host.send(this.owner, { kind: 'data', inputId: this.open.inputId, bytes, arrivedAtMs: this.#host.now() })
    this.#isBlocked = this.#sentBytes - this.#processedBytes > MAX_UNACKED_BYTES
    return !this.#isBlocked
  }

  close(fault: InputFault | null): void {
    if (this.#state === 'closed' || this.#state === 'finishing') return
    this.#state = 'closed'
    this.#host.forget()
    this.#host.send(this.owner, { kind: 'close', inputId: this.open.inputId, fault })
  }

  finish(): Promise<InputFault | null> {
    if (this.#state !== 'open') return Promise.resolve(null)
    this.#state = 'finishing'
    this.#host.send(this.owner, { kind: 'close', inputId: this.open.inputId, fault: null })
    return new Promise((resolve) => {
      this.#finished = resolve
    })
  }

  reportNetwork(figures: NetworkFigures): void {
    if (this.#state === 'open') this.#host.send(this.owner, { kind: 'network', inputId: this.open.inputId, ...figures })
  }

  onMessage(message: FromOwner): void {
    switch (message.kind) {
      case 'accepted':
        if (this.#state === 'opening') this.#state = 'open'
        this.#settle?.resolve()
        break
      case 'ended': {
        const wasOpen = this.#state === 'open'
        if (this.#state === 'closed') return
        this.#state = 'closed'
        this.#host.forget()
        this.#settle?.reject(new MirrorError(message.fault.code, message.fault.message))
        this.#finished?.(message.fault)
        if (wasOpen) this.onEnded(message.fault)
        break
      }
      case 'closed':
        if (this.#state === 'closed') return
        this.#state = 'closed'
        this.#host.forget()
        this.#finished?.(message.fault)
        break
      case 'ack':
        this.#processedBytes = message.processedBytes
        if (this.#isBlocked && this.#sentBytes - this.#processedBytes <= MAX_UNACKED_BYTES / 2) {
          this.#isBlocked = false
          this.onDrain()
        }
        break
    }
  }

  resume(): void {
    if (this.#state === 'finishing') {
      const message = 'Mirror lost the end of what was sent; send it again'
      this.onMessage({ kind: 'closed', inputId: this.open.inputId, fault: { code: 'origin_unavailable', message } })
      return
    }
    this.#sentBytes = 0
    this.#processedBytes = 0
    this.#host.send(this.owner, this.open)
    const header = this.#resume.restart()
    if (header !== null && this.#state === 'open') {
      this.#sentBytes += header.length
      this.#host.send(this.owner, {
        kind: 'data',
        inputId: this.open.inputId,
        bytes: header,
        arrivedAtMs: this.#host.now(),
      })
    }
    if (this.#isBlocked) {
      this.#isBlocked = false
      this.onDrain()
    }
  }
}
