import { expect, test } from 'vitest'
import { isAllowed } from './access.ts'

test('a role may do what weaker roles may, and nothing above it', () => {
  expect(isAllowed('operator', 'viewer')).toBe(true)
  expect(isAllowed('operator', 'operator')).toBe(true)
  expect(isAllowed('operator', 'admin')).toBe(false)
})

test('nobody may do only what is open', () => {
  expect(isAllowed(null, 'open')).toBe(true)
  expect(isAllowed(null, 'viewer')).toBe(false)
})
