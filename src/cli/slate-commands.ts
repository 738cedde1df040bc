import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import type { StreamView } from '../api/stream-contract.ts'
import { CliError } from './cli-error.ts'
import { serverCommand } from './server-command.ts'
import type { WithSession } from './session.ts'

export function addSlateCommands(stream: Command, withSession: WithSession): void {
  const slate = stream.command('slate').description('manage what is shown while no input brings media')

  serverCommand(slate, 'set <stream> <file>', 'upload a picture (PNG, JPEG) or clip (MP4) of at most 20 MiB').action(
    (id: string, file: string, _flags, command: Command) =>
      withSession(command, async ({ client, print }) => {
        const bytes = await readFile(file).catch((error: unknown) => {
          throw new CliError(`The file ${file} cannot be read.`, 'Check the path.', error)
        })
        const view = await client.put<StreamView>(slatePath(id), bytes)
        print(view.slate, `Stream ${id} shows ${file} while no input brings media.\n`)
      }),
  )

  serverCommand(slate, 'remove <stream>', 'bridge silence with gaps again').action(
    (id: string, _flags, command: Command) =>
      withSession(command, async ({ client, print }) => {
        await client.delete(slatePath(id))
        print({ removed: id }, `The slate of stream ${id} was removed.\n`)
      }),
  )
}

function slatePath(id: string): string {
  return `/streams/${encodeURIComponent(id)}/slate`
}
