import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import type { AddStoreBody, StoreListView, StoreView } from '../api/store-contract.ts'
import { CliError } from './cli-error.ts'
import type { CliHost } from './cli-host.ts'
import { probeConfiguredStore } from './probe-configured-store.ts'
import { serverCommand } from './server-command.ts'
import type { WithSession } from './session.ts'
import { renderFacts, renderTable, renderTime } from './table.ts'

/** Longer than the server gives a probe. */
const PROBE_TIMEOUT_MS = 120_000

interface AddFlags {
  folder?: string
  s3?: string
  endpoint?: string
  region?: string
  prefix?: string
  accessKey?: string
  secretKey?: string
  secretKeyFile?: string
  pathStyle?: boolean
  storageClass?: string
  role?: string[]
}

interface ProbeFlags {
  config?: string
  json?: boolean
}

export function addStoreCommands(
  program: Command,
  withSession: WithSession,
  host: CliHost,
  setExitCode: (code: number) => void,
): void {
  const store = program.command('store').description('where objects are kept')

  addAddCommand(store, withSession)

  serverCommand(store, 'list', 'list the stores').action((_flags, self: Command) =>
    withSession(self, async ({ client, print }) => {
      const { stores } = await client.get<StoreListView>('/stores')
      const rows = stores.map((each) => [each.name, each.place, stateOf(each), renderTime(each.probe?.at ?? null)])
      print(stores, renderTable(['NAME', 'PLACE', 'STATE', 'PROBED'], rows))
    }),
  )

  serverCommand(store, 'show <name>', 'show a store and what its last probe found').action(
    (name: string, _flags, self: Command) =>
      withSession(self, async ({ client, print }) => {
        const shown = await client.get<StoreView>(pathOf(name))
        print(shown, renderStore(shown))
      }),
  )

  serverCommand(
    store,
    'probe [name]',
    'find out what a store can do, with a few objects that are removed again; exit code 1 when Mirror cannot use it. Without a name: that of the configuration, without a server',
  )
    .option('--config <file>', 'configuration file, without a name (MIRROR_CONFIG)')
    .action(async (name: string | undefined, flags: ProbeFlags, self: Command) => {
      if (name === undefined) return await probeConfiguredStore(flags, host, setExitCode)
      if (flags.config !== undefined) {
        throw new CliError('A store by name is probed by the server.', 'Leave out either the name or --config.')
      }
      await withSession(self, async ({ client, print }) => {
        const probed = await client.post<StoreView>(`${pathOf(name)}/probe`, undefined, PROBE_TIMEOUT_MS)
        print(probed, renderStore(probed))
        if (probed.probe?.usable === false) setExitCode(1)
      })
    })

  serverCommand(store, 'remove <name>', 'detach a store; what lies in it stays there').action(
    (name: string, _flags, self: Command) =>
      withSession(self, async ({ client, print }) => {
        await client.delete(pathOf(name))
        print({ removed: name }, `Store ${name} was removed; what lies in it stays there.\n`)
      }),
  )
}

function addAddCommand(store: Command, withSession: WithSession): void {
  serverCommand(store, 'add <name>', 'attach a folder of the server’s machine, or a bucket')
    .option('--folder <path>', 'an existing folder, from the root')
    .option('--s3 <bucket>', 'an existing bucket')
    .option('--endpoint <url>', 'address of the S3 store; default: AWS')
    .option('--region <region>', 'region of the bucket')
    .option('--prefix <prefix>', 'what stands before every key, to share a bucket')
    .option('--access-key <key>', 'access key; default: what the AWS SDK finds on the server’s machine')
    .option('--secret-key <key>', 'secret key; whoever lists processes sees it')
    .option('--secret-key-file <file>', 'a file that holds the secret key')
    .option('--path-style', 'the bucket in the path of an address; default: with --endpoint')
    .option('--no-path-style', 'the bucket in the host name')
    .option('--storage-class <class>', 'storage class of new objects')
    .option(
      '--role <role>',
      'originals, raw, renditions, analytics or backup; repeat it for more; default: all',
      collect,
    )
    .action((name: string, flags: AddFlags, self: Command) =>
      withSession(self, async ({ client, print }) => {
        const added = await client.post<StoreView>('/stores', await bodyOf(name, flags), PROBE_TIMEOUT_MS)
        print(added, `Store ${added.name} is attached.\n\n${renderStore(added)}`)
      }),
    )
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}

