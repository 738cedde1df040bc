// Builds the console and the player page of a clone when their sources have changed.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { runTool } from './run-child.mjs'
import { toolEnvironment } from './runtime.mjs'
import { LaunchError, say } from './say.mjs'
import { hashOf, readStamp, writeStamp } from './stamp.mjs'

/** From the server the pages take types only, which leave no trace in the build. */
const SOURCES = [
  'web/src',
  'web/index.html',
  'web/watch.html',
  'web/vite.config.ts',
  'web/package.json',
  'web/tsconfig.json',
  'package-lock.json',
]

/** @param {string} root @param {string} program the Node.js to build with */
export async function buildWeb(root, program) {
  const stamp = join(root, 'web', 'dist', '.mirror-build')
  const hash = hashOf(root, SOURCES)
  const isBuilt = existsSync(join(root, 'web/dist/console/index.html')) && existsSync(join(root, 'web/dist/watch'))
  if (isBuilt && readStamp(stamp) === hash) return
  say('building the console')
  const env = toolEnvironment(root, program)
  const code = await runTool('npm', ['run', '--silent', 'build', '--workspace', 'web'], {
    cwd: root,
    env,
    toStderr: true,
  })
  if (code === 0) writeStamp(stamp, hash)
  else if (isBuilt) say('that failed (see above); going on with the console as it was built before')
  else throw new LaunchError('the console could not be built; the message is above')
}
