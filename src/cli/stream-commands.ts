import type { Command } from 'commander'
import type { LoginLinkView } from '../api/access-contract.ts'
import type { CreateStreamBody, PublishKeyView, StreamView } from '../api/stream-contract.ts'
import { CliError } from './cli-error.ts'
import { addDateRangeCommands } from './date-range-commands.ts'
import { addInputCommands, describeInput } from './input-commands.ts'
import { serverCommand } from './server-command.ts'
import type { WithSession } from './session.ts'
import { addSlateCommands } from './slate-commands.ts'
import { renderBitrate, renderFacts, renderTable, renderTime } from './table.ts'
import { addTrackCommands } from './track-commands.ts'

type StreamFlags = { name?: string; segment?: string; part?: string; gop?: string; onBusy?: string }

export function addStreamCommands(program: Command, withSession: WithSession): void {
  const stream = program.command('stream').description('manage streams')

  serverCommand(stream, 'list', 'list all streams').action((_flags, command: Command) =>
    withSession(command, async ({ client, print }) => {
      const list = await client.get<{ streams: StreamView[] }>('/streams')
      print(list, renderStreams(list.streams))
    }),
  )

  serverCommand(stream, 'create <id>', 'create a stream and print how to publish to it')
    .option('--name <name>', 'name for people')
    .option('--segment <duration>', 'segment length, such as 2s')
    .option('--part <duration>', 'part length, such as 200ms')
    .option('--gop <auto|fixed>', 'fixed: the encoder promises regular keyframes')
    .option('--on-busy <refuse|takeover|standby>', 'what happens to a second encoder')
    .action((id: string, flags: StreamFlags, command: Command) =>
      withSession(command, async ({ client, print }) => {
        const created = await client.post<StreamView>('/streams', createBody(id, flags))
        print(created, renderStream(created))
      }),
    )

  serverCommand(stream, 'show <id>', 'show a stream, its addresses and figures').action(
    (id: string, _flags, command: Command) =>
      withSession(command, async ({ client, print }) => {
        const shown = await client.get<StreamView>(streamPath(id))
        print(shown, renderStream(shown))
      }),
  )

  serverCommand(stream, 'restart <id>', 'end the current inputs; the encoder may reconnect').action(
    (id: string, _flags, command: Command) =>
      withSession(command, async ({ client, print }) => {
        print(await client.post<StreamView>(`${streamPath(id)}/restart`), `Stream ${id} was restarted.\n`)
      }),
  )

  serverCommand(stream, 'delete <id>', 'delete a stream with its keys and events')
    .option('--yes', 'do it without being asked to confirm')
    .action((id: string, flags: { yes?: boolean }, command: Command) =>
      withSession(command, async ({ client, print }) => {
        if (flags.yes !== true) {
          const { status } = await client.get<StreamView>(streamPath(id))
          throw new CliError(
            `This deletes the stream ${id} (${status}) with its publish keys and events, for good.`,
            `Repeat the command with --yes if you mean it.`,
          )
        }
        await client.delete(streamPath(id))
        print({ deleted: id }, `Stream ${id} was deleted.\n`)
      }),
    )

  serverCommand(stream, 'key <id>', 'show the publish key')
    .option('--rotate', 'make a new key; every older one stops working')
    .action((id: string, flags: { rotate?: boolean }, command: Command) =>
      withSession(command, async ({ client, print }) => {
        const key =
          flags.rotate === true
            ? await client.post<PublishKeyView>(`${streamPath(id)}/keys`, { rotate: true })
            : (await client.get<{ keys: PublishKeyView[] }>(`${streamPath(id)}/keys`)).keys[0]
        if (key === undefined) {
          throw new CliError(`Stream ${id} has no readable key.`, `Make one with "mirror stream key ${id} --rotate".`)
        }
        print(key, `${key.key}\n`)
      }),
    )

  addInputCommands(stream, withSession)
  addTrackCommands(stream, withSession)
  addSlateCommands(stream, withSession)
  addDateRangeCommands(stream, withSession)

  serverCommand(program, 'demo', 'start the demo stream with the test source').action((_flags, command: Command) =>
    withSession(command, async ({ client, print }) => {
      const demo = await client.post<StreamView>('/demo')
      print(demo, `The test source runs on stream ${demo.id}.\nWatch it:  ${demo.playback.watch}\n`)
    }),
  )

  serverCommand(program, 'login-link [user]', 'print a one-time link to log in to the console').action(
    (user: string | undefined, _flags, command: Command) =>
      withSession(command, async ({ client, print }) => {
        const link = await client.post<LoginLinkView>('/auth/login-links', user === undefined ? {} : { name: user })
        print(link, `${link.url}\nFor ${link.user}, once, until ${renderTime(link.expiresAt)}.\n`)
      }),
  )
}

