// Installs the npm packages of a clone when they are missing or belong to another lock file.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { runTool } from './run-child.mjs'
import { LaunchError, say } from './say.mjs'
import { readStamp, writeStamp } from './stamp.mjs'

/** @param {string} root */
export async function installPackages(root) {
  const hash = lockHash(root)
  if (isInstalled(root, hash)) return
  const verb = hash === null ? 'install' : 'ci'
  say(`installing packages (npm ${verb}); this happens once after each update`)
  // Development packages build the console; the optional ones carry the runtime: whatever NODE_ENV says, both are
  // needed. Warnings about the engine are beside the point: another one will run them.
  const code = await runTool(
    'npm',
    [
      verb,
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--prefer-offline',
      '--loglevel=error',
      '--include=dev',
      '--include=optional',
    ],
    { cwd: root, toStderr: true },
  )
  if (code !== 0) {
    throw new LaunchError(`npm ${verb} failed (code ${code}); its message is above. Mend that and start again.`)
  }
  writeStamp(stampFile(root), lockHash(root) ?? '')
  linkCommand(root)
}

/** @param {string} root @param {string | null} hash of the lock file */
export function isInstalled(root, hash) {
  const record = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(record)) return false
  const stamp = readStamp(stampFile(root))
  if (stamp !== null) return stamp === (hash ?? '')
  // Installed by hand: npm writes its record last, so a newer record belongs to this lock file.
  if (hash !== null && statSync(record).mtimeMs < statSync(join(root, 'package-lock.json')).mtimeMs) return false
  writeStamp(stampFile(root), hash ?? '')
  linkCommand(root)
  return true
}

/** @param {string} root @returns {string | null} */
export function lockHash(root) {
  const file = join(root, 'package-lock.json')
  return existsSync(file) ? createHash('sha256').update(readFileSync(file)).digest('hex') : null
}

/** @param {string} root */
function stampFile(root) {
  return join(root, 'node_modules', '.mirror-lock')
}

/** `npx mirror` finds the clone's own command at once, instead of installing it into npm's cache. @param {string} root */
function linkCommand(root) {
  const bins = join(root, 'node_modules', '.bin')
  mkdirSync(bins, { recursive: true })
  if (!existsSync(join(bins, 'mirror'))) symlinkSync('../../bin/mirror.mjs', join(bins, 'mirror'))
}
