import { expect, test } from 'vitest'
import { parseAddressSet } from './address-set.ts'

test('addresses and prefixes of both families are members, also as a dual-stack socket writes them', () => {
  const set = parseAddressSet('10.0.0.0/8, 192.168.1.7,2001:db8::/32')
  expect(['10.1.2.3', '::ffff:10.1.2.3', '192.168.1.7', '2001:db8:5::1'].map((one) => set?.(one))).toEqual([
    true,
    true,
    true,
    true,
  ])
  expect(['11.0.0.1', '192.168.1.8', '2001:db9::1', '', 'nonsense'].map((one) => set?.(one))).toEqual([
    false,
    false,
    false,
    false,
    false,
  ])
})

test('nothing written is nobody trusted', () => {
  expect(parseAddressSet('')?.('127.0.0.1')).toBe(false)
})

test.each(['localhost', '10.0.0.0/33', '10.0.0.0/', '::1/129', '10.0.0.0/8/8', '10.0.0'])('%s is no set', (text) => {
  expect(parseAddressSet(text)).toBeNull()
})
