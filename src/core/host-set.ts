// Sets of hosts as people write them: `10.1.0.0/16, pbx.lan, *.voice.example`.
import { type AddressSet, parseAddressSet } from './address-set.ts'

export interface HostSet {
  readonly addresses: AddressSet
  /** Whether a host is in the set by its name; an address is none. In any case of letters. */
  readonly hasName: (host: string) => boolean
}

const NAME = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/
/** A name whose last label is a number is what URLs take for an IPv4 address. */
const LIKE_ADDRESS = /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/

/** Null when a member is no address, prefix or host name. `*.` before a name stands for all names below it. */
export function parseHostSet(text: string): HostSet | null {
  const members = text
    .split(',')
    .map((member) => member.trim().toLowerCase().replace(/\.$/, ''))
    .filter((member) => member !== '')
  const names = members.filter((member) => NAME.test(member) && !LIKE_ADDRESS.test(member))
  const addresses = parseAddressSet(members.filter((member) => !names.includes(member)).join(','))
  if (addresses === null) return null
  const isNamed = (host: string): boolean =>
    names.some((name) => (name.startsWith('*.') ? host.endsWith(name.slice(1)) : host === name))
  return { addresses, hasName: (host) => isNamed(host.toLowerCase()) }
}