/** Wrong words are refused by the server, which names the field and what it may be. */
function createBody(id: string, { name, ...settings }: StreamFlags): unknown {
  const given = Object.fromEntries(
    Object.entries({
      segment: settings.segment,
      part: settings.part,
      gop: settings.gop,
      onBusy: settings.onBusy,
    }).filter(([, value]) => value !== undefined),
  )
  const body: CreateStreamBody = { id, ...(name === undefined ? {} : { name }) }
  return Object.keys(given).length === 0 ? body : { ...body, settings: given }
}

function streamPath(id: string): string {
  return `/streams/${encodeURIComponent(id)}`
}

function renderStreams(streams: readonly StreamView[]): string {
  if (streams.length === 0) return 'There are no streams yet. Create one with "mirror stream create <id>".\n'
  const rows = streams.map(({ id, name, status, live }) => [
    id,
    status,
    String(live.viewers),
    renderBitrate(live.bitrateBps),
    live.latencyMs === null ? '–' : `${Math.round(live.latencyMs.p50)} ms`,
    name,
  ])
  return renderTable(['ID', 'STATUS', 'VIEWERS', 'BITRATE', 'LATENCY', 'NAME'], rows)
}

function renderStream({ id, name, status, live, ingest, playback, settings, inputs }: StreamView): string {
  const facts: [string, string][] = [
    ['Stream', name === '' ? id : `${id} (${name})`],
    ['Status', live.startedAt === null ? status : `${status} since ${renderTime(live.startedAt)}`],
    ['Viewers', String(live.viewers)],
    ['Bit rate', renderBitrate(live.bitrateBps)],
    ['Settings', `segment ${settings.segment}, part ${settings.part}, gop ${settings.gop}`],
    ...live.tracks.map((track): [string, string] => ['Track', renderTrack(track)]),
    ...inputs.map((input): [string, string] => ['Input', describeInput(input)]),
    ...live.advice.map((advice): [string, string] => ['Advice', advice]),
    ['Watch', playback.watch],
    ['HLS', playback.hls],
  ]
  if (ingest === null) return renderFacts(facts)
  const ways: [string, string | null][] = [
    ['RTMP', ingest.rtmp],
    ['OBS server', ingest.rtmpServer],
    ['OBS key', ingest.rtmpKey],
    ['SRT', ingest.srt],
    ['CMAF', ingest.cmaf],
  ]
  return renderFacts([...facts, ...ways.map(([label, url]): [string, string] => [label, url ?? 'switched off'])])
}

function renderTrack(track: StreamView['live']['tracks'][number]): string {
  if (track.kind === 'subtitles') return `${track.id}: subtitles ${track.language ?? ''}`
  const shape =
    track.kind === 'video'
      ? `${track.widthPx ?? '?'}×${track.heightPx ?? '?'} ${track.frameRate === null ? '' : `${track.frameRate.toFixed(2)} fps`}`
      : `${track.sampleRateHz ?? '?'} Hz, ${track.channels ?? '?'} channels`
  return `${track.id}: ${track.codec} ${shape} ${renderBitrate(track.bitrateBps)}`
}
