// Where things lie, in a clone of the repository and in an installed package.
import { existsSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of package.json. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/[/\\]$/, '')

/**
 * A clone has the sources and runs them as they are. Below node_modules Node.js strips no types, so an installed
 * package brings compiled files instead.
 * @param {string} root
 */
export function isClone(root) {
  return existsSync(join(root, 'src', 'main.ts')) && !root.split(sep).includes('node_modules')
}

/** @param {string} root */
export function mainFile(root) {
  return isClone(root) ? join(root, 'src', 'main.ts') : join(root, 'dist', 'main.js')
}

/** Caches of a clone: they go when node_modules goes. @param {string} root */
export function cacheFolder(root) {
  return join(root, 'node_modules', '.cache', 'mirror')
}

/** @param {string} root @returns {string} */
export function packageVersion(root) {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version
}
