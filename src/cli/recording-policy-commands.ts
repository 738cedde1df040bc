// `mirror recordings policy …`: how long recordings of calls are kept.
import type { Command } from 'commander'
import type { ChangedRecordingPolicyView, RecordingPolicyView } from '../api/recording-policy-contract.ts'
import { CliError } from './cli-error.ts'
import { serverCommand } from './server-command.ts'
import type { Session, WithSession } from './session.ts'
import { renderFacts, renderTable, renderTime } from './table.ts'

const PATH = '/recordings/policy'
const EXISTING = 'also those that are there; nothing goes within 24 hours that was not to'

interface SetFlags {
  readonly hotToWarm?: string
  readonly warmToCold?: string
  readonly retention?: string
  readonly on?: boolean
  readonly off?: boolean
  readonly applyToExisting?: boolean
}

export function addRecordingPolicyCommands(recordings: Command, withSession: WithSession): void {
  const policy = recordings.command('policy').description('how long recordings of calls are kept')

  serverCommand(policy, 'show', 'show what applies, where it comes from, and its versions').action(
    (_flags, command: Command) =>
      withSession(command, async ({ client, print }) => {
        const shown = await client.get<RecordingPolicyView>(PATH)
        print(shown, renderPolicy(shown))
      }),
  )

  serverCommand(
    policy,
    'set',
    'change what is named; all else stays as it applies now. Days count from arrival, 0: never',
  )
    .option('--hot-to-warm <days>', 'when recordings go to the warm tier')
    .option('--warm-to-cold <days>', 'when they go to the cold tier')
    .option('--retention <days>', 'when they are deleted')
    .option('--on', 'move and delete them')
    .option('--off', 'neither move nor delete any')
    .option('--apply-to-existing', EXISTING)
    .action((flags: SetFlags, command: Command) =>
      withSession(command, async (session) => {
        const order = orderOf(flags, await session.client.get<RecordingPolicyView>(PATH))
        const applyToExisting = flags.applyToExisting === true
        await finish(session, await session.client.put(PATH, { ...order, applyToExisting }))
      }),
    )

  serverCommand(policy, 'reset', 'go back to what the configuration of the server says')
    .option('--apply-to-existing', EXISTING)
    .action(({ applyToExisting = false }: { applyToExisting?: boolean }, command: Command) =>
      withSession(command, async (session) => {
        const query = applyToExisting ? '?applyToExisting=true' : ''
        await finish(session, await session.client.deleteFor(`${PATH}${query}`))
      }),
    )
}

async function finish(session: Session, changed: ChangedRecordingPolicyView): Promise<void> {
  const result = changed.job === null ? null : (await session.follow(changed.job)).result
  const { recordings = 0, sooner = 0, later = 0, outcome } = result ?? {}
  const applied =
    result === null
      ? 'Recordings that are there go when they were to go.\n'
      : outcome === 'applied'
        ? `Of ${recordings} recordings ${sooner} go sooner and ${later} later than before.\n`
        : `It was ${outcome}.\n`
  session.print(changed, `${renderPolicy(changed)}${applied}`)
}

function orderOf(
  { hotToWarm, warmToCold, retention, on, off }: SetFlags,
  { hotToWarmDays, warmToColdDays, retentionDays, enabled }: RecordingPolicyView,
) {
  return {
    hotToWarmDays: daysOf('--hot-to-warm', hotToWarm) ?? hotToWarmDays,
    warmToColdDays: daysOf('--warm-to-cold', warmToCold) ?? warmToColdDays,
    retentionDays: daysOf('--retention', retention) ?? retentionDays,
    enabled: off === true ? false : on === true ? true : enabled,
  }
}

function daysOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,5}$/.test(text)) throw new CliError(`${flag} ${text} is no number of days.`, 'Write whole days, as 30.')
  return Number(text)
}

function renderPolicy(policy: RecordingPolicyView): string {
  const { source, version, updatedBy, updatedAt, active, enabled, history } = policy
  const from =
    source === 'configuration'
      ? 'the configuration of the server'
      : `version ${version}, by ${updatedBy}, ${renderTime(updatedAt)}`
  const facts: [string, string][] = [
    ['from', from],
    ['warm after', daysText(policy.hotToWarmDays)],
    ['cold after', daysText(policy.warmToColdDays)],
    ['deleted after', daysText(policy.retentionDays)],
    ['carried out', active ? 'yes' : enabled ? 'no: RECORDING_LIFECYCLE_ENABLED is false' : 'no: it is switched off'],
  ]
  const head = ['VERSION', 'WARM', 'COLD', 'DELETED', '', 'SINCE', 'UNTIL', 'BY']
  const rows = history.map((row) => [
    ...[String(row.version), daysText(row.hotToWarmDays), daysText(row.warmToColdDays), daysText(row.retentionDays)],
    ...[row.enabled ? '' : 'off', renderTime(row.updatedAt), renderTime(row.endedAt), row.updatedBy],
  ])
  return `${renderFacts(facts)}${rows.length === 0 ? '' : `\n${renderTable(head, rows)}`}`
}

function daysText(days: number): string {
  return days === 0 ? 'never' : days === 1 ? '1 day' : `${days} days`
}
