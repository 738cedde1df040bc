// Finds a Node.js that is new enough: the one that runs already, or the one that npm installed beside Mirror.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { LaunchError } from './say.mjs'

/** Type stripping, `reusePort` and `await using` need it. */
export const NODE_MAJOR_MIN = 24

/** "v24.21.0" or "24.21.0" → 24; 0 for anything else. @param {string} version */
export function majorOf(version) {
  const match = /^v?(\d+)\./.exec(version)
  return match === null ? 0 : Number(match[1])
}

/**
 * @param {{execPath: string, version: string, pinned: string | null}} known `pinned` is null when npm installed none.
 * @returns {string | null} the program to run, or null when there is none
 */
export function chooseRuntime({ execPath, version, pinned }) {
  if (majorOf(version) >= NODE_MAJOR_MIN) return execPath
  return pinned
}

/** The package that carries the runtime of this machine. @param {string} platform @param {string} arch */
export function runtimePackage(platform, arch) {
  return `node-${platform}-${arch}`
}

/** Wherever npm has put it: beside Mirror, or hoisted to a folder above. @param {string} root @returns {string | null} */
export function findPinned(root) {
  const name = runtimePackage(process.platform, process.arch)
  try {
    const manifest = createRequire(join(root, 'package.json')).resolve(`${name}/package.json`)
    const program = join(dirname(manifest), 'bin', 'node')
    return existsSync(program) ? program : null
  } catch {
    return null
  }
}

/** @param {string} root @returns {string} */
export function findRuntime(root) {
  const program = chooseRuntime({ execPath: process.execPath, version: process.version, pinned: findPinned(root) })
  if (program !== null) return program
  throw new LaunchError(
    `Node.js ${NODE_MAJOR_MIN} or newer is needed; this is ${process.version}, and npm has no package ` +
      `${runtimePackage(process.platform, process.arch)} installed. Install Node.js ${NODE_MAJOR_MIN} from https://nodejs.org and start again.`,
  )
}

/**
 * The environment for tools: their `#!/usr/bin/env node` must find the right runtime first.
 * @param {string} root @param {string} program
 * @returns {NodeJS.ProcessEnv}
 */
export function toolEnvironment(root, program) {
  const bins = [dirname(program), join(root, 'node_modules', '.bin')]
  return { ...process.env, PATH: [...bins, process.env.PATH ?? ''].join(':') }
}
