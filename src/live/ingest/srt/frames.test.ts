import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeJsonFrame, FRAME_HEADER_BYTES, type Frame, FrameReader, writeFrameHeader } from './frames.ts'

function dataFrame(connectionId: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length)
  writeFrameHeader(frame, 0, 'data', connectionId, payload.length)
  frame.set(payload, FRAME_HEADER_BYTES)
  return frame
}

test('frames survive any chunking, also empty ones', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 0xffff_ffff }), fc.uint8Array({ maxLength: 50 })), { maxLength: 8 }),
      fc.integer({ min: 1, max: 40 }),
      (frames, chunkBytes) => {
        const stream = Buffer.concat(frames.map(([id, payload]) => dataFrame(id, payload)))
        const reader = new FrameReader()
        const seen: Frame[] = []
        for (let at = 0; at < stream.length; at += chunkBytes) {
          seen.push(...reader.read(stream.subarray(at, at + chunkBytes)))
        }
        expect(seen.map((frame) => [frame.connectionId, [...frame.payload]])).toEqual(
          frames.map(([id, payload]) => [id, [...payload]]),
        )
        for (const frame of seen) expect(frame.payload.buffer.byteLength).toBe(frame.payload.length)
      },
    ),
  )
})

test('control frames carry JSON', () => {
  const [frame] = new FrameReader().read(encodeJsonFrame('opened', 7, { streamId: 'cam1' }))
  expect(frame).toMatchObject({ kind: 'opened', connectionId: 7 })
  expect(JSON.parse(Buffer.from(frame!.payload).toString())).toEqual({ streamId: 'cam1' })
})

test('bytes that are no frames are an error, not a huge allocation', () => {
  expect(() => new FrameReader().read(new Uint8Array(FRAME_HEADER_BYTES).fill(0xff))).toThrow(RangeError)
})
