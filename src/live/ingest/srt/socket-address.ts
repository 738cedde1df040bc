import { isIPv6 } from 'node:net'

// struct sockaddr_in and sockaddr_in6 of Linux: family in host order (little-endian on x64 and arm64), port in network order.
const AF_INET = 2
const AF_INET6 = 10
export const SOCKADDR_MAX_BYTES = 28

/** `host` is a literal IPv4 or IPv6 address. */
export function encodeSocketAddress(host: string, port: number): Uint8Array {
  const isV6 = isIPv6(host)
  const bytes = new Uint8Array(isV6 ? SOCKADDR_MAX_BYTES : 16)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, isV6 ? AF_INET6 : AF_INET, true)
  view.setUint16(2, port)
  if (isV6) bytes.set(parseIPv6(host), 8)
  else bytes.set(host.split('.').map(Number), 4)
  return bytes
}

/** `address:port`, IPv6 in brackets; `unknown` for another family. */
export function renderSocketAddress(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const port = view.getUint16(2)
  switch (view.getUint16(0, true)) {
    case AF_INET:
      return `${bytes.subarray(4, 8).join('.')}:${port}`
    case AF_INET6: {
      const groups = Array.from({ length: 8 }, (_, index) => view.getUint16(8 + 2 * index))
      const isMappedV4 = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
      if (isMappedV4) return `${bytes.subarray(20, 24).join('.')}:${port}`
      return `[${new URL(`http://[${groups.map((group) => group.toString(16)).join(':')}]`).hostname.slice(1, -1)}]:${port}`
    }
    default:
      return 'unknown'
  }
}

export function socketPort(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint16(2)
}

function parseIPv6(host: string): Uint8Array {
  // The URL parser writes every form in the same way: lower case, longest run of zeros as "::", no dotted tail.
  const text = new URL(`http://[${host}]`).hostname.slice(1, -1)
  const [head = '', tail] = text.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0')
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  for (const [index, group] of [...before, ...zeros, ...after].entries()) {
    view.setUint16(2 * index, Number.parseInt(group, 16))
  }
  return bytes
}
