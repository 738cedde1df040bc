import { expect, test } from 'vitest'
import { nextRunMs } from './schedule-rule.ts'

const at = (text: string): number => Date.parse(text)

test('an interval comes on its multiples since the epoch, strictly after now', () => {
  expect(nextRunMs('every 3600s', at('2026-11-21T10:20:00Z'))).toBe(at('2026-11-21T11:00:00Z'))
  expect(nextRunMs('every 3600s', at('2026-11-21T11:00:00Z'))).toBe(at('2026-11-21T12:00:00Z'))
})

test('cron fields are in UTC', () => {
  expect(nextRunMs('0 9 * * 1', at('2026-11-21T00:00:00Z'))).toBe(at('2026-11-23T09:00:00Z'))
  expect(nextRunMs('*/15 * * * *', at('2026-11-21T10:15:00Z'))).toBe(at('2026-11-21T10:30:00Z'))
})

test.each(['', 'every 0s', 'every 5m', 'x * * * *', '0 0 9 * * 1', '0 0 31 2 *'])('"%s" is refused', (rule) => {
  expect(() => nextRunMs(rule, 0)).toThrow(expect.objectContaining({ code: 'invalid_request' }))
})
