// The process `mirror`: `serve` runs the server, everything else is a command that talks to a running one.
import { readFileSync } from 'node:fs'
import { readEnvironment } from './config/environment.ts'

/** 128 + SIGKILL, as shells count. */
const EXIT_ORPHANED = 137

const argv = process.argv.slice(2)
const environment = readEnvironment()

const stop = new AbortController()
// A second signal does not wait for the drain.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => (stop.signal.aborted ? process.exit(130) : stop.abort()))
}
// The launcher was killed: go at once, as if the signal had been ours, so that ports and data folder are free again.
process.once('disconnect', () => process.exit(EXIT_ORPHANED))

// A reader that went away (`… | head`, a closed terminal) is nobody to tell, and no reason to crash a server.
process.stdout.on('error', () => {})
process.stderr.on('error', () => {})

// Loaded on demand: a command need not load the server, and the server need not load the commands.
const exitCode = argv[0] === 'serve' ? await serve(argv.slice(1)) : await command()
// Whatever still holds the event loop (a keep-alive socket of fetch, a stuck child) must not hold the exit.
process.exit(exitCode)

async function serve(flags: readonly string[]): Promise<number> {
  const { serveUntilStopped } = await import('./serve.ts')
  return await serveUntilStopped(flags, environment, stop.signal)
}

async function command(): Promise<number> {
  const { runCli } = await import('./cli/run-cli.ts')
  return await runCli(argv, {
    env: environment,
    version: packageVersion(),
    fetch,
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    isTerminal: process.stderr.isTTY === true,
    serve: () => serve(argv.slice(1)),
    signal: stop.signal,
  })
}

function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown'
}