/** What is wrong with a value is said by the server, which names the field. */
async function bodyOf(name: string, flags: AddFlags): Promise<AddStoreBody> {
  const { folder, s3, endpoint, region, prefix, pathStyle, storageClass, role } = flags
  if ((folder === undefined) === (s3 === undefined)) {
    throw new CliError(
      'A store is a folder or a bucket.',
      'Write --folder <path>, or --s3 <bucket> and what belongs to it.',
    )
  }
  const roles = role === undefined ? {} : { roles: role as NonNullable<AddStoreBody['roles']> }
  if (folder !== undefined) return { name, ...roles, folder: { path: folder } }
  const given = { endpoint, region, prefix, pathStyle, storageClass }
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  return { name, ...roles, s3: { bucket: s3 ?? '', ...set, ...(await credentialsOf(flags)) } }
}

async function credentialsOf({ accessKey, secretKey, secretKeyFile }: AddFlags) {
  const secret = secretKeyFile === undefined ? secretKey : await secretIn(secretKeyFile)
  if (accessKey === undefined && secret === undefined) return {}
  if (accessKey === undefined || secret === undefined || (secretKey !== undefined && secretKeyFile !== undefined)) {
    throw new CliError(
      'An access key and a secret key belong together.',
      'Write --access-key and one of --secret-key-file and --secret-key.',
    )
  }
  return { credentials: { accessKey, secretKey: secret } }
}

async function secretIn(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CliError(`${file} cannot be read: ${reason}`, 'Name a file that holds the secret key and nothing else.')
  }
}

function stateOf({ probe }: StoreView): string {
  if (probe === null) return 'not probed'
  return probe.usable ? 'usable' : 'unusable'
}

function renderStore(store: StoreView): string {
  const { s3, probe } = store
  const facts: (readonly [string, string])[] = [
    ['name', store.name],
    ['place', store.place],
    ['from', store.source === 'configuration' ? 'the configuration' : `attached ${renderTime(store.addedAt)}`],
    ['roles', store.roles.join(', ')],
  ]
  if (s3 !== null) {
    facts.push(['region', s3.region], ['credentials', CREDENTIALS[s3.credentials]])
    facts.push([
      'connection',
      `${s3.tls ? 'encrypted' : 'not encrypted'}, bucket in the ${s3.pathStyle ? 'path' : 'host name'}`,
    ])
    if (s3.storageClass !== null) facts.push(['class', s3.storageClass])
  }
  if (probe === null)
    return `${renderFacts(facts)}\nIt was never probed, or does not answer: "mirror store probe ${store.name}".\n`
  const rows = probe.capabilities
    .filter(({ outcome }) => outcome !== 'none')
    .map(({ outcome, title, note }) => `  ${outcome.padEnd(8)}${title}${note === '' ? '' : ` (${note})`}\n`)
  const verdict = probe.usable ? 'Mirror can keep objects here.' : 'Mirror cannot use this store.'
  const advice = probe.advice.map((line) => `- ${line}\n`)
  return `${renderFacts(facts)}\nProbed ${renderTime(probe.at)} in ${probe.tookSec.toFixed(1)} s\n${rows.join('')}\n${verdict}\n${advice.join('')}`
}

const CREDENTIALS: Readonly<Record<NonNullable<StoreView['s3']>['credentials'], string>> = {
  kept: 'kept, sealed',
  machine: 'what the AWS SDK finds on the machine',
  unreadable: 'sealed under another installation secret: attach the store again',
}

function pathOf(name: string): string {
  return `/stores/${encodeURIComponent(name)}`
}
