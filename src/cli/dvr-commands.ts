import type { Command } from 'commander'
import type { DvrView } from '../api/dvr-contract.ts'
import type { StreamView } from '../api/stream-contract.ts'
import { addDvrRecordingCommands } from './dvr-recording-commands.ts'
import { serverCommand } from './server-command.ts'
import type { WithSession } from './session.ts'
import { renderAmount, renderFacts, renderSpan, renderTable, renderTime } from './table.ts'

type ChangeFlags = { rewind?: string; retention?: string }

export function addDvrCommands(program: Command, withSession: WithSession): void {
  const dvr = program.command('dvr').description('record streams, and see what was recorded')

  serverCommand(dvr, 'list', 'list which streams are recorded').action((_flags, command: Command) =>
    withSession(command, async ({ client, print }) => {
      const { streams } = await client.get<{ streams: StreamView[] }>('/streams')
      const rows = streams.map(({ id, dvr: own }) => [id, own.enabled ? 'yes' : 'no', own.rewind, own.retention])
      print(streams, renderTable(['STREAM', 'RECORDED', 'REWIND', 'KEPT FOR'], rows))
    }),
  )

  serverCommand(dvr, 'show <stream>', 'show what was recorded, what is missing, and where to play it')
    .option('--from <time>', 'ISO time, or -2h: before now; default: as far as recordings are kept')
    .option('--to <time>', 'default: now')
    .action((id: string, { from, to }: { from?: string; to?: string }, command: Command) =>
      withSession(command, async ({ client, print }) => {
        const query = new URLSearchParams({
          ...(from === undefined ? {} : { from }),
          ...(to === undefined ? {} : { to }),
        })
        const shown = await client.get<DvrView>(`${dvrPath(id)}?${query}`)
        print(shown, renderDvr(shown))
      }),
    )

  serverCommand(dvr, 'on <stream>', 'record a stream from now on')
    .option('--rewind <duration>', 'what players may seek back, such as 4h')
    .option('--retention <duration>', 'how long recordings are kept, such as 24h')
    .action((id: string, flags: ChangeFlags, command: Command) =>
      withSession(command, async ({ client, print }) => {
        const changed = await client.patch<StreamView>(`/streams/${encodeURIComponent(id)}`, {
          dvr: { enabled: true, ...flags },
        })
        print(changed, `Stream ${id} is recorded and kept for ${changed.dvr.retention}.\n`)
      }),
    )

  serverCommand(dvr, 'off <stream>', 'record no more; what there is stays until it is too old').action(
    (id: string, _flags, command: Command) =>
      withSession(command, async ({ client, print }) => {
        const changed = await client.patch<StreamView>(`/streams/${encodeURIComponent(id)}`, {
          dvr: { enabled: false },
        })
        print(changed, `Stream ${id} is not recorded any more.\n`)
      }),
  )

  addDvrRecordingCommands(dvr, withSession)
}

function dvrPath(id: string): string {
  return `/streams/${encodeURIComponent(id)}/dvr`
}

function renderDvr(view: DvrView): string {
  const facts = renderFacts([
    ['recorded', view.enabled ? `yes, kept for ${view.retention}` : 'no'],
    ['media', `${renderSpan(view.durationSec)}, ${renderAmount(view.bytes)}, ${view.segments} segments`],
    ['kept in all', view.storedBytes === null ? 'not counted yet' : renderAmount(view.storedBytes)],
    ['grows by', growthWords(view)],
    ['in the spool', `${renderAmount(view.spool.bytes)} of ${renderAmount(view.spool.maxBytes)} (all streams)`],
    ['lost', `${view.lostSegments} segments since Mirror started`],
    ['playlist', view.playlist ?? 'none'],
  ])
  const rows = [
    ...view.ranges.map((range) => ['media', range] as const),
    ...view.gaps.map((gap) => ['gap', gap] as const),
  ]
    .toSorted(([, a], [, b]) => a.from.localeCompare(b.from))
    .map(([kind, { from, to }]) => [kind, renderTime(from), renderTime(to)])
  return rows.length === 0 ? facts : `${facts}\n${renderTable(['', 'FROM', 'TO'], rows)}`
}

function growthWords({ bytesPerHour, bytesPerDayForecast }: DvrView): string {
  if (bytesPerHour === null || bytesPerDayForecast === null) return 'not known yet'
  return `${renderAmount(bytesPerHour)} an hour, ${renderAmount(bytesPerDayForecast)} a day at this pace`
}
