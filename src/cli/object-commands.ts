// `mirror object move|restore`: where recorded media is kept, by hand.
import type { Command } from 'commander'
import type { JobView } from '../api/job-contract.ts'
import type { MoveObjectsBody, RestoreObjectsBody } from '../api/object-contract.ts'
import type { MoveReport } from '../lifecycle/object-mover.ts'
import { TIERS, type Tier } from '../storage/tiers.ts'
import { CliError } from './cli-error.ts'
import { serverCommand } from './server-command.ts'
import type { Session, WithSession } from './session.ts'
import { renderAmount, renderTime } from './table.ts'

interface RangeFlags {
  readonly from?: string
  readonly to?: string
  readonly wait: boolean
}

interface RestoreResult {
  readonly objects: number
  readonly restored: number
  readonly until: string | null
}

export function addObjectCommands(
  program: Command,
  withSession: WithSession,
  setExitCode: (code: number) => void,
): void {
  const object = program.command('object').description('where recorded media is kept')

  serverCommand(
    object,
    'move <stream>',
    'move a part of a recording to another tier; exit code 1 when some of it stays',
  )
    .requiredOption('--tier <tier>', TIERS.join(', '))
    .option('--from <time>', 'ISO 8601, seconds since 1970, or negative: before now (the begin)')
    .option('--to <time>', 'likewise (as far as hours are over)')
    .option('--no-wait', 'print the job and do not wait for it')
    .action((stream: string, { tier, ...flags }: RangeFlags & { tier: string }, command: Command) =>
      withSession(command, async (session) => {
        const body: MoveObjectsBody = { stream, tier: tierOf(tier), ...rangeOf(flags) }
        const job = await session.client.post<JobView>('/objects/move', body)
        if (!flags.wait) return printJob(session, job)
        const { result } = await session.follow(job.id)
        const moved = result as unknown as MoveReport
        session.print(result, renderMove(moved, tier))
        if (moved.failed > 0) setExitCode(1)
      }),
    )

  serverCommand(
    object,
    'restore <stream>',
    'bring back a part of a recording that was archived, and wait until it plays',
  )
    .option('--from <time>', 'ISO 8601, seconds since 1970, or negative: before now (the begin)')
    .option('--to <time>', 'likewise (now)')
    .option('--keep <duration>', 'how long it stays readable (archive.keepRestored)')
    .option('--no-wait', 'print the job and do not wait for it')
    .action((stream: string, { keep, ...flags }: RangeFlags & { keep?: string }, command: Command) =>
      withSession(command, async (session) => {
        const body: RestoreObjectsBody = { stream, ...rangeOf(flags), ...(keep === undefined ? {} : { keep }) }
        const job = await session.client.post<JobView>('/objects/restore', body)
        if (!flags.wait) return printJob(session, job)
        const { result } = await session.follow(job.id)
        session.print(result, renderRestore(result as unknown as RestoreResult))
      }),
    )
}

function printJob({ print }: Session, job: JobView): void {
  print(job, `Job ${job.id} has begun; wait for it with "mirror job wait ${job.id}".\n`)
}

function tierOf(text: string): Tier {
  const tier = TIERS.find((each) => each === text)
  if (tier !== undefined) return tier
  throw new CliError(`There is no tier "${text}".`, `Tiers are ${TIERS.join(', ')}, from the hottest to the coldest.`)
}

function rangeOf({ from, to }: RangeFlags): { from?: string; to?: string } {
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
}

function renderMove({ moved, bytes, alreadyThere, gone, failed, failures }: MoveReport, tier: string): string {
  const there = alreadyThere === 0 ? '' : `, ${alreadyThere} of them already there`
  const lines = [`${moved} objects (${renderAmount(bytes)}) are ${tier}${there}.`]
  if (gone > 0) lines.push(`${gone} were deleted meanwhile.`)
  for (const { key, message } of failures) lines.push(`NOT MOVED ${key}: ${message}`)
  if (failed > failures.length) lines.push(`and ${failed - failures.length} more`)
  return `${lines.join('\n')}\n`
}

function renderRestore({ objects, restored, until }: RestoreResult): string {
  if (restored === 0) return `Nothing of these ${objects} objects had to be restored.\n`
  return `${restored} of ${objects} objects were restored${until === null ? '' : ` and can be played until ${renderTime(until)}`}.\n`
}
