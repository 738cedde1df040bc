import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { parseHostSet } from '../../core/host-set.ts'
import type { Resolver } from '../../outbound/pull-connection.ts'
import {
  MAX_REDIRECTS,
  PULL_LIMITS,
  type PulledFile,
  type PullLimits,
  type PullOptions,
  pullerFor,
  pullFile,
} from './pull.ts'

const open: (Server | TcpServer)[] = []
afterEach(async () => {
  for (const server of open.splice(0)) {
    if ('closeAllConnections' in server) server.closeAllConnections()
    server.close()
  }
})

async function listen<S extends Server | TcpServer>(server: S, host = '127.0.0.1'): Promise<number> {
  open.push(server)
  server.listen(0, host)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

const serve = (answer: RequestListener): Promise<number> => listen(createServer(answer))
/** A server that says these bytes to everybody. */
const say = (text: string, then: 'end' | 'wait' = 'end'): Promise<number> =>
  listen(
    createTcpServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => (then === 'end' ? socket.end(text, 'latin1') : socket.write(text, 'latin1')))
    }),
  )

interface Settings extends Partial<PullLimits> {
  readonly allow?: string
  readonly resolve?: Resolver
  readonly signal?: AbortSignal
  readonly authorization?: string
  readonly ca?: string
}

function options({ allow = '127.0.0.1', resolve, signal, authorization, ca, ...limits }: Settings = {}): PullOptions {
  const parsed = parseHostSet(allow)
  if (parsed === null) throw new Error(allow)
  return {
    allow: parsed,
    limits: { ...PULL_LIMITS, ...limits },
    signal: signal ?? new AbortController().signal,
    ...(resolve === undefined ? {} : { resolve }),
    ...(authorization === undefined ? {} : { authorization }),
    ...(ca === undefined ? {} : { ca }),
  }
}

async function bytesOf(file: PulledFile): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of file.chunks) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function pull(address: string, settings: Settings = {}): Promise<Buffer> {
  await using file = await pullFile(address, options(settings))
  return await bytesOf(file)
}

const failing = (code: string) => expect.objectContaining({ code })
const to =
  (host: string, family: 4 | 6 = 4): Resolver =>
  async () => [{ address: host, family }]

test('a file comes whole, as it is, and says where it came from', async () => {
  const body = Buffer.alloc(3_000_000, 7)
  const seen: IncomingMessage['headers'][] = []
  const port = await serve((request, response) => {
    seen.push(request.headers)
    response.setHeader('content-type', 'audio/wav').setHeader('content-length', body.length).end(body)
  })
  await using file = await pullFile(`http://us:pw@127.0.0.1:${port}/a%20b.wav?x=1#f`, options())
  expect(file).toMatchObject({ declaredBytes: body.length, declaredType: 'audio/wav' })
  expect(file.url).toBe(`http://127.0.0.1:${port}/a%20b.wav?x=1`)
  expect((await bytesOf(file)).equals(body)).toBe(true)
  expect(seen[0]).toMatchObject({
    host: `127.0.0.1:${port}`,
    'accept-encoding': 'identity',
    authorization: `Basic ${Buffer.from('us:pw').toString('base64')}`,
  })
})

test('a slow reader slows the source', async () => {
  let sent = 0
  const port = await serve((_request, response) => {
    const more = (): void => {
      while (sent < 200 * 65_536) {
        sent += 65_536
        if (!response.write(Buffer.alloc(65_536))) {
          response.once('drain', more)
          return
        }
      }
      response.end()
    }
    more()
  })
  await using file = await pullFile(`http://127.0.0.1:${port}/`, options())
  const chunks = file.chunks[Symbol.asyncIterator]()
  await chunks.next()
  // What fits into the buffers of the kernel and of both sides was sent; the source waits then.
  let before = -1
  while (before !== sent) {
    before = sent
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  expect(sent).toBeLessThan(200 * 65_536)
})

test('without being allowed nothing of this machine is reached, and nothing is sent to it', async () => {
  let connections = 0
  const server = createServer()
  server.on('connection', () => connections++)
  const port = await listen(server)
  const forms = [
    '127.0.0.1',
    'localhost',
    '0',
    '2130706433',
    '0x7f.1',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::1]',
  ]
  for (const host of forms) {
    await expect(pull(`http://${host}:${port}/`, { allow: '' }), host).rejects.toThrow(
      failing('pull_address_forbidden'),
    )
  }
  expect(connections).toBe(0)
})

