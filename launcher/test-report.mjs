// Turns vitest's JSON report into the numbers of the last line.

/** @typedef {{passed: number, failed: number, skipped: number}} Counts */
/** @typedef {{status: string, fullName: string}} Assertion */
/** @typedef {{name: string, status: string, assertionResults: readonly Assertion[]}} FileResult */

/**
 * A file that could not be loaded has no tests, yet it failed; so did a run that ended badly without a failing test
 * (an unhandled error, a crashed worker), and a run without any test.
 * @param {{testResults: readonly FileResult[]} | null} report @param {number} exitCode of vitest
 * @returns {Counts}
 */
export function countTests(report, exitCode) {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for (const file of report?.testResults ?? []) {
    const statuses = file.assertionResults.map((test) => test.status)
    const failedHere = statuses.filter((status) => status === 'failed').length
    counts.passed += statuses.filter((status) => status === 'passed').length
    counts.failed += failedHere === 0 && file.status === 'failed' ? 1 : failedHere
    counts.skipped += statuses.filter((status) => !['passed', 'failed'].includes(status)).length
  }
  if (counts.failed === 0 && (exitCode !== 0 || counts.passed === 0)) counts.failed = 1
  return counts
}

/** @param {{testResults: readonly FileResult[]} | null} report @returns {string[]} */
export function skippedTests(report) {
  return (report?.testResults ?? []).flatMap((file) =>
    file.assertionResults
      .filter((test) => !['passed', 'failed'].includes(test.status))
      .map((test) => test.fullName.trim()),
  )
}

/** @param {Counts} counts */
export function lastLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`
}
