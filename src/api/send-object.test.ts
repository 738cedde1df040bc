import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, readdir, readlink, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openFolderStore } from '../storage/folder-store.ts'
import { parseObjectKey } from '../storage/keys.ts'
import type { ObjectKey, ObjectStore } from '../storage/object-store.ts'
import { toProblem } from './problems.ts'
import { type SentObject, sendObject } from './send-object.ts'

const bytes = randomBytes(3_000_000)
const signal = new AbortController().signal
const object: SentObject = {
  key: parseObjectKey('recordings/default/r1/original') as ObjectKey,
  ...{ sizeBytes: bytes.byteLength, version: 'abc', contentType: 'audio/wav', fileName: 'Anruf "7".wav' },
}
let folder: string
let store: ObjectStore
let app: FastifyInstance
let url: string
let sent: SentObject = object

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-send-'))
  store = await openFolderStore(folder, { randomId: randomUUID })
  await store.put(object.key, bytes, { signal, contentType: 'audio/wav' })
  // As in the server: a connection that a test still holds keeps nobody waiting.
  app = fastify({ forceCloseConnections: true })
  app.setErrorHandler((error, _request, reply) => {
    const problem = toProblem(error)
    return reply.code(problem.status).send(problem)
  })
  const handler = (request: FastifyRequest, reply: FastifyReply) => sendObject(request, reply, store, sent)
  app.route({ method: ['GET', 'HEAD'], url: '/it', exposeHeadRoute: false, handler })
  url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/it`
})

afterAll(async () => {
  await app.close()
  await store[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

async function ask(
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<{ response: Response; body: Buffer }> {
  const response = await fetch(url, { headers, method })
  return { response, body: Buffer.from(await response.arrayBuffer()) }
}

test('all of it arrives, with what a browser must know', async () => {
  const { response, body } = await ask()
  expect([response.status, body.equals(bytes)]).toEqual([200, true])
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'audio/wav',
    'content-length': '3000000',
    'accept-ranges': 'bytes',
    'x-content-type-options': 'nosniff',
    etag: '"abc"',
    'content-disposition': `inline; filename="Anruf _7_.wav"; filename*=UTF-8''Anruf%20%227%22.wav`,
  })
})

test.each([
  ['bytes=0-0', 0, 1],
  ['bytes=1000000-1999999', 1_000_000, 2_000_000],
  ['bytes=2999999-', 2_999_999, 3_000_000],
  ['bytes=-10', 2_999_990, 3_000_000],
  ['bytes=5-99999999', 5, 3_000_000],
])('%s is answered with those bytes', async (range, start, end) => {
  const { response, body } = await ask({ range })
  expect([response.status, response.headers.get('content-range')]).toEqual([206, `bytes ${start}-${end - 1}/3000000`])
  expect(body.equals(bytes.subarray(start, end))).toBe(true)
})

test.each(['bytes=3000000-', 'bytes=-0'])('%s is 416 with the size', async (range) => {
  const { response } = await ask({ range })
  expect([response.status, response.headers.get('content-range')]).toEqual([416, 'bytes */3000000'])
})

test.each(['bytes=5-1', 'items=0-1', 'bytes=0-1,4-5'])('%s is answered with everything', async (range) => {
  expect((await ask({ range })).response.status).toBe(200)
})

test('a range of another version is answered with everything', async () => {
  expect((await ask({ range: 'bytes=0-1', 'if-range': '"old"' })).response.status).toBe(200)
  expect((await ask({ range: 'bytes=0-1', 'if-range': '"abc"' })).response.status).toBe(206)
})

test('who has it already is told so', async () => {
  expect((await ask({ 'if-none-match': '"abc"' })).response.status).toBe(304)
})

test('HEAD tells the same without the bytes', async () => {
  const { response, body } = await ask({ range: 'bytes=10-19' }, 'HEAD')
  expect([response.status, response.headers.get('content-length'), body.byteLength]).toEqual([206, '10', 0])
})

test.each(['text/html', 'image/svg+xml', 'application/pdf', 'application/javascript'])(
  '%s is for saving',
  async (contentType) => {
    sent = { ...object, contentType }
    const { response } = await ask()
    sent = object
    expect(response.headers.get('content-type')).toBe('application/octet-stream')
    expect(response.headers.get('content-disposition')).toMatch(/^attachment;/)
  },
)

test.each(['GET', 'HEAD'])('what the store has no more is 410 to %s', async (method) => {
  sent = { ...object, key: parseObjectKey('recordings/default/none/original') as ObjectKey }
  const { response } = await ask({}, method)
  sent = object
  expect(response.status).toBe(410)
})

test('who leaves in the middle leaves no open file', async () => {
  // More than the buffers of two sockets hold.
  const large = {
    ...object,
    key: parseObjectKey('recordings/default/r2/original') as ObjectKey,
    sizeBytes: 32 * 2 ** 20,
  }
  await store.put(large.key, Buffer.alloc(large.sizeBytes), { signal, contentType: 'audio/wav' })
  sent = large
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.write('GET /it HTTP/1.1\r\nHost: x\r\n\r\n')
  await new Promise((resolve) => socket.once('data', resolve))
  socket.pause()
  sent = object
  // That of a request before may be closing still.
  await expect.poll(openFiles).toBe(1)
  socket.destroy()
  await expect.poll(openFiles).toBe(0)
})

async function openFiles(): Promise<number> {
  const targets = (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ''))
  return (await Promise.all(targets)).filter((path) => path.startsWith(folder) && path.includes('original')).length
}

test('WebVTT is what it is, for players, and cannot be taken for a page', async () => {
  sent = { ...object, contentType: 'text/vtt' }
  const { response } = await ask()
  sent = object
  expect(response.headers.get('content-type')).toBe('text/vtt')
  expect(response.headers.get('content-disposition')).toMatch(/^inline;/)
  expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  expect(response.headers.get('content-security-policy')).toMatch(/sandbox/)
})
