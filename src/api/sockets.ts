// WebSocket /api/v1/ws: pushes events and live figures to whoever subscribed. Limits keep one client from harming others.
import type { IncomingMessage, Server } from 'node:http'
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { type RawData, WebSocket, WebSocketServer } from 'ws'
import { addressKey } from '../core/address-key.ts'
import { ERRORS, type ErrorCode } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { LiveControl, LiveStatus } from '../live/control.ts'
import type { MirrorEvent } from '../live/events.ts'
import type { Principal } from './access.ts'
import { type WsServerMessage, wsClientMessageSchema } from './event-contract.ts'
import type { EventHub } from './event-hub.ts'
import { issueErrors, renderProblem, validationProblem } from './problems.ts'
import {
  decideTopics,
  eventMessage,
  publicEventMessage,
  publicStatusMessage,
  statusMessage,
  topicsOfEvent,
} from './socket-topics.ts'
import { DEFAULT_TENANT } from './stream-service.ts'

export interface SocketLimits {
  readonly messageBytes: number
  /** A consumer that lets more than this pile up is cut off. */
  readonly bufferedBytes: number
  readonly heartbeatMs: number
  readonly connections: number
  readonly connectionsPerAddress: number
}

export const DEFAULT_SOCKET_LIMITS: SocketLimits = {
  messageBytes: 16 * 1024,
  bufferedBytes: 1024 * 1024,
  heartbeatMs: 30_000,
  connections: 10_000,
  // Viewers behind one company's, carrier's or proxy's address share it.
  connectionsPerAddress: 6_000,
}

/** RFC 6455 section 7.4.1 and the IANA registry. */
const CLOSE_GOING_AWAY = 1001
const CLOSE_POLICY_VIOLATION = 1008

export type Identification =
  | { readonly ok: true; readonly principal: Principal | null }
  | { readonly ok: false; readonly code: ErrorCode; readonly retryAfterSec?: number }

export interface SocketServer extends AsyncDisposable {
  openCount(): number
  /** Closes connections whose credential no longer holds. */
  recheck(): Promise<void>
}

interface Client {
  readonly socket: WebSocket
  readonly principal: Principal | null
  readonly address: string
  readonly topics: Set<string>
  isAlive: boolean
}

