// `mirror fsck`, `mirror dvr verify` and `mirror scrub`: is what was recorded still there, named, and as it was?
import type { Command } from 'commander'
import type { JobView, StartJobBody } from '../api/job-contract.ts'
import { parseSize } from '../core/size.ts'
import type { Finding } from '../dvr/care/finding.ts'
import { CliError } from './cli-error.ts'
import { serverCommand } from './server-command.ts'
import type { Session, WithSession } from './session.ts'

interface FsckFlags {
  readonly stream?: string
  readonly repair?: boolean
  readonly grace?: string
}

interface ScrubFlags {
  readonly stream?: string
  readonly maxBytes?: string
  readonly rate?: string
  readonly after?: string
}

/** The part of a report that commands read; the job wrote it. */
interface CareReport {
  readonly streams: number
  readonly objects: number
  readonly bytes: number
  /** Of a scrub: objects that it did not read. */
  readonly archived?: number
  /** Of a scrub that ended early: where to go on. */
  readonly next?: string | null
  readonly counts: { readonly error: number; readonly warning: number; readonly info: number }
  readonly findings: readonly Finding[]
}

export function addCareCommands(program: Command, withSession: WithSession, setExitCode: (code: number) => void): void {
  const fsck = async (session: Session, { stream, repair, grace }: FsckFlags): Promise<void> => {
    const body: StartJobBody = {
      kind: 'fsck',
      ...(stream === undefined ? {} : { stream }),
      ...(repair === undefined ? {} : { repair }),
      ...(grace === undefined ? {} : { grace }),
    }
    const report = await reportOf(session, body)
    session.print(report, `${renderFindings(report)}${fsckSummary(report, repair === true)}`)
    if (isWrong(report)) setExitCode(1)
  }

  serverCommand(
    program,
    'fsck',
    'check that recordings are whole: what indexes name is stored, and what is stored is named; exit code 1 when something is wrong',
  )
    .option('--stream <id>', 'recordings of one stream only')
    .option('--repair', 'mend what can be mended; what is lost is marked as a gap')
    .option('--grace <duration>', 'leave alone what is younger: it may be under way (1h)')
    .action((flags: FsckFlags, command: Command) => withSession(command, (session) => fsck(session, flags)))

  addScrub(program, withSession, setExitCode)
  const dvr = program.commands.find((command) => command.name() === 'dvr') ?? program.command('dvr')
  serverCommand(dvr, 'verify <stream>', 'check the recordings of one stream as "mirror fsck" does')
    .option('--repair', 'mend what can be mended; what is lost is marked as a gap')
    .option('--grace <duration>', 'leave alone what is younger: it may be under way (1h)')
    .action((stream: string, flags: FsckFlags, command: Command) =>
      withSession(command, (session) => fsck(session, { ...flags, stream })),
    )
}

function addScrub(program: Command, withSession: WithSession, setExitCode: (code: number) => void): void {
  serverCommand(
    program,
    'scrub',
    'read every recorded byte and compare its SHA-256; exit code 1 when something is damaged',
  )
    .option('--stream <id>', 'recordings of one stream only')
    .option('--max-bytes <size>', 'end when so much has been read, such as 10GiB')
    .option('--rate <size>', 'read no more than this in a second (32MiB)')
    .option('--after <prefix>', 'go on where an earlier one ended')
    .action(({ stream, maxBytes, rate, after }: ScrubFlags, command: Command) =>
      withSession(command, async (session) => {
        const report = await reportOf(session, {
          kind: 'scrub',
          ...(stream === undefined ? {} : { stream }),
          ...(maxBytes === undefined ? {} : { maxBytes: sizeOf(maxBytes) }),
          ...(rate === undefined ? {} : { bytesPerSec: sizeOf(rate) }),
          ...(after === undefined ? {} : { after }),
        })
        session.print(report, `${renderFindings(report)}${scrubSummary(report)}`)
        if (isWrong(report)) setExitCode(1)
      }),
    )
}

function sizeOf(text: string): number {
  const bytes = parseSize(text)
  if (bytes === null || bytes <= 0) throw new CliError(`"${text}" is not a size.`, 'Write it as 500MiB or 10GiB.')
  return bytes
}

function scrubSummary({ objects, bytes, counts, next, archived = 0 }: CareReport): string {
  const left = archived === 0 ? '' : `, ${archived.toLocaleString('en')} archived ones not`
  const seen = `${objects.toLocaleString('en')} objects, ${(bytes / 2 ** 20).toFixed(1)} MiB read${left}`
  const rest = next == null ? '' : `The rest: mirror scrub --after ${next}\n`
  if (counts.error + counts.warning === 0) return `${seen}: all as it was recorded.\n${rest}`
  return `${seen}: ${counts.error} damaged.\n${rest}`
}

async function reportOf({ client, follow }: Session, body: StartJobBody): Promise<CareReport> {
  const { id } = await client.post<JobView>('/jobs', body)
  const done = await follow(id)
  return done.result as unknown as CareReport
}

function isWrong({ counts }: CareReport): boolean {
  return counts.error + counts.warning > 0
}

const MARKS = { error: 'ERROR', warning: 'WARNING', info: 'INFO' } as const

function renderFindings({ findings, counts }: CareReport): string {
  const lines = findings.map(({ severity, code, key, message, repair }) => {
    const done = repair === null ? '' : `\n  repair: ${repair}`
    return `${MARKS[severity]} ${code} ${key}\n  ${message}${done}\n`
  })
  const hidden = counts.error + counts.warning + counts.info - findings.length
  return `${lines.join('')}${hidden > 0 ? `and ${hidden} more\n` : ''}`
}

function fsckSummary({ streams, objects, counts }: CareReport, isRepaired: boolean): string {
  const seen = `${objects.toLocaleString('en')} objects of ${streams} ${streams === 1 ? 'stream' : 'streams'} checked`
  const { error, warning } = counts
  if (error + warning === 0) return `${seen}: nothing is wrong.\n`
  const next = isRepaired ? 'Check again to see what is left.' : 'Run it with --repair to mend what can be mended.'
  return `${seen}: ${error} errors, ${warning} warnings. ${next}\n`
}
