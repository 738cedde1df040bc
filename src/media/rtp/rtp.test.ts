import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseRtpPacket, type RtpPacket } from './rtp-packet.ts'
import { RtpReorder } from './rtp-reorder.ts'

function packet(sequence: number, ssrc = 1): RtpPacket {
  return { sequence: sequence & 0xffff, ssrc, payload: Uint8Array.of(sequence >> 8, sequence & 0xff) }
}

function reorder(packets: readonly RtpPacket[]): { readonly order: number[]; readonly lost: number } {
  const order: number[] = []
  let lost = 0
  const buffer = new RtpReorder({
    onPayload: (payload) => order.push(((payload[0] ?? 0) << 8) | (payload[1] ?? 0)),
    onLost: (count) => {
      lost += count
    },
  })
  for (const each of packets) buffer.push(each)
  buffer.flush()
  return { order, lost }
}

test('a packet is read with contributing sources, extension and padding', () => {
  const bytes = Uint8Array.from([
    0b1011_0001,
    33,
    0x12,
    0x34,
    0,
    0,
    0,
    9,
    0,
    0,
    0,
    7, // header: padding, extension, one source
    1,
    2,
    3,
    4, // contributing source
    0xbe,
    0xde,
    0,
    1,
    9,
    9,
    9,
    9, // extension of one word
    0x47,
    0x11, // payload
    0,
    2, // padding
  ])
  expect(parseRtpPacket(bytes)).toEqual({ sequence: 0x1234, ssrc: 7, payload: Uint8Array.of(0x47, 0x11) })
})

test('what is no RTP packet is null, whatever the bytes', () => {
  expect(parseRtpPacket(Uint8Array.of(0x47, 1, 2))).toBeNull()
  expect(parseRtpPacket(new Uint8Array(188).fill(0x47))).toBeNull()
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => void parseRtpPacket(bytes)))
})

test('packets shuffled within the window come out in order, none lost, also over the 16-bit wrap', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 0xffff }),
      fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 100, maxLength: 100 }),
      (start, delays) => {
        const numbers = delays.map((_, index) => (start + index) & 0xffff)
        const arrival = numbers
          .map((sequence, index) => ({ sequence, at: index + (index === 0 ? 0 : (delays[index] ?? 0)) }))
          .toSorted((a, b) => a.at - b.at)
          .map(({ sequence }) => packet(sequence))
        expect(reorder(arrival)).toEqual({ order: numbers, lost: 0 })
      },
    ),
  )
})

test('a missing packet is given up and counted, a duplicate is dropped', () => {
  const packets = Array.from({ length: 200 }, (_, index) => packet(index)).filter(({ sequence }) => sequence !== 50)
  const { order, lost } = reorder([...packets.slice(0, 120), packet(10), ...packets.slice(120)])
  expect(lost).toBe(1)
  expect(order).toHaveLength(199)
  expect(order).toEqual(order.toSorted((a, b) => a - b))
})

test('a restarted sender goes on at once', () => {
  const { order, lost } = reorder([packet(1), packet(2), packet(40_000), packet(40_001), packet(7, 2), packet(8, 2)])
  expect(order).toEqual([1, 2, 40_000, 40_001, 7, 8])
  expect(lost).toBe(0)
})
