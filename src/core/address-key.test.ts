import { expect, test } from 'vitest'
import { addressKey } from './address-key.ts'

test('addresses of one IPv6 network share a key', () => {
  expect(addressKey('2001:db8:1:2:3:4:5:6')).toBe(addressKey('2001:db8:1:2::9'))
  expect(addressKey('2001:db8:1:3::9')).not.toBe(addressKey('2001:db8:1:2::9'))
  expect(addressKey('::ffff:10.0.0.1')).toBe('10.0.0.1')
  expect(addressKey('::1')).toBe('0:0:0:0')
})
