// What travels inside RTMP chunks. Source: Adobe, "Real-Time Messaging Protocol 1.0" (2012), sections 5.4, 6 and 7.

export const MESSAGE = {
  setChunkSize: 1,
  abort: 2,
  acknowledgement: 3,
  userControl: 4,
  windowAckSize: 5,
  setPeerBandwidth: 6,
  audio: 8,
  video: 9,
  /** AMF3 forms: one format byte, then AMF0 values as long as nobody switches to AMF3. */
  dataAmf3: 15,
  commandAmf3: 17,
  data: 18,
  command: 20,
  aggregate: 22,
} as const

/** User control events, section 7.1.7. */
export const USER_CONTROL = { streamBegin: 0, pingRequest: 6, pingResponse: 7 } as const

export interface RtmpMessage {
  readonly type: number
  /** 32 bits, wraps after 49.7 days. */
  readonly timestampMs: number
  /** The message stream: 0 for the connection itself, else an id made by createStream. */
  readonly streamId: number
  /** The receiver of a message owns this array: nobody writes to it any more. */
  readonly body: Uint8Array
}

/** Section 5.3.1: what both ends assume until Set Chunk Size says otherwise. */
export const DEFAULT_CHUNK_SIZE = 128
/** A basic header of 3 bytes, a message header of 11, an extended timestamp of 4. */
export const MAX_CHUNK_HEADER_BYTES = 18
/** In the 24-bit field it announces an extended timestamp. */
export const EXTENDED_TIMESTAMP = 0xffffff

export function readUint24(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 16) | ((bytes[offset + 1] ?? 0) << 8) | (bytes[offset + 2] ?? 0)
}

export function readUint32(bytes: Uint8Array, offset: number): number {
  return (((bytes[offset] ?? 0) << 24) | readUint24(bytes, offset + 1)) >>> 0
}

export function writeUint24(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 16
  bytes[offset + 1] = value >>> 8
  bytes[offset + 2] = value
}

export function writeUint32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24
  writeUint24(bytes, offset + 1, value)
}
