// Every dependency must carry a licence that Mirror's own (Apache-2.0) can be shipped with.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ROOT } from './layout.mjs'

const ALLOWED = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Python-2.0',
  'Unlicense',
])
/** Tools that are used as they are and never shipped may also be under a licence with conditions on changed files. */
const ALLOWED_FOR_TOOLS = new Set([...ALLOWED, 'CC-BY-4.0', 'MPL-2.0'])
/** libvips below sharp: a shared library in a package of its own, not part of Mirror's, which anybody may replace. */
const SHARED_LIBRARIES = /^node_modules\/@img\/sharp-[a-z0-9-]+$/
const ALLOWED_FOR_SHARED_LIBRARIES = new Set([...ALLOWED, 'LGPL-3.0-or-later'])

/** @typedef {{license?: string, dev?: boolean, devOptional?: boolean, optional?: boolean, link?: boolean, version?: string}} LockEntry */

/**
 * @param {Readonly<Record<string, LockEntry>>} packages of package-lock.json, by path
 * @param {(path: string) => string | null} readLicence from the installed package, for records without one
 * @returns {string[]} one sentence for each package that may not be used
 */
export function unacceptableLicences(packages, readLicence) {
  return Object.entries(packages).flatMap(([path, entry]) => {
    const isOurs = !path.includes('node_modules/') || entry.link === true
    if (isOurs) return []
    const licence = entry.license ?? readLicence(path)
    const allowed = allowedFor(path, entry)
    if (licence !== null && isAllowed(licence, allowed)) return []
    return [
      `${path.slice(path.lastIndexOf('node_modules/') + 13)} ${entry.version ?? ''}: ${licence ?? 'no licence found'}`,
    ]
  })
}

/** @param {string} path @param {LockEntry} entry @returns {ReadonlySet<string>} */
function allowedFor(path, { dev, devOptional, optional }) {
  if (dev === true || devOptional === true) return ALLOWED_FOR_TOOLS
  return optional === true && SHARED_LIBRARIES.test(path) ? ALLOWED_FOR_SHARED_LIBRARIES : ALLOWED
}

/** Of an OR one side must do, of an AND both. @param {string} expression in SPDX @param {ReadonlySet<string>} allowed @returns {boolean} */
export function isAllowed(expression, allowed) {
  const plain = expression.replace(/^\((.*)\)$/, '$1')
  if (/ OR /.test(plain)) return plain.split(' OR ').some((side) => isAllowed(side, allowed))
  if (/ AND /.test(plain)) return plain.split(' AND ').every((side) => isAllowed(side, allowed))
  return allowed.has(plain)
}

/** @param {string} path @returns {string | null} */
function licenceOfInstalled(path) {
  const file = join(ROOT, path, 'package.json')
  if (!existsSync(file)) return null
  const { license, licenses } = JSON.parse(readFileSync(file, 'utf8'))
  const old = Array.isArray(licenses) ? licenses.map((one) => one.type ?? one).join(' OR ') : null
  return typeof license === 'string' ? license : (license?.type ?? old)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'))
  const found = unacceptableLicences(packages, licenceOfInstalled)
  for (const sentence of found) process.stdout.write(`licence not allowed: ${sentence}\n`)
  process.exitCode = found.length === 0 ? 0 : 1
}
