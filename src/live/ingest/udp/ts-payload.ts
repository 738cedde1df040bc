// Is it MPEG-TS that arrives? ISO/IEC 13818-1 section 2.4.3.2: packets of 188 bytes, each beginning with 0x47.

const PACKET_BYTES = 188
const SYNC_BYTE = 0x47

/** A datagram of a sender that keeps the usual practice: whole packets, seven of them. */
export function isTsPayload(payload: Uint8Array): boolean {
  return (
    payload.length >= PACKET_BYTES && payload[0] === SYNC_BYTE && (payload[PACKET_BYTES] ?? SYNC_BYTE) === SYNC_BYTE
  )
}
