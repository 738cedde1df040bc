import { expect, test } from 'vitest'
import { apiQuery, hasFilters, parseRecordingSearch } from './recording-search.ts'
import { downloadName, parseDays, policyPauseWords, policyWords, statusOf } from './recording-words.ts'

test('what is complete and not what the PBX said is no plain success', () => {
  const issue = { kind: 'channels', message: '' } as const
  expect(statusOf({ status: 'COMPLETED', truncated: false, issues: [] })).toEqual({ word: 'Complete', tone: 'ok' })
  expect(statusOf({ status: 'COMPLETED', truncated: true, issues: [issue] }).word).toBe('Cut short')
  expect(statusOf({ status: 'COMPLETED', truncated: false, issues: [issue] })).toEqual({
    word: 'Differs',
    tone: 'warn',
  })
  expect(statusOf({ status: 'FAILED', truncated: true, issues: [issue] }).tone).toBe('bad')
})

test('a call is saved under a name that every system takes', () => {
  expect(downloadName({ callId: 'a/b:c', id: 'r', format: 'wav' })).toBe('a_b_c.wav')
  expect(downloadName({ callId: '', id: 'r', format: null })).toBe('r.bin')
})

test('which recording is open is no filter, and is not asked for', () => {
  const search = parseRecordingSearch({ q: 4711, status: 'DONE', open: 'r1', from: 'x' })
  expect(search).toEqual({ q: '4711', open: 'r1' })
  expect(hasFilters({ open: 'r1' })).toBe(false)
  expect(apiQuery(search, 0)).toBe('limit=50&q=4711')
})

test('a policy is one line, and what never happens is not in it', () => {
  expect(policyWords({ hotToWarmDays: 30, warmToColdDays: 90, retentionDays: 365 })).toBe(
    'Kept 365 days, warm after 30 days, cold after 90 days',
  )
  expect(policyWords({ hotToWarmDays: 1, warmToColdDays: 0, retentionDays: 0 })).toBe('Kept for ever, warm after 1 day')
})

test('a policy that is not carried out says who stopped it', () => {
  expect(policyPauseWords({ active: true, enabled: true })).toBeNull()
  expect(policyPauseWords({ active: false, enabled: true })).toBe('Paused by the configuration of the server')
  expect(policyPauseWords({ active: false, enabled: false })).toBe('Paused')
})

test('days are whole and not negative', () => {
  expect([' 30 ', '0', '', '-1', '1.5', '1e3', '123456'].map(parseDays)).toEqual([30, 0, null, null, null, null, null])
})
