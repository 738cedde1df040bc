// Programs and libraries that come from the distribution. Mirror starts without them and says what is off.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { runTool } from './run-child.mjs'
import { say } from './say.mjs'

/**
 * @typedef {object} Need
 * @property {string} what in the words of a user
 * @property {string} off what does not work without it
 * @property {readonly string[]} packages Debian and Ubuntu names, the first one that exists is taken
 * @property {readonly string[]} [also] packages that have to come with it
 * @property {() => boolean} isPresent
 */

/** The names under which libsrt is loaded; the first two are Debian's, the last is upstream's. */
const LIBSRT = ['libsrt-gnutls.so.1.5', 'libsrt-openssl.so.1.5', 'libsrt.so.1.5', 'libsrt-gnutls.so.1.4']
const LIBRARY_FOLDERS = ['/lib', '/usr/lib', '/usr/local/lib', '/lib64', '/usr/lib64'].flatMap((folder) => [
  folder,
  join(folder, process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu'),
])

/** One of each package: adaptivedemux2 is the HLS client, debugutilsbad counts the pictures. */
const GSTREAMER_PLUGINS = ['playback', 'adaptivedemux2', 'isomp4', 'debugutilsbad', 'libav']

/** @type {readonly Need[]} */
export const NEEDS_TO_SERVE = [
  {
    what: 'ffmpeg',
    off: 'the test stream',
    packages: ['ffmpeg'],
    isPresent: () => hasProgram('ffmpeg'),
  },
  {
    what: 'libsrt',
    off: 'SRT ingest',
    // Ubuntu 22.04 still has 1.4.
    packages: ['libsrt1.5-gnutls', 'libsrt1.4-gnutls'],
    isPresent: () => hasLibrary(LIBSRT),
  },
  {
    what: 'poppler',
    off: 'the pages of PDF files',
    packages: ['poppler-utils'],
    isPresent: () => hasProgram('pdftoppm') && hasProgram('pdfinfo'),
  },
]

/** @type {readonly Need[]} */
export const NEEDS_TO_TEST = [
  {
    what: 'Chromium',
    off: 'the browser tests',
    packages: ['chromium', 'chromium-browser'],
    isPresent: () => hasProgram('chromium') || hasProgram('chromium-browser') || hasProgram('google-chrome'),
  },
  {
    what: 'PostgreSQL',
    off: 'the catalog tests on PostgreSQL',
    packages: ['postgresql'],
    isPresent: () => hasProgram('postgres') || postgresFolders().some((bin) => existsSync(join(bin, 'postgres'))),
  },
  {
    what: 'Ceph RADOS Gateway',
    off: 'the tests on a real S3 store',
    packages: ['radosgw'],
    also: ['ceph-mon', 'ceph-osd', 'ceph-common'],
    isPresent: () => ['radosgw', 'ceph-mon', 'ceph-osd', 'ceph'].every(hasProgram),
  },
  {
    what: 'strace',
    off: 'the test that files are synced before they count',
    packages: ['strace'],
    isPresent: () => hasProgram('strace'),
  },
  {
    what: 'nginx',
    off: 'the tests behind an edge',
    packages: ['nginx-light', 'nginx'],
    isPresent: () => hasProgram('nginx'),
  },
  {
    what: 'srt-live-transmit',
    off: 'the SRT interoperability tests',
    packages: ['srt-tools'],
    isPresent: () => hasProgram('srt-live-transmit'),
  },
  {
    what: 'GStreamer with its HLS client (1.22 or later)',
    off: 'the tests with the player GStreamer',
    packages: ['gstreamer1.0-tools'],
    also: ['base', 'good', 'bad'].map((one) => `gstreamer1.0-plugins-${one}`).concat('gstreamer1.0-libav'),
    isPresent: () => hasProgram('gst-launch-1.0') && GSTREAMER_PLUGINS.every(hasGstreamerPlugin),
  },
  {
    what: 'ExifTool',
    off: 'its word on pictures',
    packages: ['libimage-exiftool-perl'],
    isPresent: () => hasProgram('exiftool'),
  },
  {
    what: 'webpinfo',
    off: 'its word on WebP pictures',
    packages: ['webp'],
    isPresent: () => hasProgram('webpinfo'),
  },
  {
    what: 'a font',
    off: 'screenshots and the clock in the test picture',
    packages: ['fonts-dejavu-core'],
    isPresent: () => existsSync('/usr/share/fonts') && readdirSync('/usr/share/fonts').length > 0,
  },
]

/**
 * Installs what is missing when that is possible (Debian, root), else prints the line that does it.
 * @param {readonly Need[]} needs
 * @param {{mayInstall: boolean}} options
 * @returns {Promise<readonly Need[]>} what is still missing
 */
export async function provideSystemPackages(needs, { mayInstall }) {
  const missing = needs.filter((need) => !need.isPresent())
  if (missing.length === 0) return []
  if (!hasProgram('apt-get')) {
    for (const need of missing) say(`${need.what} was not found; ${need.off} will be off until you install it`)
    return missing
  }
  const isRoot = process.getuid?.() === 0
  const names = missing.flatMap(namesToInstall)
  const line = aptLine(names)
  if (!mayInstall || !isRoot) {
    say(`not found: ${missing.map((need) => `${need.what} (${need.off})`).join(', ')}. To install, run as root:`)
    process.stderr.write(`  ${line}\n`)
    return missing
  }
  say(`installing system packages: ${line}`)
  if ((await aptInstall(names)) !== 0) {
    say('that failed; trying again with a fresh package list')
    await runTool('apt-get', [...APT_OPTIONS, 'update'], { env: APT_ENVIRONMENT, toStderr: true })
    await aptInstall(missing.flatMap(namesToInstall))
  }
  const still = needs.filter((need) => !need.isPresent())
  if (still.length > 0) {
    say(`still not found: ${still.map((need) => `${need.what} (${need.off})`).join(', ')}. To install, run as root:`)
    process.stderr.write(`  ${aptLine(still.flatMap(namesToInstall))}\n`)
  }
  return still
}

/** @param {readonly string[]} names */
export function aptLine(names) {
  return `apt-get install -y --no-install-recommends ${names.join(' ')}`
}

/** A machine without network must not hold up the start for minutes. */
const APT_OPTIONS = ['-o', 'Acquire::Retries=1', '-o', 'Acquire::http::Timeout=15', '-o', 'DPkg::Lock::Timeout=60']
const APT_ENVIRONMENT = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }

