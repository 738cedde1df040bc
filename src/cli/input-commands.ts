import type { Command } from 'commander'
import type { ActivatedInputView, AddInputBody, ConfiguredInputView, InputListView } from '../api/input-contract.ts'
import { CliError } from './cli-error.ts'
import { serverCommand } from './server-command.ts'
import type { WithSession } from './session.ts'
import { renderTable } from './table.ts'

type AddFlags = { udp?: string; rtp?: string; address?: string; pull?: string; off?: boolean }

export function addInputCommands(stream: Command, withSession: WithSession): void {
  const input = stream.command('input').description('manage what a stream listens to or pulls')

  serverCommand(input, 'add <stream>', 'add an input: one of --udp, --rtp, --pull')
    .option('--udp <port>', 'listen for MPEG-TS over UDP')
    .option('--rtp <port>', 'listen for MPEG-TS in RTP')
    .option('--address <ip>', 'address to listen on, or multicast group (with --udp or --rtp)')
    .option('--pull <url>', 'fetch an RTSP, HTTP (HLS), SRT or RTMP address; file:///… needs an admin')
    .option('--off', 'do not start pulling yet')
    .action((id: string, flags: AddFlags, command: Command) =>
      withSession(command, async ({ client, print }) => {
        const added = await client.post<ConfiguredInputView>(inputsPath(id), addBody(flags))
        print(added, `Input ${added.id} was added to stream ${id}: ${describeInput(added)}.\n`)
      }),
    )

  serverCommand(input, 'list <stream>', 'list what a stream has and could have as inputs').action(
    (id: string, _flags, command: Command) =>
      withSession(command, async ({ client, print }) => {
        const list = await client.get<InputListView>(inputsPath(id))
        print(list, renderInputs(id, list))
      }),
  )

  serverCommand(
    input,
    'order <stream> <inputs...>',
    'put the configured inputs in order, the primary one first',
  ).action((id: string, order: string[], _flags, command: Command) =>
    withSession(command, async ({ client, print }) => {
      const list = await client.patch<InputListView>(inputsPath(id), { order })
      print(list, renderInputs(id, list))
    }),
  )

  serverCommand(
    input,
    'activate <stream> <input>',
    'put a connected input on air, where it stays while it works',
  ).action((id: string, inputId: string, _flags, command: Command) =>
    withSession(command, async ({ client, print }) => {
      const view = await client.post<ActivatedInputView>(`${inputPath(id, inputId)}/activate`)
      print(view, `Input ${view.active} of stream ${id} is on air.\n`)
    }),
  )

  serverCommand(input, 'remove <stream> <input>', 'remove an input').action(
    (id: string, inputId: string, _flags, command: Command) =>
      withSession(command, async ({ client, print }) => {
        await client.delete(inputPath(id, inputId))
        print({ removed: inputId }, `Input ${inputId} was removed from stream ${id}.\n`)
      }),
  )

  for (const { action, description, done } of ACTIONS) {
    serverCommand(input, `${action} <stream> <input>`, description).action(
      (id: string, inputId: string, _flags, command: Command) =>
        withSession(command, async ({ client, print }) => {
          const view = await client.post<ConfiguredInputView>(`${inputPath(id, inputId)}/${action}`)
          print(view, `Input ${inputId} of stream ${id} was ${done}.\n`)
        }),
    )
  }
}

const ACTIONS = [
  { action: 'start', description: 'switch a pulled input on', done: 'started' },
  { action: 'stop', description: 'switch a pulled input off', done: 'stopped' },
  { action: 'restart', description: 'begin an input again', done: 'restarted' },
] as const

export function describeInput(input: ConfiguredInputView): string {
  const { id, state, error } = input
  const now = error === null ? stateOf(input) : `${state}: ${error}`
  return `${id}: ${sourceOf(input)} (${now})`
}

/** Configured inputs in their order, after the encoders, which come before them. */
function renderInputs(streamId: string, { inputs, configured }: InputListView): string {
  if (inputs.length === 0 && configured.length === 0) {
    return `Stream ${streamId} has no inputs. Add one with "mirror stream input add ${streamId}", or connect an encoder.\n`
  }
  const encoders = inputs.filter((input) => !input.configured)
  const rows = [
    ...encoders.map((input) => [input.id, input.role, input.health, `${input.protocol} encoder`, '']),
    ...configured.map((input) => {
      const connected = inputs.find(({ id }) => id === input.id)
      const health = connected?.health ?? stateOf(input)
      return [input.id, connected?.role ?? '', health, sourceOf(input), input.error ?? '']
    }),
  ]
  return renderTable(['ID', 'ROLE', 'STATE', 'SOURCE', 'ERROR'], rows)
}

function stateOf({ enabled, state }: ConfiguredInputView): string {
  return enabled ? state : 'off'
}

function sourceOf({ kind, port, address, url }: ConfiguredInputView): string {
  if (kind === 'pull') return url ?? ''
  if (address === null) return `${kind} port ${port}`
  return address.includes(':') ? `${kind} [${address}]:${port}` : `${kind} ${address}:${port}`
}

/** What is wrong with a number or an address is said by the server, which names the field. */
function addBody({ udp, rtp, pull, address, off }: AddFlags): AddInputBody {
  const kinds = [udp, rtp, pull].filter((value) => value !== undefined)
  if (kinds.length !== 1) {
    throw new CliError('An input is one of UDP, RTP and pull.', 'Give exactly one of --udp, --rtp and --pull.')
  }
  if (pull !== undefined) return { kind: 'pull', url: pull, enabled: off !== true }
  const where = address === undefined ? {} : { address }
  return udp === undefined ? { kind: 'rtp', port: Number(rtp), ...where } : { kind: 'udp', port: Number(udp), ...where }
}

function inputsPath(id: string): string {
  return `/streams/${encodeURIComponent(id)}/inputs`
}

function inputPath(id: string, inputId: string): string {
  return `${inputsPath(id)}/${encodeURIComponent(inputId)}`
}
