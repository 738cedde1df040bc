import { spawn } from 'node:child_process'

/** npm passes on a signal that the terminal has also sent to the whole process group: one key press, two signals. */
const SAME_SIGNAL_MS = 500
/** How soon a killed npm is noticed. */
const PARENT_CHECK_MS = 250

/**
 * Runs a program to its end on this terminal and returns its exit code (128 + number after a signal, as shells do).
 * @param {string} program @param {readonly string[]} args
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv, toStderr?: boolean}} [options] `toStderr` keeps standard output free
 * @returns {Promise<number>}
 */
export function runTool(program, args, { cwd, env, toStderr = false } = {}) {
  return new Promise((done) => {
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', toStderr ? 2 : 'inherit', 'inherit'] })
    // The terminal reaches the tool by itself; waiting for it here keeps its last words above the prompt.
    const stay = () => {}
    process.on('SIGINT', stay)
    const end = (/** @type {number} */ code) => {
      process.off('SIGINT', stay)
      done(code)
    }
    child.once('error', (error) => {
      process.stderr.write(`mirror: ${program} cannot be run: ${error.message}\n`)
      end(127)
    })
    child.once('exit', (code, signal) => end(exitCode(code, signal)))
  })
}

/**
 * Runs Mirror itself. It gets a session of its own, so that a Ctrl-C reaches it once, through here, and not also from
 * the terminal; and a channel, so that it notices when this process is killed and stops instead of living on unseen.
 * @param {string} program @param {readonly string[]} args @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>}
 */
export function runMirror(program, args, env) {
  return new Promise((done) => {
    const child = spawn(program, args, { env, detached: true, stdio: ['inherit', 'inherit', 'inherit', 'ipc'] })
    let lastForwardedAtMs = Number.NEGATIVE_INFINITY
    const forward = (/** @type {NodeJS.Signals} */ signal) => {
      const nowMs = performance.now()
      if (nowMs - lastForwardedAtMs < SAME_SIGNAL_MS) return
      lastForwardedAtMs = nowMs
      child.kill(signal)
    }
    process.on('SIGINT', forward)
    process.on('SIGTERM', forward)
    // The terminal was closed: drain, as for a stop that was asked for.
    process.on('SIGHUP', () => forward('SIGTERM'))
    // Whoever kills npm (-9) means Mirror: npm cannot pass that on, and a server nobody sees would keep its ports.
    const parent = process.ppid
    if (process.env.npm_lifecycle_event !== undefined) {
      setInterval(() => process.ppid !== parent && process.exit(137), PARENT_CHECK_MS).unref()
    }
    child.once('error', (error) => {
      process.stderr.write(`mirror: ${program} cannot be run: ${error.message}\n`)
      done(127)
    })
    child.once('exit', (code, signal) => done(exitCode(code, signal)))
  })
}

/** @param {number | null} code @param {NodeJS.Signals | null} signal */
function exitCode(code, signal) {
  if (code !== null) return code
  return 128 + ({ SIGHUP: 1, SIGINT: 2, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 }[String(signal)] ?? 0)
}
