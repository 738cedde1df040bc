import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { parseHostSet } from '../core/host-set.ts'
import { type PostOptions, postMessage } from './post-message.ts'

const open: (Server | TcpServer)[] = []
afterEach(() => {
  for (const server of open.splice(0)) {
    if ('closeAllConnections' in server) server.closeAllConnections()
    server.close()
  }
})

async function listen(server: Server | TcpServer): Promise<string> {
  open.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
const serve = async (answer: RequestListener) => await listen(createServer(answer))

async function post(
  url: string,
  { allow = '127.0.0.1', ...change }: Partial<Omit<PostOptions, 'allow'>> & { allow?: string } = {},
) {
  const hosts = parseHostSet(allow)
  if (hosts === null) throw new Error(allow)
  const message = { headers: { 'webhook-id': 'm1' }, body: '{"grüße":1}' }
  const options = { allow: hosts, signal: new AbortController().signal, now: Date.now, ...change }
  return await postMessage(url, message, options)
}

test('the body arrives byte for byte, with the headers', async () => {
  const seen: unknown[] = []
  const url = await serve(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const { 'content-type': type, 'webhook-id': id, authorization } = request.headers
    seen.push([request.method, request.url, type, id, authorization, Buffer.concat(chunks).toString('utf8')])
    response.writeHead(202).end('thanks')
  })
  const attempt = await post(`${url.replace('//', '//user:word@')}/hook?x=1`)
  expect(attempt).toMatchObject({ status: 202, failure: null, response: 'thanks', retryAfterMs: null })
  const basic = `Basic ${Buffer.from('user:word').toString('base64')}`
  expect(seen).toEqual([['POST', '/hook?x=1', 'application/json', 'm1', basic, '{"grüße":1}']])
})

test('nothing of this machine is reached unless it is allowed, by no form of its address', async () => {
  let connections = 0
  const server = createServer()
  server.on('connection', () => connections++)
  const { port } = new URL(await listen(server))
  for (const host of ['127.0.0.1', 'localhost', '2130706433', '[::ffff:127.0.0.1]', '[::1]']) {
    const attempt = await post(`http://${host}:${port}/`, { allow: '' })
    expect(attempt, host).toMatchObject({
      status: null,
      failure: expect.stringContaining('is not at a public address'),
    })
  }
  const rebound = await post(`http://hooks.example:${port}/`, {
    allow: '',
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
  })
  expect(rebound.failure).toContain('is not at a public address')
  expect(connections).toBe(0)
})

test('a redirect is a failure, and is not followed', async () => {
  let followed = 0
  const url = await serve((request, response) => {
    if (request.url === '/there') followed += 1
    response.writeHead(307, { location: '/there' }).end()
  })
  expect(await post(`${url}/`)).toMatchObject({ status: 307, failure: expect.stringContaining('not followed') })
  expect(followed).toBe(0)
})

test('of an endless answer the beginning is read, and its status counts', async () => {
  let isOpen = true
  const url = await serve((_request, response) => {
    response.on('close', () => {
      isOpen = false
    })
    response.writeHead(200)
    const more = (): void => {
      while (isOpen && response.write(Buffer.alloc(65_536, 'x'))) {}
      if (isOpen) response.once('drain', more)
    }
    more()
  })
  const attempt = await post(url)
  expect([attempt.failure, attempt.response?.length]).toEqual([null, 1024])
  await expect.poll(() => isOpen).toBe(false)
})

test('an endpoint that says nothing, or never ends its answer, does not hold a place for ever', async () => {
  const silent = await serve(() => {})
  expect(await post(silent, { timeoutMs: 100 })).toMatchObject({
    ...{ status: null, failure: 'It did not answer within 0.1 s' },
  })
  const slow = await serve((_request, response) => {
    response.writeHead(200).write('so far')
  })
  expect(await post(slow, { timeoutMs: 3000 })).toMatchObject({ status: 200, failure: null, response: 'so far' })
})

test('whatever else goes wrong is told in words', async () => {
  const garbage = await listen(createTcpServer((socket) => socket.on('error', () => {}).end('SSH-2.0-x\r\n')))
  expect((await post(garbage)).failure).not.toBeNull()
  expect((await post('http://127.0.0.1:1/')).failure).toContain('ECONNREFUSED')
  const busy = await serve((_request, response) => {
    response.writeHead(503, { 'retry-after': '120' }).end('\u0000\u001b[31mbusy')
  })
  expect(await post(busy)).toMatchObject({
    ...{ status: 503, failure: 'It answered with status 503', retryAfterMs: 120_000, response: '��[31mbusy' },
  })
})

test('an abort ends it with the reason', async () => {
  const url = await serve(() => {})
  const stop = new AbortController()
  const reason = new Error('Mirror stops')
  const sent = post(url, { signal: stop.signal })
  stop.abort(reason)
  await expect(sent).rejects.toBe(reason)
})
