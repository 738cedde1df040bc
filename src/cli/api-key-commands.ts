import type { Command } from 'commander'
import type { ApiKeyView, CreatedApiKeyView } from '../api/access-contract.ts'
import { serverCommand } from './server-command.ts'
import type { WithSession } from './session.ts'
import { renderTable, renderTime } from './table.ts'

export function addApiKeyCommands(program: Command, withSession: WithSession): void {
  const apiKey = program.command('api-key').description('manage API keys')

  serverCommand(apiKey, 'list', 'list API keys').action((_flags, command: Command) =>
    withSession(command, async ({ client, print }) => {
      const list = await client.get<{ keys: ApiKeyView[] }>('/api-keys')
      const rows = list.keys.map((key) => [
        key.id,
        key.name,
        key.role,
        renderTime(key.createdAt),
        renderTime(key.lastUsedAt),
      ])
      print(list, renderTable(['ID', 'NAME', 'ROLE', 'CREATED', 'LAST USED'], rows))
    }),
  )

  serverCommand(apiKey, 'create <name>', 'create an API key; it is shown once')
    .option('--role <role>', 'viewer, operator or admin', 'operator')
    .action((name: string, flags: { role: string }, command: Command) =>
      withSession(command, async ({ client, print }) => {
        const created = await client.post<CreatedApiKeyView>('/api-keys', { name, role: flags.role })
        print(created, `${created.key}\nThis is the only time the key of "${name}" (${created.role}) is shown.\n`)
      }),
    )

  serverCommand(apiKey, 'delete <id>', 'delete an API key; it stops working at once').action(
    (id: string, _flags, command: Command) =>
      withSession(command, async ({ client, print }) => {
        await client.delete(`/api-keys/${encodeURIComponent(id)}`)
        print({ deleted: id }, `The API key was deleted.\n`)
      }),
  )
}
