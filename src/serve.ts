import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { startMirror } from './app.ts'
import type { Environment } from './config/environment.ts'
import { type LoadedConfig, loadConfig } from './config/load.ts'
import type { Config } from './config/types.ts'
import { ERRORS, toMirrorError } from './core/errors.ts'
import type { Log } from './core/log.ts'
import { createLogger } from './core/logger.ts'

const EXIT_FAILED = 1
const EXIT_USAGE = 2
/** Ctrl-C ends Mirror within 5 s, whatever a peer or a disk does. */
const DRAIN_TIMEOUT_MS = 4_500

/** Runs the server until `signal` aborts. Resolves to the exit code: 0 stopped, 1 failed, 2 wrong configuration. */
export async function serveUntilStopped(
  flags: readonly string[],
  env: Environment,
  signal: AbortSignal,
): Promise<number> {
  let loaded: LoadedConfig
  try {
    loaded = loadConfig({ flags, env, cwd: process.cwd(), readFile: (path) => readFileSync(path, 'utf8') })
  } catch (error) {
    process.stderr.write(`${toMirrorError(error).message}\n`)
    return EXIT_USAGE
  }

  const { config, file, warnings } = loaded
  const isTerminal = process.stdout.isTTY === true
  const format = config.log.format === 'auto' ? (isTerminal ? 'pretty' : 'json') : config.log.format
  const log = createLogger({ level: config.log.level, format, color: isTerminal && env['NO_COLOR'] === undefined })
  if (file !== null) log.debug('configuration read', { file })
  for (const warning of warnings) log.warn(warning)

  try {
    return await run(config, { log, signal })
  } finally {
    log.flush()
  }
}

async function run(config: Config, host: { readonly log: Log; readonly signal: AbortSignal }): Promise<number> {
  const { log, signal } = host
  let mirror: AsyncDisposable
  try {
    mirror = await startMirror(config, { ...host, greet: (text) => void process.stdout.write(text) })
  } catch (error) {
    if (signal.aborted) return 0
    const failure = toMirrorError(error)
    // A bug shows its stack; what the user can mend shows what to do.
    log.error('Mirror did not start', failure.code === 'internal' ? { error } : { code: failure.code })
    process.stderr.write(`${failure.message}\n${ERRORS[failure.code].advice}\n`)
    return EXIT_FAILED
  }
  await aborted(signal)
  log.info('stopping')
  return await drain(mirror, log)
}

async function drain(mirror: AsyncDisposable, log: Log): Promise<number> {
  const timer = new AbortController()
  const late = delay(DRAIN_TIMEOUT_MS, 'late', { signal: timer.signal }).catch(() => 'late')
  try {
    const outcome = await Promise.race([mirror[Symbol.asyncDispose](), late])
    if (outcome === undefined) return 0
    log.warn('not everything could be drained in time')
  } catch (error) {
    log.error('stopping failed', { error })
  } finally {
    timer.abort()
  }
  return EXIT_FAILED
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done()
    else signal.addEventListener('abort', () => done(), { once: true })
  })
}
