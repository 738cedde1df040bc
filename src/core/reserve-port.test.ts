import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { holdPort, holdSharedPort } from './reserve-port.ts'

const host = '127.0.0.1'
const opened: Server[] = []

afterEach(async () => {
  for (const server of opened.splice(0)) await new Promise((resolve) => server.close(resolve))
})

async function listen(port: number, reusePort: boolean): Promise<void> {
  const server = createServer((socket) => socket.end('here'))
  opened.push(server)
  server.listen({ host, port, reusePort })
  await once(server, 'listening')
}

test('a port that is held is taken by nobody else', async () => {
  await using held = await holdPort(host, 0, 'a.port')
  await expect(listen(held.port, false)).rejects.toThrow(/EADDRINUSE/)
  await expect(holdPort(host, held.port, 'a.port')).rejects.toMatchObject({ code: 'port_taken' })
})

test('listeners that share a port open while it is held from all others, and answer when it is released', async () => {
  const held = await holdSharedPort(host, 0, 'a.port')
  await expect(listen(held.port, false)).rejects.toThrow(/EADDRINUSE/)
  await listen(held.port, true)
  await listen(held.port, true)
  await held.release()
  for (let n = 0; n < 20; n++) {
    const [said] = await once(connect(held.port, host), 'data')
    expect(String(said)).toBe('here')
  }
})

test('a port that others share is no free port', async () => {
  await using held = await holdSharedPort(host, 0, 'a.port')
  await expect(holdSharedPort(host, held.port, 'a.port')).rejects.toMatchObject({
    code: 'port_taken',
    message: expect.stringContaining('a.port'),
  })
})