/** @param {readonly string[]} names */
function aptInstall(names) {
  const args = [...APT_OPTIONS, 'install', '-y', '--no-install-recommends', ...names]
  return runTool('apt-get', args, { env: APT_ENVIRONMENT, toStderr: true })
}

/** @param {Need} need */
function namesToInstall(need) {
  return [nameToInstall(need), ...(need.also ?? [])]
}

/** The first name that this distribution knows; before the first `apt-get update` none is known. @param {Need} need */
function nameToInstall(need) {
  const [first = ''] = need.packages
  if (need.packages.length === 1) return first
  return need.packages.find((name) => spawnSync('apt-cache', ['show', name], { stdio: 'ignore' }).status === 0) ?? first
}

/** @param {string} name */
function hasProgram(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  return folders.some((folder) => folder !== '' && existsSync(join(folder, name)))
}

/** @param {string} name */
function hasGstreamerPlugin(name) {
  return LIBRARY_FOLDERS.some((folder) => existsSync(join(folder, 'gstreamer-1.0', `libgst${name}.so`)))
}

/** @param {readonly string[]} names */
function hasLibrary(names) {
  if (names.some((name) => LIBRARY_FOLDERS.some((folder) => existsSync(join(folder, name))))) return true
  const cache = spawnSync('ldconfig', ['-p'], { encoding: 'utf8' }).stdout ?? ''
  return names.some((name) => cache.includes(`${name} `))
}

function postgresFolders() {
  const base = '/usr/lib/postgresql'
  return existsSync(base) ? readdirSync(base).map((version) => join(base, version, 'bin')) : []
}
