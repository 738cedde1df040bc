// One request over a connection to an address that was checked: it is resolved once, and only what passed is connected to.
import { lookup } from 'node:dns/promises'
import { type IncomingMessage, request } from 'node:http'
import { connect, type LookupFunction, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { MirrorError } from '../core/errors.ts'
import type { HostSet } from '../core/host-set.ts'
import { orAborted } from '../storage/abortable.ts'
import { hostOf, literalAddress, mayReach, type PullHop } from './pull-policy.ts'

export interface ResolvedAddress {
  readonly address: string
  readonly family: number
}

/** Rejects with whatever the system says when a name has no address. */
export type Resolver = (host: string) => Promise<readonly ResolvedAddress[]>

export interface ConnectOptions {
  readonly allow: HostSet
  readonly signal: AbortSignal
  readonly resolve?: Resolver
  readonly ca?: string
}

/** More addresses than a name needs; the rest is not tried. */
const MAX_ADDRESSES = 8
const MAX_HEADER_BYTES = 32 * 1024

/** Resolves with the head of the answer; the body waits to be read. Rejects with a `pull_…` error or the signal's reason. */
export async function openHop(hop: PullHop, options: ConnectOptions): Promise<IncomingMessage> {
  const { signal } = options
  signal.throwIfAborted()
  const addresses = await allowedAddresses(hop.url, options)
  const socket = await openSocket(hop.url, addresses, options)
  try {
    return await orAborted(ask(hop, socket), signal)
  } catch (error) {
    socket.destroy()
    signal.throwIfAborted()
    if (error instanceof MirrorError) throw error
    throw new MirrorError('pull_answer_invalid', `${hop.url.host}: ${messageOf(error)}`, { cause: error })
  }
}

async function allowedAddresses(url: URL, { allow, resolve, signal }: ConnectOptions): Promise<ResolvedAddress[]> {
  const host = hostOf(url)
  const literal = literalAddress(url)
  const found =
    literal === null
      ? await orAborted((resolve ?? resolveBySystem)(host), signal).catch((cause: unknown) => {
          signal.throwIfAborted()
          throw new MirrorError('pull_host_unknown', `The host ${host} has no address`, { cause })
        })
      : [{ address: literal, family: literal.includes(':') ? 6 : 4 }]
  if (found.length === 0) throw new MirrorError('pull_host_unknown', `The host ${host} has no address`)
  const allowed = found.filter(({ address }) => mayReach(host, address, allow)).slice(0, MAX_ADDRESSES)
  if (allowed.length > 0) return allowed
  throw forbidden(host)
}

/** Which address it is stays in the log: the answer would tell a stranger how our network is numbered. */
function forbidden(host: string): MirrorError {
  return new MirrorError('pull_address_forbidden', `${host} is not at a public address`)
}

async function resolveBySystem(host: string): Promise<ResolvedAddress[]> {
  return await lookup(host, { all: true })
}

async function openSocket(url: URL, addresses: readonly ResolvedAddress[], options: ConnectOptions): Promise<Socket> {
  const { allow, signal, ca } = options
  const host = hostOf(url)
  const isTls = url.protocol === 'https:'
  // Whatever asks for the name again gets what was checked; a name server has no second word.
  const pinned: LookupFunction = (_name, _how, done) => done(null, [...addresses])
  const to = {
    host,
    port: url.port === '' ? (isTls ? 443 : 80) : Number(url.port),
    lookup: pinned,
    autoSelectFamily: true,
  }
  const trust = ca === undefined ? {} : { ca }
  const named = literalAddress(url) === null ? { servername: host } : {}
  const socket = isTls ? connectTls({ ...to, ...trust, ...named, ALPNProtocols: ['http/1.1'] }) : connect(to)
  socket.on('error', () => {}) // Told by the promise, and later by the request.
  try {
    await orAborted(connected(socket, isTls), signal)
  } catch (error) {
    socket.destroy()
    signal.throwIfAborted()
    throw connectFailure(url, error)
  }
  // No byte was sent over it yet, not even of a request.
  if (mayReach(host, socket.remoteAddress ?? '', allow)) return socket
  socket.destroy()
  throw forbidden(host)
}

function connected(socket: Socket, isTls: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(isTls ? 'secureConnect' : 'connect', resolve)
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the connection was closed')))
  })
}

function connectFailure(url: URL, error: unknown): MirrorError {
  const code = String((error as NodeJS.ErrnoException).code ?? '')
  const isTlsFailure = url.protocol === 'https:' && !/^E[A-Z]+$/.test(code)
  return isTlsFailure
    ? new MirrorError('pull_tls_failed', `${url.host}: ${messageOf(error)}`, { cause: error })
    : new MirrorError('pull_unreachable', `${url.host} cannot be connected to (${code || messageOf(error)})`, {
        cause: error,
      })
}

function ask({ url, authorization, post }: PullHop, socket: Socket): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asking = request({
      createConnection: () => socket,
      method: post === undefined ? 'GET' : 'POST',
      path: `${url.pathname}${url.search}`,
      maxHeaderSize: MAX_HEADER_BYTES,
      headers: {
        host: url.host,
        accept: '*/*',
        // What is stored is what was hashed and counted: no compression on the way.
        'accept-encoding': 'identity',
        'user-agent': 'Mirror',
        connection: 'close',
        ...(authorization === null ? {} : { authorization }),
        ...(post === undefined ? {} : { ...post.headers, 'content-length': Buffer.byteLength(post.body) }),
      },
    })
    asking.on('error', reject)
    asking.once('response', resolve)
    asking.once('upgrade', () => reject(new Error('the source switched to another protocol')))
    asking.end(post?.body)
  })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
