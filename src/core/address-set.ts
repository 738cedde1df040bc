// Sets of network addresses as people write them: `10.0.0.0/8, 192.168.1.7, ::1`.
import { BlockList, isIP } from 'node:net'

/** True for an address, given as a socket tells it, that belongs to the set. */
export type AddressSet = (address: string) => boolean

/** Null when a member is neither an address nor a prefix. An empty text is the empty set. */
export function parseAddressSet(text: string): AddressSet | null {
  const members = text
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '')
  const list = new BlockList()
  for (const member of members) if (!addMember(list, member)) return null
  return (address) => {
    const plain = plainAddress(address)
    const version = isIP(plain)
    return version !== 0 && list.check(plain, version === 4 ? 'ipv4' : 'ipv6')
  }
}

function addMember(list: BlockList, member: string): boolean {
  const [address = '', prefix, ...more] = member.split('/')
  const version = isIP(address)
  if (version === 0 || more.length > 0) return false
  const family = version === 4 ? 'ipv4' : 'ipv6'
  if (prefix === undefined) {
    list.addAddress(address, family)
    return true
  }
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > (version === 4 ? 32 : 128)) return false
  list.addSubnet(address, Number(prefix), family)
  return true
}

/** IPv4 as such, also when the listener is a dual-stack one. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address
}
