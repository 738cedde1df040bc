// Where files may be pulled from: public addresses, and what the configuration allows besides. Pure.
import { isIP } from 'node:net'
import { MirrorError } from '../core/errors.ts'
import type { HostSet } from '../core/host-set.ts'
import { classifyAddress, withoutDisguise } from './public-address.ts'

/** Longest address that is read at all. */
const MAX_URL_CHARS = 8_192

/** A hop that may be asked. */
export interface PullHop {
  /** Without user name, password and fragment. */
  readonly url: URL
  /** The value of the Authorization header that was written into the address; null: none. */
  readonly authorization: string | null
  /** What is sent there; omitted: it is only asked. */
  readonly post?: { readonly headers: Readonly<Record<string, string>>; readonly body: string }
}

/** Throws `pull_url_invalid`. `base` is the hop that redirected here. */
export function parsePullHop(text: string, base?: URL): PullHop {
  const url = text.length <= MAX_URL_CHARS && URL.canParse(text, base?.href) ? new URL(text, base?.href) : null
  if (url === null) throw new MirrorError('pull_url_invalid', 'The text is not an address')
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new MirrorError('pull_url_invalid', `Only http and https are pulled, not "${url.protocol.slice(0, -1)}"`)
  }
  if (url.hostname === '') throw new MirrorError('pull_url_invalid', 'The address names no host')
  if (base !== undefined && base.protocol === 'https:' && url.protocol === 'http:') {
    throw new MirrorError('pull_redirect_refused', `${base.host} redirects from https to http`)
  }
  const authorization = url.username === '' && url.password === '' ? null : basicAuthorization(url)
  url.username = ''
  url.password = ''
  url.hash = ''
  return { url, authorization }
}

/** Host of a URL as `net` wants it: an IPv6 address without brackets, a name without the last dot. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
}

/** The address that is the host itself; null: the host is a name. */
export function literalAddress(url: URL): string | null {
  const host = hostOf(url)
  return isIP(host) === 0 ? null : host
}

/** Whether a connection to `address` may be made for a URL that names `host`. */
export function mayReach(host: string, address: string, allow: HostSet): boolean {
  const plain = withoutDisguise(address)
  if (plain === null) return false
  if (allow.addresses(plain)) return true
  switch (classifyAddress(address)) {
    case 'public':
      return true
    case 'private':
      return allow.hasName(host)
    case 'reserved':
      return false
  }
}

function basicAuthorization(url: URL): string {
  const [user, password] = [url.username, url.password].map((part) => {
    try {
      return decodeURIComponent(part)
    } catch {
      throw new MirrorError('pull_url_invalid', 'The user name or password in the address is not well encoded')
    }
  })
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}