test('a name is judged by its addresses', async () => {
  const port = await serve((_request, response) => response.end('secret'))
  const inside = `http://files.example:${port}/`
  for (const address of ['127.0.0.1', '10.0.0.1', '169.254.169.254', '::ffff:127.0.0.1']) {
    const resolve = to(address, address.includes(':') ? 6 : 4)
    await expect(pull(inside, { allow: '', resolve }), address).rejects.toThrow(failing('pull_address_forbidden'))
  }
  expect((await pull(inside, { allow: 'files.example', resolve: to('127.0.0.1') })).toString()).toBe('secret')
})

test('a name server that changes its mind changes nothing: what was checked is connected to', async () => {
  const port = await serve((_request, response) => response.end('allowed'))
  let asked = 0
  const rebinding: Resolver = async () => {
    asked++
    // The second answer would be another address of this machine, which nothing allows.
    return [{ address: asked === 1 ? '127.0.0.1' : '127.0.0.2', family: 4 }]
  }
  expect((await pull(`http://rebind.example:${port}/`, { resolve: rebinding })).toString()).toBe('allowed')
  expect(asked).toBe(1)
  // A second fetch asks again, and is judged again.
  await expect(pull(`http://rebind.example:${port}/`, { resolve: rebinding })).rejects.toThrow(
    failing('pull_address_forbidden'),
  )
})

test('of several addresses only those are tried that are allowed', async () => {
  let forbidden = 0
  const port = await serve((_request, response) => response.end('allowed'))
  const other = createTcpServer(() => forbidden++)
  open.push(other)
  other.listen(port, '127.0.0.2')
  await once(other, 'listening')
  const resolve: Resolver = async () => [
    { address: '127.0.0.2', family: 4 },
    { address: '127.0.0.1', family: 4 },
  ]
  expect((await pull(`http://two.example:${port}/`, { resolve })).toString()).toBe('allowed')
  expect(forbidden).toBe(0)
})

test('redirects are followed, relative ones too, and a loop ends', async () => {
  const port = await serve((request, response) => {
    const left = Number(request.url?.slice(1))
    if (left === 0) response.end('there')
    else response.writeHead([301, 302, 303, 307, 308][left % 5] ?? 302, { location: `/${left - 1}` }).end('moved')
  })
  await using file = await pullFile(`http://127.0.0.1:${port}/${MAX_REDIRECTS}`, options())
  expect((await bytesOf(file)).toString()).toBe('there')
  expect(file.url).toBe(`http://127.0.0.1:${port}/0`)
  await expect(pull(`http://127.0.0.1:${port}/${MAX_REDIRECTS + 1}`)).rejects.toThrow(failing('pull_redirect_refused'))
})

test.each([
  ['http://127.0.0.2:PORT/', 'pull_address_forbidden'],
  ['http://[::ffff:127.0.0.2]:PORT/', 'pull_address_forbidden'],
  ['http://169.254.169.254/latest/meta-data/', 'pull_address_forbidden'],
  ['//10.0.0.1/', 'pull_address_forbidden'],
  ['file:///etc/passwd', 'pull_url_invalid'],
  ['http://[', 'pull_url_invalid'],
])('a redirect to %s is judged like the first address', async (location, code) => {
  const port = await serve((_request, response) =>
    response.writeHead(302, { location: location.replace('PORT', String(port)) }).end(),
  )
  await expect(pull(`http://127.0.0.1:${port}/`)).rejects.toThrow(failing(code))
})

