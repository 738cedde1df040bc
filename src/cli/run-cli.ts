// The command `mirror`: reads arguments, calls the running server, prints.
import { Command, CommanderError } from 'commander'
import { ERRORS, MirrorError } from '../core/errors.ts'
import { createApiClient } from './api-client.ts'
import { addApiKeyCommands } from './api-key-commands.ts'
import { addAssetCommands } from './asset-commands.ts'
import { addCareCommands } from './care-commands.ts'
import { addCatalogCommands } from './catalog-commands.ts'
import { CliError } from './cli-error.ts'
import type { CliHost, ServeFlags } from './cli-host.ts'
import { addDvrCommands } from './dvr-commands.ts'
import { addEventCommands } from './event-commands.ts'
import { addExplainCommand } from './explain-command.ts'
import { findServer, type ServerFlags } from './find-server.ts'
import { followJob, JobGoesOn } from './follow-job.ts'
import { addJobCommands } from './job-commands.ts'
import { addLintCommand } from './lint-command.ts'
import { addObjectCommands } from './object-commands.ts'
import { addRecordingCommands } from './recording-commands.ts'
import type { WithSession } from './session.ts'
import { addStoreCommands } from './store-commands.ts'
import { addStreamCommands } from './stream-commands.ts'
import { addWebhookCommands } from './webhook-commands.ts'

export const EXIT_FAILED = 1
export const EXIT_USAGE = 2

/** `argv` without interpreter and script. Resolves to the exit code: 0 done, 1 failed, 2 wrong usage. */
export async function runCli(argv: readonly string[], host: CliHost): Promise<number> {
  let exitCode = 0
  const program = createProgram(host, (code) => {
    exitCode = code
  })
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return exitCode
  } catch (error) {
    return report(error, host)
  }
}

function createProgram(host: CliHost, setExitCode: (code: number) => void): Command {
  const program = new Command('mirror')
    .description('Self-hosted live streaming, recording and delivery')
    .version(host.version, '--version', 'print the version')
    .showHelpAfterError('(see "mirror --help")')
    .exitOverride()
    .configureOutput({ writeOut: host.stdout, writeErr: host.stderr })

  const withSession: WithSession = async (command, work) => {
    const flags = command.optsWithGlobals<ServerFlags & { json?: boolean }>()
    const server = await findServer(flags, host.env)
    const client = createApiClient(server, host)
    const isJson = flags.json === true
    await work({
      client,
      signal: host.signal,
      isJson,
      print: (value, text) => host.stdout(isJson ? `${JSON.stringify(value, null, 2)}\n` : text),
      follow: (jobId) => followJob({ ...host, client, now: Date.now }, jobId),
    })
  }

  addServeCommand(program, host, setExitCode)
  addStreamCommands(program, withSession)
  addDvrCommands(program, withSession)
  addRecordingCommands(program, withSession, setExitCode)
  addApiKeyCommands(program, withSession)
  addEventCommands(program, withSession, host)
  addCareCommands(program, withSession, setExitCode)
  addExplainCommand(program, withSession)
  addObjectCommands(program, withSession, setExitCode)
  addJobCommands(program, withSession)
  addAssetCommands(program, withSession)
  addLintCommand(program, host, setExitCode)
  addStoreCommands(program, withSession, host, setExitCode)
  addWebhookCommands(program, withSession, setExitCode)
  addCatalogCommands(program, host, setExitCode)
  return program
}

function addServeCommand(program: Command, host: CliHost, setExitCode: (code: number) => void): void {
  program
    .command('serve')
    .description('run the server until Ctrl-C')
    .option('--config <file>', 'configuration file (MIRROR_CONFIG)')
    .option('--data <folder>', 'data folder (MIRROR_DATA, ./data)')
    .option('--bind <address>', 'address to listen on; 0.0.0.0 opens it to the network (MIRROR_BIND, 127.0.0.1)')
    .option('--api-port <port>', 'console and API (MIRROR_API_PORT, 8080)')
    .option('--media-port <port>', 'media origin and CMAF ingest (MIRROR_MEDIA_PORT, 8888)')
    .option('--rtmp-port <port>', 'RTMP ingest (MIRROR_RTMP_PORT, 1935)')
    .option('--srt-port <port>', 'SRT ingest, UDP (MIRROR_SRT_PORT, 6000)')
    .option('--public-url <url>', 'base URL of the media origin as viewers see it (MIRROR_PUBLIC_URL)')
    .option('--database-url <url>', 'PostgreSQL instead of SQLite (MIRROR_DATABASE_URL)')
    .option('--log-level <level>', 'debug, info, warn or error')
    .action(async (flags: ServeFlags) => setExitCode(await host.serve(flags)))
}

function report(error: unknown, host: CliHost): number {
  // Commander has printed its own message; help and version are no failures.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE
  // Ctrl-C needs no words, unless something goes on that should be known.
  if (host.signal.aborted && !(error instanceof JobGoesOn)) return EXIT_FAILED
  if (error instanceof CliError) host.stderr(`${error.message}\n${error.advice}\n`)
  else if (error instanceof MirrorError) host.stderr(`${error.message}\n${ERRORS[error.code].advice}\n`)
  else host.stderr(`${error instanceof Error ? error.message : String(error)}\n`)
  return EXIT_FAILED
}
