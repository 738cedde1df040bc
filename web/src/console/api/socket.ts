// One WebSocket for the whole console: reconnects with backoff, and asks again for every topic afterwards.
import type { WsClientMessage, WsServerMessage } from '../../../../src/api/event-contract.ts'
import { type BackoffPolicy, backoffDelayMs } from '../../player/backoff.ts'

export type ConnectionState = 'connecting' | 'open' | 'reconnecting'

const RECONNECT: BackoffPolicy = { firstMs: 500, maxMs: 10_000, jitter: 0.4 }
/** A half-open connection is noticed when a ping stays unanswered. */
const PING_EVERY_MS = 15_000
const PONG_WITHIN_MS = 8000

export interface SocketOptions {
  readonly url: string
  readonly onMessage: (message: WsServerMessage) => void
  /** Called after every connection but the first: what happened meanwhile has to be fetched. */
  readonly onResume: () => void
}

export class LiveSocket {
  readonly #options: SocketOptions
  /** Topics by how many components want them. */
  readonly #topics = new Map<string, number>()
  readonly #listeners = new Set<() => void>()
  #socket: WebSocket | null = null
  #state: ConnectionState = 'connecting'
  #downSinceMs: number | null = null
  #attempt = 0
  #hasBeenOpen = false
  #isClosed = false
  #reconnectTimer: ReturnType<typeof setTimeout> | undefined
  #pingTimer: ReturnType<typeof setInterval> | undefined
  #pongTimer: ReturnType<typeof setTimeout> | undefined

  constructor(options: SocketOptions) {
    this.#options = options
    window.addEventListener('online', this.#reconnectNow)
    this.#open()
  }

  get state(): ConnectionState {
    return this.#state
  }

  /** Since when nothing is heard; null while connected. */
  get downSinceMs(): number | null {
    return this.#downSinceMs
  }

  onState(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Returns the way to lose interest. A topic stays subscribed while anybody wants it. */
  subscribe(topic: string): () => void {
    const wanted = this.#topics.get(topic) ?? 0
    this.#topics.set(topic, wanted + 1)
    if (wanted === 0) this.#send({ type: 'subscribe', data: { topics: [topic] } })
    return () => {
      const left = (this.#topics.get(topic) ?? 1) - 1
      if (left > 0) {
        this.#topics.set(topic, left)
        return
      }
      this.#topics.delete(topic)
      this.#send({ type: 'unsubscribe', data: { topics: [topic] } })
    }
  }

  close(): void {
    this.#isClosed = true
    window.removeEventListener('online', this.#reconnectNow)
    clearTimeout(this.#reconnectTimer)
    this.#stopPinging()
    this.#socket?.close()
  }

  #open(): void {
    const socket = new WebSocket(this.#options.url)
    this.#socket = socket
    socket.addEventListener('open', () => this.#onOpen())
    socket.addEventListener('message', (event) => this.#onData(event.data))
    socket.addEventListener('close', () => this.#onClose(socket))
  }

  #onOpen(): void {
    this.#attempt = 0
    this.#downSinceMs = null
    this.#setState('open')
    const topics = [...this.#topics.keys()]
    if (topics.length > 0) this.#send({ type: 'subscribe', data: { topics } })
    if (this.#hasBeenOpen) this.#options.onResume()
    this.#hasBeenOpen = true
    this.#pingTimer = setInterval(() => this.#ping(), PING_EVERY_MS)
  }

  #onData(data: unknown): void {
    const message = parseMessage(data)
    if (message === null) return
    // Any sign of life will do.
    clearTimeout(this.#pongTimer)
    this.#pongTimer = undefined
    this.#options.onMessage(message)
  }

  #onClose(socket: WebSocket): void {
    if (socket !== this.#socket || this.#isClosed) return
    this.#stopPinging()
    this.#downSinceMs ??= Date.now()
    this.#setState('reconnecting')
    const delayMs = backoffDelayMs(RECONNECT, this.#attempt, Math.random())
    this.#attempt += 1
    clearTimeout(this.#reconnectTimer)
    this.#reconnectTimer = setTimeout(() => this.#open(), delayMs)
  }

  readonly #reconnectNow = (): void => {
    if (this.#state !== 'reconnecting' || this.#isClosed) return
    clearTimeout(this.#reconnectTimer)
    this.#attempt = 0
    this.#open()
  }

  #ping(): void {
    this.#send({ type: 'ping' })
    this.#pongTimer ??= setTimeout(() => this.#socket?.close(), PONG_WITHIN_MS)
  }

  #stopPinging(): void {
    clearInterval(this.#pingTimer)
    clearTimeout(this.#pongTimer)
    this.#pongTimer = undefined
  }

  #send(message: WsClientMessage): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message))
  }

  #setState(state: ConnectionState): void {
    this.#state = state
    for (const listener of this.#listeners) listener()
  }
}

export function parseMessage(data: unknown): WsServerMessage | null {
  if (typeof data !== 'string') return null
  try {
    const message: unknown = JSON.parse(data)
    const isMessage = typeof message === 'object' && message !== null && 'type' in message
    return isMessage ? (message as WsServerMessage) : null
  } catch {
    return null
  }
}