test('credentials go to the origin they are for and to no other', async () => {
  const seen: string[] = []
  const note = (name: string, request: IncomingMessage): number => seen.push(`${name} ${request.headers.authorization}`)
  const second = await serve((request, response) => {
    note('second', request)
    response.end()
  })
  const first = await serve((request, response) => {
    note('first', request)
    const location = request.url === '/a' ? '/b' : `http://127.0.0.1:${second}/`
    response.writeHead(302, { location }).end()
  })
  await pull(`http://127.0.0.1:${first}/a`, { authorization: 'Bearer t' })
  expect(seen.splice(0)).toEqual(['first Bearer t', 'first Bearer t', 'second undefined'])
  await pull(`http://u:p@127.0.0.1:${first}/a`)
  expect(seen).toEqual(['first Basic dTpw', 'first Basic dTpw', 'second undefined'])
})

test('a file that is declared too large is refused before it comes, an endless one at the limit', async () => {
  const declared = await serve((_request, response) => {
    response.writeHead(200, { 'content-length': 1_001 })
    response.flushHeaders()
  })
  await expect(pull(`http://127.0.0.1:${declared}/`, { maxBytes: 1_000 })).rejects.toThrow(failing('pull_too_large'))
  let closed: () => void = () => {}
  const isClosed = new Promise<void>((resolve) => {
    closed = resolve
  })
  const endless = await serve((_request, response: ServerResponse) => {
    const more = (): void => {
      while (response.write(Buffer.alloc(16_384)));
    }
    response.on('drain', more).on('close', closed)
    more()
  })
  await expect(pull(`http://127.0.0.1:${endless}/`, { maxBytes: 1_000_000 })).rejects.toThrow(failing('pull_too_large'))
  await isClosed
})

test('a body that ends early is no file', async () => {
  const short = await say('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this')
  await expect(pull(`http://127.0.0.1:${short}/`)).rejects.toThrow(/after 9 of 100 bytes/)
  const cut = await say('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n')
  await expect(pull(`http://127.0.0.1:${cut}/`)).rejects.toThrow(failing('pull_truncated'))
  // Without a length the end of the connection is the end of the file.
  const open = await say('HTTP/1.0 200 OK\r\n\r\nhello')
  expect((await pull(`http://127.0.0.1:${open}/`)).toString()).toBe('hello')
})

test('what follows a declared length is not part of the file', async () => {
  const port = await say('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, and more')
  expect((await pull(`http://127.0.0.1:${port}/`)).toString()).toBe('hello')
})

test('a source that is silent, stops, or drips is given up, each by its name', async () => {
  const silent = await listen(createTcpServer(() => {}))
  await expect(pull(`http://127.0.0.1:${silent}/`, { firstByteMs: 100 })).rejects.toThrow(failing('pull_no_answer'))
  const head = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome'
  const stopping = await say(head, 'wait')
  await expect(pull(`http://127.0.0.1:${stopping}/`, { stallMs: 100 })).rejects.toThrow(failing('pull_stalled'))
  const dripping = await serve((_request, response) => {
    const timer = setInterval(() => response.write('.'), 10)
    response.on('close', () => clearInterval(timer))
  })
  await expect(pull(`http://127.0.0.1:${dripping}/`, { totalMs: 300 })).rejects.toThrow(failing('pull_timeout'))
  const never: Resolver = () => new Promise(() => {})
  await expect(pull('http://a.example/', { resolve: never, firstByteMs: 50 })).rejects.toThrow(
    failing('pull_no_answer'),
  )
})

test('a reader that is slow itself is not taken for a source that stopped', async () => {
  const port = await serve((_request, response) => response.end(Buffer.alloc(4_000_000)))
  await using file = await pullFile(`http://127.0.0.1:${port}/`, options({ stallMs: 1_000 }))
  let gotBytes = 0
  for await (const chunk of file.chunks) {
    if (gotBytes === 0) await new Promise((resolve) => setTimeout(resolve, 1_200))
    gotBytes += chunk.length
  }
  expect(gotBytes).toBe(4_000_000)
})

