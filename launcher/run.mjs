// `node launcher/run.mjs <tool or script.ts> [arguments]`: runs it with the right Node.js, whatever the system's is.
import { installPackages } from './install.mjs'
import { ROOT } from './layout.mjs'
import { runTool } from './run-child.mjs'
import { findRuntime, toolEnvironment } from './runtime.mjs'

const [tool = '', ...args] = process.argv.slice(2)
await installPackages(ROOT)
const program = findRuntime(ROOT)
const env = toolEnvironment(ROOT, program)
process.exitCode = /\.[mc]?[jt]s$/.test(tool)
  ? await runTool(program, [tool, ...args], { cwd: ROOT, env })
  : await runTool(tool, args, { cwd: ROOT, env })
