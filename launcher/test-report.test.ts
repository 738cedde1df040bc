import { expect, test } from 'vitest'
import { countTests, lastLine, skippedTests } from './test-report.mjs'

const file = (status: string, ...statuses: string[]) => ({
  name: 'a.test.ts',
  status,
  assertionResults: statuses.map((one, at) => ({ status: one, fullName: ` test ${at}` })),
})

test('tests are counted by their status', () => {
  const report = { testResults: [file('passed', 'passed', 'skipped'), file('failed', 'failed', 'passed', 'todo')] }
  expect(countTests(report, 1)).toEqual({ passed: 2, failed: 1, skipped: 2 })
  expect(skippedTests(report)).toEqual(['test 1', 'test 2'])
})

test('a file that cannot be loaded is a failure', () => {
  expect(countTests({ testResults: [file('passed', 'passed'), file('failed')] }, 1).failed).toBe(1)
})

test('a run that ends badly without a failing test is a failure', () => {
  expect(countTests({ testResults: [file('passed', 'passed')] }, 1)).toEqual({ passed: 1, failed: 1, skipped: 0 })
})

test('a run without tests or without a report is a failure', () => {
  expect(countTests({ testResults: [] }, 0).failed).toBe(1)
  expect(countTests({ testResults: [file('passed', 'skipped')] }, 0).failed).toBe(1)
  expect(countTests(null, 0).failed).toBe(1)
})

test('the last line names the skipped only when there are some', () => {
  expect(lastLine({ passed: 3, failed: 0, skipped: 0 })).toBe('3 passed, 0 failed')
  expect(lastLine({ passed: 3, failed: 1, skipped: 2 })).toBe('3 passed, 1 failed, 2 skipped')
})
