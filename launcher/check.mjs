// `npm run check`: the inner loop. Types, lint, format, licences, then the unit tests.
import { availableParallelism } from 'node:os'
import { runChecks } from './checks.mjs'
import { installPackages } from './install.mjs'
import { ROOT } from './layout.mjs'
import { runTool } from './run-child.mjs'
import { findRuntime, toolEnvironment } from './runtime.mjs'

await installPackages(ROOT)
const failed = [...(await runChecks())]
// `--checks-only` is for .ci/run, where all tests follow.
if (!process.argv.includes('--checks-only')) {
  const env = toolEnvironment(ROOT, findRuntime(ROOT))
  // Contract suites, and what waits for encoders or timers, take as long again; `npm test` runs them.
  const folders = ['src/', 'launcher/', 'web/src/']
  // Many wait for sockets and timers: half as many workers again as cores keep the cores busy.
  const workers = String(Math.ceil(1.5 * availableParallelism()))
  const chosen = ['--exclude', '**/*.slow.test.ts', '--maxWorkers', workers, ...folders]
  const args = ['run', '--project', 'unit', '--reporter', 'dot', ...chosen]
  const code = await runTool('vitest', args, { cwd: ROOT, env })
  if (code !== 0) failed.push('unit tests')
}
if (failed.length > 0) process.stdout.write(`failed: ${failed.join(', ')}\n`)
process.exitCode = failed.length === 0 ? 0 : 1
