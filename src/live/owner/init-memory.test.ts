import fc from 'fast-check'
import { expect, test } from 'vitest'
import { InitMemory } from './init-memory.ts'

function box(type: string, contentBytes: number): Uint8Array {
  const bytes = new Uint8Array(8 + contentBytes).fill(contentBytes & 255, 8)
  new DataView(bytes.buffer).setUint32(0, bytes.length)
  bytes.set(Buffer.from(type), 4)
  return bytes
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts))
}

const header = join(box('ftyp', 16), box('moov', 300))
const fragment = join(box('moof', 60), box('mdat', 500))

function send(memory: InitMemory, bodyId: string, bytes: Uint8Array, cuts: readonly number[] = []): Uint8Array {
  const sorted = [0, ...cuts.filter((cut) => cut < bytes.length).toSorted((a, b) => a - b), bytes.length]
  const parsed: Uint8Array[] = []
  for (let index = 1; index < sorted.length; index++) {
    const chunk = bytes.slice(sorted[index - 1], sorted[index])
    if (chunk.length > 0) parsed.push(...memory.completed(bodyId, chunk))
  }
  return join(...parsed)
}

const anyCuts = fc.array(fc.nat(header.length + fragment.length), { maxLength: 12 })

test('a body with its own header passes unchanged, wherever it is cut', () => {
  fc.assert(
    fc.property(anyCuts, (cuts) => {
      const memory = new InitMemory()
      expect(send(memory, 'one', join(header, fragment), cuts)).toEqual(join(header, fragment))
    }),
  )
})

test('a later body with fragments alone gets the header in front, wherever either was cut', () => {
  fc.assert(
    fc.property(anyCuts, anyCuts, (first, second) => {
      const memory = new InitMemory()
      send(memory, 'one', join(header, fragment), first)
      expect(send(memory, 'two', fragment, second)).toEqual(join(header, fragment))
      expect(send(memory, 'three', join(box('styp', 12), fragment), second)).toEqual(
        join(header, box('styp', 12), fragment),
      )
    }),
  )
})

test('a header in a request of its own is remembered', () => {
  const memory = new InitMemory()
  send(memory, 'header', header)
  expect(send(memory, 'fragment', fragment)).toEqual(join(header, fragment))
})

test('the newest header counts', () => {
  const memory = new InitMemory()
  const other = join(box('ftyp', 16), box('moov', 77))
  send(memory, 'one', header)
  send(memory, 'two', join(other, fragment))
  expect(send(memory, 'three', fragment)).toEqual(join(other, fragment))
})

test('fragments without any header pass as they are: the demuxer names the fault', () => {
  expect(send(new InitMemory(), 'one', fragment)).toEqual(fragment)
})

test('a header that never ends is not collected for ever', () => {
  const memory = new InitMemory()
  const endless = box('moov', 1_000_000)
  expect(send(memory, 'one', endless, [1000, 200_000, 300_000])).toEqual(endless)
  expect(send(memory, 'two', fragment)).toEqual(fragment)
})
