import { expect, test } from 'vitest'
import { MirrorError } from './errors.ts'
import { redactFacts, redactText } from './redact.ts'

test.each([
  ['POST /ingest/show?key=s3cret&x=1', 'POST /ingest/show?key=***&x=1'],
  ['GET /?a=1&token=abc#top', 'GET /?a=1&token=***#top'],
  ['postgres://mirror:hunter2@db/mirror', 'postgres://mirror:***@db/mirror'],
  ['srt://host:6000?streamid=publish:show:s3cret&latency=1', 'srt://host:6000?streamid=publish:show:***&latency=1'],
  ['streamid=publish%3Ashow%3As3cret', 'streamid=publish%3Ashow%3A***'],
  ['Authorization: Bearer abc.def', 'Authorization: Bearer ***'],
  ['rtmp://127.0.0.1:1935/live', 'rtmp://127.0.0.1:1935/live'],
  ['http://[::1]:8080/a@b', 'http://[::1]:8080/a@b'],
  ['stream show published: 3 parts', 'stream show published: 3 parts'],
])('%s is written as %s', (text, masked) => {
  expect(redactText(text)).toBe(masked)
})

test.each([
  'key',
  'publishKey',
  'api_key',
  'rtmpKey',
  'password',
  'adminToken',
  'Authorization',
  'x-secret',
  'passphrase',
])('a fact named %s is masked', (name) => {
  expect(redactFacts({ [name]: 'hunter2' })).toEqual({ [name]: '***' })
})

test.each(['keyframe', 'keyId', 'objectKey', 'tokens', 'stream'])('a fact named %s is not a secret', (name) => {
  expect(redactFacts({ [name]: 'plain' })).toEqual({ [name]: 'plain' })
})

test('secrets are masked at every depth, and an absent one stays absent', () => {
  expect(redactFacts({ a: [{ b: { token: 't', url: '/x?key=k' } }], password: null })).toEqual({
    a: [{ b: { token: '***', url: '/x?key=***' } }],
    password: null,
  })
})

test('an error keeps its code, its details and its cause', () => {
  const error = new MirrorError('stream_busy', 'busy ?key=abc', {
    details: { stream: 'show' },
    cause: new Error('first'),
  })
  expect(redactFacts({ error })).toMatchObject({
    error: {
      name: 'MirrorError',
      code: 'stream_busy',
      message: 'busy ?key=***',
      details: { stream: 'show' },
      cause: { message: 'first' },
    },
  })
})

test('a cycle ends', () => {
  const loop: Record<string, unknown> = {}
  loop['self'] = loop
  expect(JSON.stringify(redactFacts(loop))).toContain('…')
})

test('bytes and big integers become text', () => {
  expect(redactFacts({ bytes: new Uint8Array(3), big: 5n })).toEqual({ bytes: '<3 bytes>', big: '5' })
})
