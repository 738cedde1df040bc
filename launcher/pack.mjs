// `prepack`: compiles the server and builds the pages that the package carries.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { buildWeb } from './build-web.mjs'
import { installPackages } from './install.mjs'
import { ROOT } from './layout.mjs'
import { runTool } from './run-child.mjs'
import { findRuntime, toolEnvironment } from './runtime.mjs'

await installPackages(ROOT)
const program = findRuntime(ROOT)
rmSync(join(ROOT, 'dist'), { recursive: true, force: true })
const code = await runTool('tsc', ['-p', 'tsconfig.build.json'], {
  cwd: ROOT,
  env: toolEnvironment(ROOT, program),
  toStderr: true,
})
if (code === 0) await buildWeb(ROOT, program)
process.exitCode = code
