import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { loadConfig } from '../config/load.ts'
import { CliError } from './cli-error.ts'
import type { CliHost } from './cli-host.ts'

interface ProbeFlags {
  readonly config?: string
  readonly json?: boolean
}

/** `mirror store …`: needs no running server, only its configuration. */
export function addStoreCommands(program: Command, host: CliHost, setExitCode: (code: number) => void): void {
  program
    .command('store')
    .description('the store of this installation')
    .command('probe')
    .description(
      'find out what the configured bucket can do, with a few objects that are removed again; exit code 1 when Mirror cannot use it',
    )
    .option('--config <file>', 'configuration file (MIRROR_CONFIG)')
    .option('--json', 'print JSON')
    .action(async (flags: ProbeFlags) => {
      const { config } = loadConfig({
        flags: flags.config === undefined ? [] : ['--config', flags.config],
        env: host.env,
        cwd: process.cwd(),
        readFile: (path) => readFileSync(path, 'utf8'),
      })
      if (config.store.kind !== 's3') {
        throw new CliError(
          'The store is a folder, and folders need no probe: Mirror tries them at each start.',
          'Set store.s3.bucket (or S3_BUCKET) to probe a bucket.',
        )
      }
      // Loaded on demand: no other command needs the SDK.
      const { probeS3 } = await import('../storage/s3-probe.ts')
      const { openS3Store } = await import('../storage/s3-store.ts')
      const { driftOf, judgeStore, renderMatrix } = await import('../storage/capabilities.ts')
      const { exchangeMatrix } = await import('../storage/stored-matrix.ts')
      const options = { randomId: randomUUID, nowMs: Date.now }
      const matrix = await probeS3(config.store.s3, { ...options, signal: host.signal })
      const verdict = judgeStore(matrix)
      await using store = openS3Store(config.store.s3, options)
      const before = verdict.isUsable ? await exchangeMatrix(store, matrix, host.signal) : null
      const drift = before === null ? [] : driftOf(before, matrix)
      const changes = drift.map(
        (line) => `- Changed since ${new Date(before?.probedAtMs ?? 0).toISOString()}: ${line}\n`,
      )
      host.stdout(
        flags.json === true
          ? `${JSON.stringify({ ...matrix, verdict, drift }, null, 2)}\n`
          : `${renderMatrix(matrix)}${changes.join('')}`,
      )
      if (!verdict.isUsable) setExitCode(1)
    })
}
