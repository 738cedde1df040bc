import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildWeb } from './build-web.mjs'
import { installPackages } from './install.mjs'
import { cacheFolder, isClone, mainFile, packageVersion, ROOT } from './layout.mjs'
import { runMirror } from './run-child.mjs'
import { findRuntime } from './runtime.mjs'
import { LaunchError, say } from './say.mjs'
import { NEEDS_TO_SERVE, provideSystemPackages } from './system-packages.mjs'

/**
 * Prepares whatever is missing, runs Mirror, and returns its exit code.
 * @param {readonly string[]} argv what follows `mirror`
 * @returns {Promise<number>}
 */
export async function launch(argv) {
  const [command, ...rest] = argv
  // `mirror … | head` closes the pipe early; that is no failure.
  process.stdout.on('error', () => {})
  if (command === '--version' || command === '-V') {
    process.stdout.write(`${packageVersion(ROOT)}\n`)
    return 0
  }
  if (command === 'serve' && rest.some((one) => one === '--help' || one === '-h')) {
    process.stdout.write(readFileSync(join(ROOT, 'launcher', 'serve-help.txt'), 'utf8'))
    return 0
  }
  try {
    return await prepareAndRun(command, argv)
  } catch (error) {
    if (!(error instanceof LaunchError)) throw error
    say(error.message)
    return 1
  }
}

/** @param {string | undefined} command @param {readonly string[]} argv */
async function prepareAndRun(command, argv) {
  const clone = isClone(ROOT)
  if (clone) await installPackages(ROOT)
  const program = findRuntime(ROOT)
  if (command === 'serve') {
    await provideSystemPackages(NEEDS_TO_SERVE, { mayInstall: clone })
    if (clone) await buildWeb(ROOT, program)
  }
  const main = mainFile(ROOT)
  if (!existsSync(main)) throw new LaunchError(`${main} is missing; install the package again`)
  return runMirror(program, [main, ...argv], {
    ...process.env,
    ...(clone ? { NODE_COMPILE_CACHE: join(cacheFolder(ROOT), 'compile') } : {}),
  })
}
