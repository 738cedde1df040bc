import { expect, test } from 'vitest'
import { type HostSet, parseHostSet } from '../core/host-set.ts'
import { classifyAddress } from './public-address.ts'
import { hostOf, mayReach, parsePullHop } from './pull-policy.ts'

function allowing(text: string): HostSet {
  const allow = parseHostSet(text)
  if (allow === null) throw new Error(`not a list: ${text}`)
  return allow
}
const nothing = allowing('')

/** Whether what a URL names literally may be connected to, as the parser of addresses reads it. */
function mayPull(address: string, allow = nothing): boolean {
  const { url } = parsePullHop(address)
  return mayReach(hostOf(url), hostOf(url), allow)
}

test.each([
  // Loopback and unspecified, as people who want in write them.
  'http://127.0.0.1/',
  'http://127.1/',
  'http://2130706433/',
  'http://0x7f000001/',
  'http://0x7f.0.0.1/',
  'http://0177.0.0.1/',
  'http://017700000001/',
  'http://127.0.0.1./',
  'http://127。0。0。1/',
  'http://①②⑦.0.0.1/',
  'http://%31%32%37.0.0.1/',
  'http://user@127.0.0.1/',
  'http:127.0.0.1/',
  'http:\\\\127.0.0.1\\',
  'http://0/',
  'http://0.0.0.0:8080/',
  'http://[::1]/',
  'http://[::]/',
  'http://[0:0:0:0:0:0:0:1]/',
  // IPv4 in IPv6
  'http://[::ffff:127.0.0.1]/',
  'http://[::ffff:7f00:1]/',
  'http://[::127.0.0.1]/',
  'http://[64:ff9b::127.0.0.1]/',
  'http://[64:ff9b::a9fe:a9fe]/',
  'http://[64:ff9b:1::8.8.8.8]/',
  'http://[2002:7f00:1::]/',
  'http://[2002:808:808::1]/',
  'http://[2001:0:7f00:1::]/',
  'http://[::ffff:0:8.8.8.8]/',
  // Private networks
  'http://10.0.0.1/',
  'http://172.16.0.1/',
  'http://172.31.255.255/',
  'http://192.168.1.1/',
  'http://100.64.0.1/',
  'http://[fd00::1]/',
  'http://[fc00::1]/',
  'http://[fec0::1]/',
  // Link-local and metadata
  'http://169.254.169.254/latest/meta-data/',
  'http://2852039166/',
  'http://[fe80::1]/',
  'http://[fd00:ec2::254]/',
  'http://100.100.100.200/',
  'http://168.63.129.16/',
  'http://192.0.0.192/',
  // Multicast, broadcast, documentation, benchmarks, relays
  'http://224.0.0.1/',
  'http://239.255.255.250/',
  'http://255.255.255.255/',
  'http://240.0.0.1/',
  'http://192.0.2.1/',
  'http://198.51.100.1/',
  'http://203.0.113.1/',
  'http://198.18.0.1/',
  'http://192.88.99.1/',
  'http://[ff02::1]/',
  'http://[2001:db8::1]/',
  'http://[3fff::1]/',
  'http://[100::1]/',
  'http://[5f00::1]/',
  'http://[4000::1]/',
])('%s is not public', (address) => {
  expect(mayPull(address)).toBe(false)
})

test.each([
  'http://8.8.8.8/',
  'http://172.32.0.1/',
  'http://100.128.0.1/',
  'http://11.0.0.0/',
  'http://223.255.255.255/',
  'http://[2606:4700::1111]/',
  'http://[2a00:1450::1]/',
  'http://[::ffff:8.8.8.8]/',
  'http://[64:ff9b::8.8.8.8]/',
])('%s is public', (address) => {
  expect(mayPull(address)).toBe(true)
})

test('an address with a zone, and no address at all, are not public', () => {
  expect(classifyAddress('fe80::1%eth0')).toBe('reserved')
  expect(classifyAddress('::ffff:127.0.0.1%lo')).toBe('private')
  expect(classifyAddress('')).toBe('reserved')
  expect(classifyAddress('localhost')).toBe('reserved')
})

test.each([
  'file:///etc/passwd',
  'ftp://example.com/a',
  'gopher://example.com/',
  'data:text/plain,x',
  'javascript:1',
  'http://',
  'http:///',
  '//example.com/a',
  '/etc/passwd',
  'http://exa mple.com/',
  'http://[::1/',
  'http://1.2.3.4.5/',
  'http://256.1.1.1/',
  'http://example.com:99999/',
  `http://example.com/${'a'.repeat(9000)}`,
  'http://user:%ff@example.com/',
])('%s is no address to pull from', (address) => {
  expect(() => parsePullHop(address)).toThrow(expect.objectContaining({ code: 'pull_url_invalid' }))
})

test('credentials leave the address, so that it can be kept and logged', () => {
  const { url, authorization } = parsePullHop('https://us%40er:p%3Aw@pbx.example:8443/a.wav?x=1#frag')
  expect(url.href).toBe('https://pbx.example:8443/a.wav?x=1')
  expect(authorization).toBe(`Basic ${Buffer.from('us@er:p:w').toString('base64')}`)
})

test('a redirect from https to http is refused', () => {
  expect(() => parsePullHop('http://a.example/', new URL('https://a.example/'))).toThrow(
    expect.objectContaining({ code: 'pull_redirect_refused' }),
  )
  expect(parsePullHop('../b', new URL('http://a.example/x/y')).url.href).toBe('http://a.example/b')
})

test('addresses and networks that are allowed are reached in whatever form they are written', () => {
  const allow = allowing('10.1.0.0/16, 127.0.0.1, fd12::/16')
  expect(mayPull('http://10.1.2.3/', allow)).toBe(true)
  expect(mayPull('http://[::ffff:10.1.2.3]/', allow)).toBe(true)
  expect(mayPull('http://0x7f000001/', allow)).toBe(true)
  expect(mayPull('http://[fd12::9]/', allow)).toBe(true)
  expect(mayPull('http://10.2.0.1/', allow)).toBe(false)
  expect(mayPull('http://127.0.0.2/', allow)).toBe(false)
})

test('a host that is allowed by its name may be in a private network, and is no way to metadata', () => {
  const allow = allowing('pbx.lan, *.voice.example')
  expect(mayReach('pbx.lan', '10.0.0.7', allow)).toBe(true)
  expect(mayReach('PBX.lan', '127.0.0.1', allow)).toBe(true)
  expect(mayReach('a.b.voice.example', 'fd00::7', allow)).toBe(true)
  expect(mayReach('voice.example', '10.0.0.7', allow)).toBe(false)
  expect(mayReach('notpbx.lan', '10.0.0.7', allow)).toBe(false)
  expect(mayReach('evil-voice.example', '10.0.0.7', allow)).toBe(false)
  for (const address of ['169.254.169.254', 'fe80::1', '0.0.0.0', '::', '::ffff:169.254.169.254', 'fd00:ec2::254']) {
    expect(mayReach('pbx.lan', address, allow)).toBe(false)
  }
  expect(mayReach('pbx.lan', '169.254.169.254', allowing('pbx.lan, 169.254.0.0/16'))).toBe(true)
})
