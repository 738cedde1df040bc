import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { expect, test } from 'vitest'
import { LocalConnectionCounts } from './connection-counts.ts'
import { ConnectionGuard } from './connection-guard.ts'
import { GuardedConnections } from './guarded-connections.ts'

test('who asks during a stand-still is told why he was refused', async () => {
  const limits = { connections: 0, connectionsPerAddress: 1, isTrusted: () => false }
  const guard = new ConnectionGuard(limits, new LocalConnectionCounts(), () => performance.now())
  const connections = new GuardedConnections(guard, { tellsRefused: true })
  const server = createServer((request, response) => response.end(connections.refusalOf(request.socket)))
  connections.watch(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  await Promise.all([once(socket, 'connect'), accepted])
  let heard = ''
  socket.on('data', (bytes: Buffer) => {
    heard += bytes.toString('latin1')
  })
  socket.write('GET / HTTP/1.1\r\nHost: mirror\r\nConnection: close\r\n\r\n')
  // Longer than a refused connection may stay.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1200)
  await once(socket, 'close')
  expect(heard).toContain('connections_full')
  server.close()
})
