import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseSrtStreamId } from './stream-id.ts'

test.each([
  ['publish:cam1:abc123'],
  ['#!::r=cam1,m=publish,s=abc123'],
  ['#!::m=publish,r=cam1,k=abc123'],
  ['#!::r=cam1,m=publish,key=abc123'],
  ['#!::u=abc123,r=cam1,m=publish'],
  ['%23!%3A%3Ar%3Dcam1%2Cm%3Dpublish%2Cs%3Dabc123'],
  ['publish%3Acam1%3Aabc123'],
  ['#!::u=somebody,r=cam1,t=stream,m=publish,s=abc123'],
])('%s publishes cam1', (text) => {
  expect(parseSrtStreamId(text)).toEqual({ ok: true, mode: 'publish', streamId: 'cam1', key: 'abc123' })
})

test('a key may contain colons', () => {
  expect(parseSrtStreamId('publish:cam1:a:b')).toMatchObject({ ok: true, key: 'a:b' })
})

test.each([
  ['', 'missing', null],
  ['cam1', 'malformed', null],
  ['publish', 'malformed', null],
  ['publish:cam 1:k', 'malformed', null],
  ['publish:../etc:k', 'malformed', null],
  ['publish:cam1', 'key_missing', 'cam1'],
  ['publish:cam1:', 'key_missing', 'cam1'],
  ['request:cam1:k', 'mode_unsupported', 'cam1'],
  ['#!::r=cam1,s=k', 'mode_unsupported', 'cam1'],
  ['#!::r=cam1,m=request,s=k', 'mode_unsupported', 'cam1'],
  ['#!::r=cam1,m=publish', 'key_missing', 'cam1'],
  ['#!::r=cam1,m=publish,t=file,s=k', 'malformed', 'cam1'],
  ['#!::m=publish,s=k', 'malformed', null],
  ['#!::nonsense', 'malformed', null],
  ['publish%3A%', 'missing', null],
  ['%23!%3A%3A%253A', 'malformed', null],
  ['#!::', 'malformed', null],
])('%s is refused as %s', (text, failure, streamId) => {
  expect(parseSrtStreamId(text)).toMatchObject({ ok: false, failure, streamId })
})

test('any text is either accepted or refused by name, and a refusal never repeats the key', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 512 }), (text) => {
      const parsed = parseSrtStreamId(text)
      if (parsed.ok) expect(parsed.streamId).toMatch(/^[A-Za-z0-9-]{1,64}$/)
      else expect(parsed.message).not.toBe('')
    }),
  )
  expect(JSON.stringify(parseSrtStreamId('#!::r=cam1,m=secretkey1,s=secretkey2'))).not.toContain('secretkey')
})
