import type { Command } from 'commander'
import type {
  AddDateRangeBody,
  ChangeDateRangeBody,
  DateRangeListView,
  DateRangeView,
} from '../api/date-range-contract.ts'
import { CliError } from './cli-error.ts'
import { serverCommand } from './server-command.ts'
import type { WithSession } from './session.ts'
import { renderTable } from './table.ts'

interface RangeFlags {
  class?: string
  start?: string
  end?: string
  duration?: string
  planned?: string
  endOnNext?: boolean
  scte35Cmd?: string
  scte35Out?: string
  scte35In?: string
  x?: string[]
}

export function addDateRangeCommands(stream: Command, withSession: WithSession): void {
  const command = stream.command('daterange').description('announce date ranges in the playlists (EXT-X-DATERANGE)')

  describeRange(serverCommand(command, 'add <stream> <id>', 'add a date range'))
    .option('--start <date>', 'ISO 8601 with a zone; default: now')
    .option('--end-on-next', 'it lasts until the next one of its class starts')
    .action((streamId: string, id: string, flags: RangeFlags, self: Command) =>
      withSession(self, async ({ client, print }) => {
        const body: AddDateRangeBody = {
          id,
          ...changeOf(flags),
          ...(flags.start === undefined ? {} : { startDate: flags.start }),
          ...(flags.endOnNext === true ? { endOnNext: true } : {}),
        }
        const added = await client.post<DateRangeView>(rangesPath(streamId), body)
        print(added, `Date range ${added.id} of stream ${streamId} begins at ${added.startDate}.\n`)
      }),
    )

  describeRange(
    serverCommand(command, 'end <stream> <id>', 'end a date range (now, if nothing is said), or add to it'),
  ).action((streamId: string, id: string, flags: RangeFlags, self: Command) =>
    withSession(self, async ({ client, print }) => {
      const change = changeOf(flags)
      const body = Object.keys(change).length === 0 ? { endDate: 'now' } : change
      const changed = await client.patch<DateRangeView>(rangePath(streamId, id), body)
      print(changed, `Date range ${changed.id} of stream ${streamId}: ${spanOf(changed)}.\n`)
    }),
  )

  serverCommand(command, 'list <stream>', 'list the date ranges of a stream').action(
    (streamId: string, _flags, self: Command) =>
      withSession(self, async ({ client, print }) => {
        const { dateRanges } = await client.get<DateRangeListView>(rangesPath(streamId))
        print(dateRanges, renderRanges(streamId, dateRanges))
      }),
  )

  serverCommand(command, 'remove <stream> <id>', 'remove a date range that no playlist lists').action(
    (streamId: string, id: string, _flags, self: Command) =>
      withSession(self, async ({ client, print }) => {
        await client.delete(rangePath(streamId, id))
        print({ removed: id }, `Date range ${id} was removed from stream ${streamId}.\n`)
      }),
  )
}

function describeRange(command: Command): Command {
  return command
    .option('--class <class>', 'what kind of range it is')
    .option('--end <date>', 'ISO 8601 with a zone, or now')
    .option('--duration <seconds>', 'how long it lasts')
    .option('--planned <seconds>', 'how long it is expected to last')
    .option('--scte35-cmd <hex>', 'splice information, 0x…')
    .option('--scte35-out <hex>', 'splice out, 0x…')
    .option('--scte35-in <hex>', 'splice in, 0x…')
    .option('--x <name=value>', 'an attribute of your own, X-COM-EXAMPLE-KEY=text; repeat it for more', collect, [])
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}

/** What is wrong with a date or a name is said by the server, which names the field. */
export function changeOf(flags: RangeFlags): ChangeDateRangeBody {
  const attributes = Object.fromEntries((flags.x ?? []).map(attributeOf))
  return {
    ...(flags.class === undefined ? {} : { class: flags.class }),
    ...(flags.end === undefined ? {} : { endDate: flags.end }),
    ...(flags.duration === undefined ? {} : { duration: Number(flags.duration) }),
    ...(flags.planned === undefined ? {} : { plannedDuration: Number(flags.planned) }),
    ...(flags.scte35Cmd === undefined ? {} : { scte35Cmd: flags.scte35Cmd }),
    ...(flags.scte35Out === undefined ? {} : { scte35Out: flags.scte35Out }),
    ...(flags.scte35In === undefined ? {} : { scte35In: flags.scte35In }),
    ...(Object.keys(attributes).length === 0 ? {} : { attributes }),
  }
}

function attributeOf(text: string): [string, string | number] {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
  if (name === undefined || value === undefined)
    throw new CliError(`${text} is no attribute.`, 'Write --x NAME=VALUE, such as --x X-COM-EXAMPLE-TITLE=News.')
  return [name, /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value]
}

function renderRanges(streamId: string, ranges: readonly DateRangeView[]): string {
  if (ranges.length === 0)
    return `Stream ${streamId} has no date ranges. Add one with "mirror stream daterange add ${streamId} <id>".\n`
  const rows = ranges.map((range) => [range.id, range.class ?? '', range.startDate, spanOf(range)])
  return renderTable(['ID', 'CLASS', 'START', 'END'], rows)
}

function spanOf({ endDate, duration, endOnNext, plannedDuration }: DateRangeView): string {
  if (endDate !== null) return `until ${endDate}`
  if (duration !== null) return `${duration} s`
  if (endOnNext) return 'until the next one'
  return plannedDuration === null ? 'open' : `open, ${plannedDuration} s planned`
}

function rangesPath(streamId: string): string {
  return `/streams/${encodeURIComponent(streamId)}/dateranges`
}

function rangePath(streamId: string, id: string): string {
  return `${rangesPath(streamId)}/${encodeURIComponent(id)}`
}