export function startSockets(options: {
  readonly server: Server
  readonly live: LiveControl
  readonly events: Pick<EventHub, 'onEvent'>
  readonly identify: (request: IncomingMessage) => Promise<Identification>
  readonly isValid: (principal: Principal) => Promise<boolean>
  readonly remoteAddress: (request: IncomingMessage) => string
  readonly limits: SocketLimits
  readonly log: Log
}): SocketServer {
  const { server, live, events, identify, isValid, remoteAddress, limits, log } = options
  const clients = new Set<Client>()
  const byTopic = new Map<string, Set<Client>>()
  /** Last message sent per stream, so that an idle stream costs nothing. */
  const lastStatus = new Map<string, { full: string; public: string }>()
  const perAddress = new Map<string, number>()

  const acceptor = new WebSocketServer({
    noServer: true,
    maxPayload: limits.messageBytes,
    perMessageDeflate: false,
    // The key itself must never be echoed as the chosen protocol.
    handleProtocols: (protocols) => (protocols.has('bearer') ? 'bearer' : false),
  })

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // Without a listener a reset during the handshake would end the process.
    socket.on('error', () => socket.destroy())
    if (new URL(request.url ?? '/', 'http://localhost').pathname !== '/api/v1/ws') {
      refuse(socket, 'route_not_found')
      return
    }
    const address = addressKey(remoteAddress(request))
    if (clients.size >= limits.connections || (perAddress.get(address) ?? 0) >= limits.connectionsPerAddress) {
      refuse(socket, 'rate_limited', 10)
      return
    }
    const identified = await identify(request)
    if (!identified.ok) {
      refuse(socket, identified.code, identified.retryAfterSec)
      return
    }
    acceptor.handleUpgrade(request, socket, head, (accepted) => open(accepted, identified.principal, address))
  }

  function open(socket: WebSocket, principal: Principal | null, address: string): void {
    const client: Client = { socket, principal, address, topics: new Set(), isAlive: true }
    clients.add(client)
    perAddress.set(address, (perAddress.get(address) ?? 0) + 1)
    socket.on('message', (data, isBinary) => receive(client, data, isBinary))
    socket.on('pong', () => {
      client.isAlive = true
    })
    socket.on('error', () => socket.terminate())
    socket.on('close', () => forget(client))
    send(client, { type: 'hello', data: { role: principal?.role ?? null } })
  }

  function forget(client: Client): void {
    if (!clients.delete(client)) return
    for (const topic of client.topics) leave(client, topic)
    const left = (perAddress.get(client.address) ?? 1) - 1
    if (left <= 0) perAddress.delete(client.address)
    else perAddress.set(client.address, left)
  }

  function receive(client: Client, data: RawData, isBinary: boolean): void {
    const message = isBinary ? null : parseJson(String(data))
    const parsed = wsClientMessageSchema.safeParse(message)
    if (!parsed.success) {
      send(client, { type: 'error', data: validationProblem(issueErrors(parsed.error.issues)) })
      return
    }
    switch (parsed.data.type) {
      case 'ping':
        send(client, { type: 'pong' })
        break
      case 'subscribe':
        subscribe(client, parsed.data.data.topics)
        break
      case 'unsubscribe':
        for (const topic of parsed.data.data.topics) {
          client.topics.delete(topic)
          leave(client, topic)
        }
        break
      default:
        parsed.data satisfies never
    }
  }

  function subscribe(client: Client, topics: readonly string[]): void {
    const role = client.principal?.role ?? null
    const streamExists = (id: string) => live.status(id) !== null
    const decided = decideTopics({ role, current: client.topics, topics, streamExists })
    for (const topic of decided.topics) {
      client.topics.add(topic)
      const members = byTopic.get(topic) ?? new Set()
      byTopic.set(topic, members.add(client))
    }
    send(client, { type: 'subscribed', data: decided })
    for (const status of statusesOf(decided.topics)) {
      send(client, client.principal === null ? publicStatusMessage(status) : statusMessage(status))
    }
  }

  /** What a new subscriber should know at once. */
  function statusesOf(topics: readonly string[]): readonly LiveStatus[] {
    if (topics.includes('streams')) return live.statuses()
    return topics.flatMap((topic) => live.status(topic.slice('stream.'.length)) ?? [])
  }

  function leave(client: Client, topic: string): void {
    const members = byTopic.get(topic)
    members?.delete(client)
    if (members?.size === 0) byTopic.delete(topic)
  }

  function audience(topics: readonly string[]): Iterable<Client> {
    const groups = topics.flatMap((topic) => byTopic.get(topic) ?? [])
    const [only] = groups
    return groups.length <= 1 && only !== undefined ? only : new Set(groups.flatMap((group) => [...group]))
  }

  function pushEvent(event: MirrorEvent): void {
    // Whoever is connected works for the default tenant.
    if ((event.tenantId ?? DEFAULT_TENANT) !== DEFAULT_TENANT) return
    const publicMessage = publicEventMessage(event)
    const publicText = publicMessage === null ? null : JSON.stringify(publicMessage)
    const text = JSON.stringify(eventMessage(event))
    for (const client of audience(topicsOfEvent(event))) {
      if (client.principal !== null) sendText(client, text)
      else if (publicText !== null) sendText(client, publicText)
    }
    if (event.type === 'stream.deleted' && event.streamId !== null) lastStatus.delete(event.streamId)
  }

  function pushStatuses(statuses: readonly LiveStatus[]): void {
    for (const status of statuses) {
      const members = audience([`stream.${status.id}`, 'streams'])
      const texts = {
        full: JSON.stringify(statusMessage(status)),
        public: JSON.stringify(publicStatusMessage(status)),
      }
      const last = lastStatus.get(status.id)
      lastStatus.set(status.id, texts)
      for (const client of members) {
        const kind = client.principal === null ? 'public' : 'full'
        if (texts[kind] !== last?.[kind]) sendText(client, texts[kind])
      }
    }
  }

  function send(client: Client, message: WsServerMessage): void {
    sendText(client, JSON.stringify(message))
  }

  function sendText(client: Client, text: string): void {
    if (client.socket.readyState !== WebSocket.OPEN) return
    if (client.socket.bufferedAmount > limits.bufferedBytes) {
      client.socket.terminate()
      return
    }
    client.socket.send(text)
  }

  function beat(): void {
    for (const client of clients) {
      if (!client.isAlive) {
        client.socket.terminate()
        continue
      }
      client.isAlive = false
      client.socket.ping()
    }
    void recheck()
  }

  async function recheck(): Promise<void> {
    for (const client of [...clients]) {
      if (client.principal === null) continue
      // A database that is away is no reason to cut people off: the next beat asks again.
      const holds = await isValid(client.principal).catch(() => true)
      if (!holds) client.socket.close(CLOSE_POLICY_VIOLATION, 'the credential no longer holds')
    }
  }

  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    upgrade(request, socket, head).catch((error: unknown) => {
      log.error('A WebSocket handshake failed', { error })
      refuse(socket, 'internal')
    })
  }
  server.on('upgrade', onUpgrade)
  const stopListening = [events.onEvent(pushEvent), live.onStatus(pushStatuses)]
  const heartbeat = setInterval(beat, limits.heartbeatMs)

  return {
    openCount: () => clients.size,
    recheck,
    async [Symbol.asyncDispose]() {
      server.off('upgrade', onUpgrade)
      clearInterval(heartbeat)
      for (const stop of stopListening) stop()
      for (const { socket } of clients) socket.close(CLOSE_GOING_AWAY, 'Mirror is stopping')
      acceptor.close()
      // Clients get a moment to answer the close; whoever does not is cut.
      if (clients.size > 0) await new Promise((resolve) => setTimeout(resolve, 100))
      for (const { socket } of clients) socket.terminate()
    },
  }
}

function refuse(socket: Duplex, code: ErrorCode, retryAfterSec?: number): void {
  const body = JSON.stringify(renderProblem(code, ERRORS[code].title))
  const status = ERRORS[code].status
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Connection: close',
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(retryAfterSec === undefined ? [] : [`Retry-After: ${retryAfterSec}`]),
  ]
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
