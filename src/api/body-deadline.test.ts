import { connect } from 'node:net'
import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { limitBodyTime } from './body-deadline.ts'

let app: FastifyInstance
let port: number

beforeEach(async () => {
  app = fastify({ requestTimeout: 0, forceCloseConnections: true })
  app.addHook('onRequest', async (request, reply) => limitBodyTime(request, reply, 100))
  app.addContentTypeParser('application/x-stream', (_request, payload, done) => done(null, payload))
  app.post('/short', async (request) => ({ got: request.body }))
  app.post('/long', { config: { longBody: true } }, async (request) => {
    let bytes = 0
    for await (const chunk of request.raw) bytes += (chunk as Uint8Array).byteLength
    return { bytes }
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  port = (app.server.address() as { port: number }).port
})
afterEach(() => app.close())

/** What comes back until the connection ends or `isEnough`. */
async function talk(
  parts: readonly [text: string, afterMs: number][],
  isEnough: (answer: string) => boolean,
): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  const ended = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1')
      if (isEnough(answer)) resolve()
    })
    socket.once('close', () => resolve())
    socket.on('error', () => resolve())
  })
  for (const [text, afterMs] of parts) {
    await new Promise((resolve) => setTimeout(resolve, afterMs))
    socket.write(text)
  }
  await ended
  socket.destroy()
  return answer
}

const head = (path: string, type: string, length: number) =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n`

test('a body that does not end in time is given up', async () => {
  const answer = await talk([[`${head('/short', 'application/json', 10)}{"a"`, 0]], () => false)
  expect(answer).toMatch(/^HTTP\/1\.1 408 /)
})

test('a body that comes in time is read, and the next one on the same connection has its own time', async () => {
  const request = `${head('/short', 'application/json', 7)}{"a":1}`
  const answer = await talk(
    [
      [request, 0],
      [request, 150],
    ],
    (text) => text.split('{"got"').length === 3,
  )
  expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(2)
})

test('where a body may be long, it may take longer', async () => {
  const answer = await talk(
    [
      [`${head('/long', 'application/x-stream', 6)}abc`, 0],
      ['def', 200],
    ],
    (text) => text.includes('bytes'),
  )
  expect(answer).toContain('{"bytes":6}')
})
