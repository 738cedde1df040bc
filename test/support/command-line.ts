// The `mirror` command as a shell would run it, in this process.
import { runCli } from '../../src/cli/run-cli.ts'
import type { TestApi } from './api-server.ts'
import { ADMIN_TOKEN } from './api-server.ts'

export interface CommandOutput {
  stdout: string
  stderr: string
}

export interface CommandSetting {
  readonly env: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  /** False unless told. */
  readonly isTerminal?: boolean
  /** Grows while the command runs. */
  readonly out?: CommandOutput
}

export async function runCommand(
  args: readonly string[],
  { env, signal = new AbortController().signal, isTerminal = false, out = { stdout: '', stderr: '' } }: CommandSetting,
): Promise<CommandOutput & { readonly code: number }> {
  const code = await runCli(args, {
    ...{ env, version: '1.2.3', fetch, isTerminal, signal },
    stdout: (text) => {
      out.stdout += text
    },
    stderr: (text) => {
      out.stderr += text
    },
    serve: async () => 0,
  })
  return { code, ...out }
}

/** As an admin who is logged in to that server. */
export function adminEnvironment({ url }: Pick<TestApi, 'url'>): Readonly<Record<string, string>> {
  return { MIRROR_URL: url, MIRROR_API_KEY: ADMIN_TOKEN }
}
