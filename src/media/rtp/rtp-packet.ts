// The RTP header: RFC 3550 section 5.1. MPEG-TS travels as payload type 33 (RFC 3551), several 188-byte packets each.

export interface RtpPacket {
  /** Rises by 1 per packet, modulo 2^16. */
  readonly sequence: number
  /** Names the sender; a new value is a new sender. */
  readonly ssrc: number
  readonly payload: Uint8Array
}

const HEADER_BYTES = 12

/** Null when the datagram is no RTP packet. The payload is a view. */
export function parseRtpPacket(datagram: Uint8Array): RtpPacket | null {
  if (datagram.length < HEADER_BYTES) return null
  const first = datagram[0] ?? 0
  if (first >> 6 !== 2) return null
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length)
  let start = HEADER_BYTES + 4 * (first & 0x0f)
  if ((first & 0x10) !== 0) {
    if (datagram.length < start + 4) return null
    start += 4 + 4 * view.getUint16(start + 2)
  }
  const padding = (first & 0x20) !== 0 ? (datagram[datagram.length - 1] ?? 0) : 0
  const end = datagram.length - padding
  if (start > end) return null
  return { sequence: view.getUint16(2), ssrc: view.getUint32(8), payload: datagram.subarray(start, end) }
}
