import { expect, test } from 'vitest'
import { encodeSocketAddress, renderSocketAddress, socketPort } from './socket-address.ts'

test.each([
  ['127.0.0.1', 6000, '127.0.0.1:6000'],
  ['0.0.0.0', 1, '0.0.0.0:1'],
  ['::1', 6000, '[::1]:6000'],
  ['::', 6000, '[::]:6000'],
  ['2001:db8::5:0:9', 65535, '[2001:db8::5:0:9]:65535'],
  ['::ffff:10.1.2.3', 9, '10.1.2.3:9'],
])('%s port %i is written %s', (host, port, text) => {
  const bytes = encodeSocketAddress(host, port)
  expect(renderSocketAddress(bytes)).toBe(text)
  expect(socketPort(bytes)).toBe(port)
})

test('the bytes are those of struct sockaddr_in', () => {
  expect([...encodeSocketAddress('127.0.0.1', 0x1770)]).toEqual([
    2, 0, 0x17, 0x70, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0,
  ])
})
