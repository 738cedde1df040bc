import { expect, test } from 'vitest'
import { HANDSHAKE_BYTES, ServerHandshake } from './handshake.ts'

const c0c1c2 = Uint8Array.from({ length: 1 + 2 * HANDSHAKE_BYTES }, (_, index) => (index === 0 ? 3 : index % 251))

test('the answer echoes C1 and names no Flash version, whatever the pieces', () => {
  for (const size of [1, 100, 1536, 1537, 5000]) {
    const handshake = new ServerHandshake((bytes) => bytes.fill(7))
    const sent = Uint8Array.from([...c0c1c2, 0xaa, 0xbb])
    let reply: Uint8Array | null = null
    let rest: number[] | null = null
    for (let offset = 0; offset < sent.length; offset += size) {
      const piece = sent.subarray(offset, offset + size)
      if (rest !== null) {
        rest.push(...piece)
        continue
      }
      const step = handshake.push(piece)
      if (step.kind === 'reply') reply = step.bytes
      if (step.kind === 'done') {
        reply ??= step.reply
        rest = [...step.rest]
      }
    }
    expect(rest).toEqual([0xaa, 0xbb])
    expect(reply?.length).toBe(1 + 2 * HANDSHAKE_BYTES)
    expect(reply?.subarray(0, 10)).toEqual(Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, 0, 7))
    expect(reply?.subarray(1 + HANDSHAKE_BYTES)).toEqual(c0c1c2.subarray(1, 1 + HANDSHAKE_BYTES))
  }
})

test('the first byte tells a stranger', () => {
  expect(() => new ServerHandshake(() => {}).push(Uint8Array.of(0x16))).toThrow('does not speak RTMP')
})
