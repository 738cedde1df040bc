// `npm test [-- unit|integration|e2e|file …]`: installs what tests need, builds the pages, runs everything.
// The last line is `N passed, N failed`, whatever happens.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { buildWeb } from './build-web.mjs'
import { buildGoTools } from './go-tools.mjs'
import { installPackages } from './install.mjs'
import { cacheFolder, ROOT } from './layout.mjs'
import { runTool } from './run-child.mjs'
import { findRuntime, toolEnvironment } from './runtime.mjs'
import { NEEDS_TO_SERVE, NEEDS_TO_TEST, provideSystemPackages } from './system-packages.mjs'
import { countTests, lastLine, skippedTests } from './test-report.mjs'

const PROJECTS = ['unit', 'integration', 'e2e']
const SKIPPED_LISTED_MAX = 40

/** @type {import('./test-report.mjs').Counts} */
let counts = { passed: 0, failed: 1, skipped: 0 }
try {
  counts = await runTests(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
}
process.stdout.write(`${lastLine(counts)}\n`)
process.exitCode = counts.failed === 0 ? 0 : 1

/** @param {readonly string[]} args */
async function runTests(args) {
  const isLong = args.includes('--long')
  const filters = args.filter((one) => one !== '--long')
  await installPackages(ROOT)
  const program = findRuntime(ROOT)
  const missing = await provideSystemPackages([...NEEDS_TO_SERVE, ...NEEDS_TO_TEST], { mayInstall: true })
  if (isLong) await buildGoTools(ROOT)
  // Unit tests look at no page; the inner loop need not wait for a build.
  if (!(filters.length === 1 && filters[0] === 'unit')) await buildWeb(ROOT, program)

  mkdirSync(cacheFolder(ROOT), { recursive: true })
  const reportFile = join(cacheFolder(ROOT), 'test-report.json')
  const notRunFile = join(cacheFolder(ROOT), 'not-run.jsonl')
  rmSync(reportFile, { force: true })
  rmSync(notRunFile, { force: true })
  const code = await runTool(
    'vitest',
    ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`, ...filters.flatMap(asProject)],
    { cwd: ROOT, env: { ...toolEnvironment(ROOT, program), ...(isLong ? { TEST_LONG: '1' } : {}) } },
  )
  const report = existsSync(reportFile) ? JSON.parse(readFileSync(reportFile, 'utf8')) : null

  const reasons = [
    ...missing.map((need) => `${need.off}: ${need.what} was not found`),
    ...readNotRun(notRunFile),
    ...(isLong ? [] : ['the long tests: run them with "npm run test:long"']),
  ]
  process.stdout.write(`\nNot run:\n${reasons.map((reason) => `  - ${reason}\n`).join('')}`)
  const skipped = skippedTests(report)
  if (skipped.length > 0) process.stdout.write(`Skipped tests:\n`)
  for (const name of skipped.slice(0, SKIPPED_LISTED_MAX)) process.stdout.write(`  - ${name}\n`)
  if (skipped.length > SKIPPED_LISTED_MAX) process.stdout.write(`  … ${skipped.length - SKIPPED_LISTED_MAX} more\n`)
  return countTests(report, code)
}

/**
 * The name of a project runs that project; anything else goes to vitest as it is.
 * @param {string} filter @param {number} at @param {readonly string[]} filters
 */
function asProject(filter, at, filters) {
  // Those of `integration` that are timed are a project of their own.
  return PROJECTS.includes(filter) && filters[at - 1] !== '--project' ? ['--project', `${filter}*`] : [filter]
}

/** What tests wrote down with test/not-run.ts. @param {string} file @returns {string[]} */
function readNotRun(file) {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  return [...new Set(lines)].map((line) => JSON.parse(line)).map(({ what, why }) => `${what}: ${why}`)
}
