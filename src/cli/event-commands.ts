import type { Command } from 'commander'
import { WebSocket } from 'ws'
import type { EventPageView, EventView, WsServerMessage } from '../api/event-contract.ts'
import { unreachable } from './api-client.ts'
import { CliError } from './cli-error.ts'
import type { CliHost } from './cli-host.ts'
import type { FoundServer } from './find-server.ts'
import { serverCommand } from './server-command.ts'
import type { WithSession } from './session.ts'
import { renderTime } from './table.ts'

type EventFlags = { stream?: string; limit: string; follow?: boolean }

export function addEventCommands(program: Command, withSession: WithSession, host: CliHost): void {
  serverCommand(program, 'events', 'show what happened, oldest first')
    .option('--stream <id>', 'of one stream only')
    .option('--limit <count>', 'how many', '20')
    .option('--follow', 'go on printing what happens, until Ctrl-C')
    .action((flags: EventFlags, command: Command) =>
      withSession(command, async ({ client, signal, isJson }) => {
        const path = flags.stream === undefined ? '/events' : `/streams/${encodeURIComponent(flags.stream)}/events`
        const page = await client.get<EventPageView>(`${path}?limit=${encodeURIComponent(flags.limit)}`)
        const events = page.events.toReversed()
        const write = (event: EventView) => host.stdout(isJson ? `${JSON.stringify(event)}\n` : renderEventLine(event))
        if (flags.follow !== true) {
          host.stdout(
            isJson ? `${JSON.stringify({ ...page, events }, null, 2)}\n` : events.map(renderEventLine).join(''),
          )
          return
        }
        for (const event of events) write(event)
        await follow(client.server, flags.stream, write, signal)
      }),
    )
}

/** Resolves when `signal` aborts; rejects when the connection is lost. */
async function follow(
  server: FoundServer,
  streamId: string | undefined,
  write: (event: EventView) => void,
  signal: AbortSignal,
): Promise<void> {
  const url = `${server.url.replace(/^http/, 'ws')}/api/v1/ws`
  const socket = new WebSocket(url, server.apiKey === null ? [] : ['bearer', server.apiKey], {
    handshakeTimeout: 10_000,
  })
  const topics = streamId === undefined ? ['streams', 'system'] : [`stream.${streamId}`]
  let stop = () => {}
  const ended = new Promise<void>((resolve, reject) => {
    stop = resolve
    socket.on('error', (error) => reject(unreachable(server, error)))
    socket.on('close', () => reject(new CliError('The connection to the server ended.', 'Run the command again.')))
  })
  signal.addEventListener('abort', stop, { once: true })
  socket.on('open', () => socket.send(JSON.stringify({ type: 'subscribe', data: { topics } })))
  socket.on('message', (data) => {
    const message = JSON.parse(String(data)) as WsServerMessage
    if (isEvent(message)) write(message.data)
  })
  try {
    await ended
  } finally {
    signal.removeEventListener('abort', stop)
    socket.terminate()
  }
}

function isEvent(message: WsServerMessage): message is Extract<WsServerMessage, { data: EventView }> {
  return 'data' in message && 'severity' in message.data
}

function renderEventLine({ at, severity, type, streamId, code, message }: EventView): string {
  const where = streamId === null ? '' : ` ${streamId}`
  const what = code === null ? type : `${type} (${code})`
  return `${renderTime(at)}  ${severity.padEnd(7)}${where}  ${what}: ${message}\n`
}
