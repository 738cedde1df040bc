/** Frames on the pipe from the SRT child: kind (1 byte), connection (4), length of the payload (4), big-endian. */
export const FRAME_HEADER_BYTES = 9
/** A length beyond this means that the two sides have lost each other. */
export const MAX_FRAME_PAYLOAD_BYTES = 1024 * 1024

const KINDS = ['opened', 'data', 'ended'] as const
export type FrameKind = (typeof KINDS)[number]

export interface Frame {
  readonly kind: FrameKind
  readonly connectionId: number
  /** In an ArrayBuffer of its own and of its exact size, so that it can be transferred to another thread. */
  readonly payload: Uint8Array<ArrayBuffer>
}

/** Writes a frame header at `offset`. */
export function writeFrameHeader(
  target: Uint8Array,
  offset: number,
  kind: FrameKind,
  connectionId: number,
  payloadBytes: number,
): void {
  const view = new DataView(target.buffer, target.byteOffset + offset, FRAME_HEADER_BYTES)
  view.setUint8(0, KINDS.indexOf(kind))
  view.setUint32(1, connectionId)
  view.setUint32(5, payloadBytes)
}

/** `opened` and `ended` carry JSON. */
export function encodeJsonFrame(kind: 'opened' | 'ended', connectionId: number, content: object): Uint8Array {
  const payload = Buffer.from(JSON.stringify(content))
  const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length)
  writeFrameHeader(frame, 0, kind, connectionId, payload.length)
  frame.set(payload, FRAME_HEADER_BYTES)
  return frame
}

/** Cuts a byte stream into frames, whatever its chunks are. Each payload byte is copied once. */
export class FrameReader {
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES)
  #headerBytes = 0
  #open: { readonly kind: FrameKind; readonly connectionId: number; readonly payload: Uint8Array<ArrayBuffer> } | null =
    null
  #payloadBytes = 0

  /** Throws a RangeError when the bytes are not frames. */
  read(chunk: Uint8Array): Frame[] {
    const frames: Frame[] = []
    let offset = 0
    while (offset < chunk.length) {
      if (this.#open === null) {
        offset += this.#readHeader(chunk, offset)
      } else {
        const payload = this.#open.payload
        const taken = Math.min(payload.length - this.#payloadBytes, chunk.length - offset)
        payload.set(chunk.subarray(offset, offset + taken), this.#payloadBytes)
        this.#payloadBytes += taken
        offset += taken
      }
      if (this.#open !== null && this.#payloadBytes === this.#open.payload.length) {
        frames.push(this.#open)
        this.#open = null
      }
    }
    return frames
  }

  #readHeader(chunk: Uint8Array, offset: number): number {
    const taken = Math.min(FRAME_HEADER_BYTES - this.#headerBytes, chunk.length - offset)
    this.#header.set(chunk.subarray(offset, offset + taken), this.#headerBytes)
    this.#headerBytes += taken
    if (this.#headerBytes < FRAME_HEADER_BYTES) return taken
    const view = new DataView(this.#header.buffer)
    const kind = KINDS[view.getUint8(0)]
    const payloadBytes = view.getUint32(5)
    if (kind === undefined || payloadBytes > MAX_FRAME_PAYLOAD_BYTES) throw new RangeError('not a frame')
    this.#open = { kind, connectionId: view.getUint32(1), payload: new Uint8Array(payloadBytes) }
    this.#headerBytes = 0
    this.#payloadBytes = 0
    return taken
  }
}
