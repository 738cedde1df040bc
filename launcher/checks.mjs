// What must hold before tests are worth running. Each check is one command; all run, so that one look shows everything.
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { ROOT } from './layout.mjs'
import { runTool } from './run-child.mjs'
import { findRuntime, toolEnvironment } from './runtime.mjs'

/** @type {readonly (readonly [name: string, tool: string, ...args: string[]])[]} */
const CHECKS = [
  ['types of the server', 'tsc', '-p', '.'],
  ['types of the console', 'tsc', '-p', 'web'],
  ['types of the launcher', 'tsc', '-p', 'launcher'],
  ['lint and format', 'biome', 'ci'],
  ['licences', 'node', join('launcher', 'licences.mjs')],
]

/** @returns {Promise<readonly string[]>} the names of the checks that failed */
export async function runChecks() {
  const env = toolEnvironment(ROOT, findRuntime(ROOT))
  const failed = []
  for (const [name, tool, ...args] of CHECKS) {
    const startedAtMs = performance.now()
    const code = await runTool(tool, args, { cwd: ROOT, env })
    const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1)
    process.stdout.write(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)\n`)
    if (code !== 0) failed.push(name)
  }
  return failed
}
