import type { Command } from 'commander'

/** Flags that every command which talks to the server has. */
export function serverCommand(parent: Command, nameAndArguments: string, description: string): Command {
  return parent
    .command(nameAndArguments)
    .description(description)
    .option('--url <url>', 'address of the API (MIRROR_URL)')
    .option('--api-key <key>', 'API key (MIRROR_API_KEY)')
    .option('--data <folder>', 'data folder of a server on this machine (MIRROR_DATA)')
    .option('--json', 'print JSON')
}