test('an abort ends it with its own reason, whatever it waits for', async () => {
  const silent = await listen(createTcpServer(() => {}))
  const early = new AbortController()
  const waiting = pull(`http://127.0.0.1:${silent}/`, { signal: early.signal })
  early.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
  const port = await say('HTTP/1.1 200 OK\r\n\r\nsome', 'wait')
  const late = new AbortController()
  await using file = await pullFile(`http://127.0.0.1:${port}/`, options({ signal: late.signal }))
  const chunks = file.chunks[Symbol.asyncIterator]()
  await chunks.next()
  const next = chunks.next()
  late.abort(new Error('enough'))
  await expect(next).rejects.toThrow('enough')
})

test.each([
  ['not found', 'HTTP/1.1 404 Not Found\r\n\r\n', 'pull_status'],
  ['a part', 'HTTP/1.1 206 Partial Content\r\nContent-Length: 1\r\n\r\nx', 'pull_status'],
  ['nothing', 'HTTP/1.1 204 No Content\r\n\r\n', 'pull_status'],
  ['a redirect to nowhere', 'HTTP/1.1 302 Found\r\n\r\n', 'pull_status'],
  ['compressed', 'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nx', 'pull_encoded'],
  [
    'another protocol',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
    'pull_answer_invalid',
  ],
  ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n', 'pull_answer_invalid'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello', 'pull_answer_invalid'],
  ['a negative length', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n', 'pull_answer_invalid'],
  ['endless headers', `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`, 'pull_answer_invalid'],
  ['silence', '', 'pull_answer_invalid'],
])('an answer is refused by its name: %s', async (_name, text, code) => {
  const port = await say(text)
  await expect(pull(`http://127.0.0.1:${port}/`)).rejects.toThrow(failing(code))
})

test('nobody there, and a name that nobody knows, are told apart', async () => {
  const server = createServer()
  const port = await listen(server)
  server.close()
  await once(server, 'close')
  await expect(pull(`http://127.0.0.1:${port}/`)).rejects.toThrow(failing('pull_unreachable'))
  const unknown: Resolver = async () => {
    throw new Error('ENOTFOUND')
  }
  await expect(pull('http://a.example/', { resolve: unknown })).rejects.toThrow(failing('pull_host_unknown'))
  await expect(pull('http://a.example/', { resolve: async () => [] })).rejects.toThrow(failing('pull_host_unknown'))
})

test('over TLS the certificate must be for the name, and trusted', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mirror-pull-'))
  const files = { key: join(folder, 'key.pem'), cert: join(folder, 'cert.pem') }
  const names = 'subjectAltName=DNS:files.example'
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  execFileSync('openssl', [...args, '-keyout', files.key, '-out', files.cert, '-subj', '/CN=x', '-addext', names], {
    stdio: 'ignore',
  })
  const [key, cert] = [readFileSync(files.key, 'utf8'), readFileSync(files.cert, 'utf8')]
  rmSync(folder, { recursive: true })
  const port = await listen(createTlsServer({ key, cert }, (_request, response) => response.end('over TLS')))
  const resolve = to('127.0.0.1')
  expect((await pull(`https://files.example:${port}/`, { resolve, ca: cert })).toString()).toBe('over TLS')
  await expect(pull(`https://other.example:${port}/`, { resolve, ca: cert })).rejects.toThrow(
    failing('pull_tls_failed'),
  )
  await expect(pull(`https://files.example:${port}/`, { resolve })).rejects.toThrow(failing('pull_tls_failed'))
})

test('a puller has the hosts that the configuration allows, and the limit of its caller', async () => {
  const port = await serve((_request, response) => response.end('four'))
  const { signal } = new AbortController()
  const address = `http://127.0.0.1:${port}/`
  await expect(pullerFor('')(address, { maxBytes: 4, signal })).rejects.toThrow(failing('pull_address_forbidden'))
  const pullAllowed = pullerFor('127.0.0.0/8')
  expect((await bytesOf(await pullAllowed(address, { maxBytes: 4, signal }))).toString()).toBe('four')
  await expect(pullAllowed(address, { maxBytes: 3, signal })).rejects.toThrow(failing('pull_too_large'))
})
