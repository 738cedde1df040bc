// Which network addresses a fetch on behalf of somebody else may reach.
import { BlockList, isIP, isIPv4 } from 'node:net'

/** IANA IPv4 Special-Purpose Address Registry and IPv4 multicast, read 2026-11; what is not globally reachable. */
const NOT_PUBLIC_IPV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10', // carrier-grade NAT, RFC 6598; Alibaba's metadata is there
  '127.0.0.0/8',
  '169.254.0.0/16', // link-local; metadata of AWS, Google, Azure and most others
  '168.63.129.16/32', // Azure's own services, in a public range
  '172.16.0.0/12',
  '192.0.0.0/24', // also Oracle's metadata
  '192.0.2.0/24',
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4', // with the broadcast address
] as const

/** Of 2000::/3, the only global unicast there is; everything outside of it is refused as a whole. */
const NOT_PUBLIC_IPV6 = [
  '2001::/23', // protocol assignments, with Teredo and ORCHID
  '2001:db8::/32',
  '2002::/16', // 6to4: an IPv4 address in disguise
  '3fff::/20', // documentation, RFC 9637
] as const

/** Never reached because a host name says so, only when the address itself is allowed. */
const NEVER_BY_NAME = ['0.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '240.0.0.0/4'] as const
const NEVER_BY_NAME_IPV6 = ['fe80::/10', 'ff00::/8', 'fd00:ec2::/32'] as const

const notPublic = blockList(NOT_PUBLIC_IPV4, NOT_PUBLIC_IPV6)
const neverByName = blockList(NEVER_BY_NAME, NEVER_BY_NAME_IPV6)
const globalUnicast = blockList([], ['2000::/3'])

export type AddressClass =
  | 'public'
  /** This machine and its networks: reached where the configuration allows it. */
  | 'private'
  /** Link-local, metadata, multicast, unspecified: reached only where the configuration names the address. */
  | 'reserved'

/** `address` as a resolver or a socket tells it, with or without a zone. */
export function classifyAddress(address: string): AddressClass {
  const plain = withoutDisguise(address)
  if (plain === null) return 'reserved'
  const family = isIPv4(plain) ? 'ipv4' : 'ipv6'
  if (plain === '::' || neverByName.check(plain, family)) return 'reserved'
  if (notPublic.check(plain, family)) return 'private'
  return family === 'ipv4' || globalUnicast.check(plain, family) ? 'public' : 'private'
}

/**
 * The IPv4 address that an IPv6 one stands for (mapped, RFC 4291; NAT64, RFC 6052), so that it is judged as what is
 * reached in the end. Null: no address.
 */
export function withoutDisguise(address: string): string | null {
  const [plain = ''] = address.split('%')
  if (isIP(plain) === 0) return null
  if (isIPv4(plain)) return plain
  const groups = ipv6Groups(plain)
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = groups
  const isMapped = a + b + c + d + e === 0 && f === 0xffff
  const isTranslated = a === 0x64 && b === 0xff9b && c + d + e + f === 0
  if (isMapped || isTranslated) return [g >> 8, g & 255, h >> 8, h & 255].join('.')
  return groups.every((group) => group === 0) ? '::' : plain
}

/** The WHATWG parser writes every form of an address in one way: hexadecimal groups with at most one `::`. */
function ipv6Groups(address: string): number[] {
  const written = new URL(`http://[${address}]/`).hostname.slice(1, -1)
  const [start = [], end = []] = written
    .split('::')
    .map((half) => (half === '' ? [] : half.split(':').map((group) => Number.parseInt(group, 16))))
  return [...start, ...new Array<number>(Math.max(0, 8 - start.length - end.length)).fill(0), ...end]
}

function blockList(ipv4: readonly string[], ipv6: readonly string[]): BlockList {
  const list = new BlockList()
  for (const [family, prefixes] of [
    ['ipv4', ipv4],
    ['ipv6', ipv6],
  ] as const) {
    for (const prefix of prefixes) {
      const [network = '', length] = prefix.split('/')
      list.addSubnet(network, Number(length), family)
    }
  }
  return list
}
