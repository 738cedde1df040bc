// A real PostgreSQL server for one test file: own data folder, own port, thrown away afterwards.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, chown, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { findFreePort } from './free-port.ts'

const run = promisify(execFile)
const START_TIMEOUT_MS = 15_000
const STOP_TIMEOUT_MS = 10_000

export interface TestPostgres extends AsyncDisposable {
  /** An empty database of its own; returns its URL. */
  createDatabase(): Promise<string>
  /** Stops the server at once, as if its machine had failed, and can be started again. */
  stop(): Promise<void>
  start(): Promise<void>
}

interface Account {
  readonly uid: number
  readonly gid: number
}

/** Fails with the line that installs PostgreSQL when it is missing. */
export async function startPostgres(): Promise<TestPostgres> {
  const bin = await findBinaries()
  const account = process.getuid?.() === 0 ? await findAccount() : null
  const folder = await mkdtemp(join(tmpdir(), 'mirror-postgres-'))
  if (account !== null) await chown(folder, account.uid, account.gid)
  const identity = { cwd: folder, ...(account ?? {}) }
  const data = join(folder, 'data')
  // The locale is deliberately not "C": byte order must come from the columns, not from the server's defaults.
  const locale = ['--locale=C', '--locale-provider=icu', '--icu-locale=en-US', '--encoding=UTF8']
  await run(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'mirror', '--auth=trust', '--no-sync', '--no-instructions', ...locale],
    identity,
  )

  const port = await findFreePort()
  const urlOf = (name: string): string => `postgres://mirror@127.0.0.1:${port}/${name}`
  let server: ChildProcess | null = null
  let databases = 0

  async function start(): Promise<void> {
    // --pdeathsig: the server must not outlive a test run that was killed.
    const settings = { port, listen_addresses: '127.0.0.1', unix_socket_directories: folder, fsync: 'off' }
    const flags = Object.entries({ ...settings, max_connections: 60, shared_buffers: '16MB' })
    const child = spawn(
      'setpriv',
      ['--pdeathsig', 'QUIT', join(bin, 'postgres'), '-D', data, ...flags.flatMap(([k, v]) => ['-c', `${k}=${v}`])],
      { ...identity, stdio: ['ignore', 'ignore', 'pipe'] },
    )
    server = child
    let said = ''
    child.stderr.on('data', (text: Buffer) => {
      said = (said + text.toString()).slice(-4000)
    })
    const deadline = AbortSignal.timeout(START_TIMEOUT_MS)
    while (!(await answers(urlOf('postgres')))) {
      if (deadline.aborted || child.exitCode !== null) throw new Error(`PostgreSQL did not start: ${said}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  async function stop(): Promise<void> {
    const child = server
    server = null
    if (child === null || child.exitCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGQUIT') // immediate shutdown
    const timeout = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await exited
    clearTimeout(timeout)
  }

  try {
    await start()
  } catch (error) {
    await stop()
    await rm(folder, { recursive: true, force: true })
    throw error
  }
  return {
    start,
    stop,
    async createDatabase() {
      databases += 1
      const name = `test_${databases}`
      const client = new pg.Client({ connectionString: urlOf('postgres') })
      await client.connect()
      await client.query(`create database ${name}`)
      await client.end()
      return urlOf(name)
    },
    async [Symbol.asyncDispose]() {
      await stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function findBinaries(): Promise<string> {
  const root = '/usr/lib/postgresql'
  const versions = await readdir(root).catch(() => [])
  for (const version of versions.sort((a, b) => Number(b) - Number(a))) {
    const bin = join(root, version, 'bin')
    const isComplete = await Promise.all([access(join(bin, 'initdb')), access(join(bin, 'postgres'))]).then(
      () => true,
      () => false,
    )
    if (isComplete) return bin
  }
  throw new Error('The tests need a PostgreSQL server: apt-get install -y --no-install-recommends postgresql')
}

/** PostgreSQL refuses to run as root; its package creates this account. */
async function findAccount(): Promise<Account> {
  const { stdout } = await run('getent', ['passwd', 'postgres'])
  const [, , uid, gid] = stdout.split(':')
  return { uid: Number(uid), gid: Number(gid) }
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1000 })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.end()
    return true
  } catch {
    return false
  }
}
