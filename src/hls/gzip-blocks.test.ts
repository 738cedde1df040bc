import { execFileSync } from 'node:child_process'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { assembleGzip, deflateBlock } from './gzip-blocks.ts'

test('whatever the blocks are, what comes out is what went in', () => {
  const bytes = fc.uint8Array({ maxLength: 3000 })
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 6 }), bytes, (blocks, tail) => {
      const gzip = assembleGzip(blocks.map(deflateBlock), tail)
      expect(gunzipSync(gzip).equals(Buffer.concat([...blocks, tail]))).toBe(true)
    }),
  )
})

test('gzip and Python read it as one stream', () => {
  const texts = ['one\n', 'two\n'.repeat(5000), '', 'three\n']
  const [tail = '', ...blocks] = texts.toReversed()
  const gzip = assembleGzip(
    blocks.toReversed().map((text) => deflateBlock(Buffer.from(text))),
    Buffer.from(tail),
  )
  execFileSync('gzip', ['-t'], { input: gzip })
  const script = 'import gzip, sys; sys.stdout.buffer.write(gzip.decompress(sys.stdin.buffer.read()))'
  expect(execFileSync('python3', ['-c', script], { input: gzip }).toString()).toBe(texts.join(''))
})

test('the same text gives the same bytes', () => {
  const make = () => assembleGzip([deflateBlock(Buffer.from('a'.repeat(999)))], Buffer.from('b'))
  expect(make().equals(make())).toBe(true)
})
