import type { Command } from 'commander'
import type { JobPageView, JobSummaryView, JobView } from '../api/job-contract.ts'
import { renderProgress } from './follow-job.ts'
import { serverCommand } from './server-command.ts'
import type { WithSession } from './session.ts'
import { renderFacts, renderTable, renderTime } from './table.ts'

type ListFlags = { kind?: string; state?: string; limit: string }

export function addJobCommands(program: Command, withSession: WithSession): void {
  const job = program.command('job').description('work in the background: checks, backups')

  serverCommand(job, 'list', 'list jobs, newest first')
    .option('--kind <kind>', 'of one kind only')
    .option('--state <state>', 'waiting, running, done, failed or cancelled')
    .option('--limit <count>', 'how many', '20')
    .action((flags: ListFlags, command: Command) =>
      withSession(command, async ({ client, print }) => {
        const query = new URLSearchParams({ limit: flags.limit })
        if (flags.kind !== undefined) query.set('kind', flags.kind)
        if (flags.state !== undefined) query.set('state', flags.state)
        const page = await client.get<JobPageView>(`/jobs?${query}`)
        print(page, renderTable(['JOB', 'KIND', 'STATE', 'CREATED', 'PROGRESS'], page.jobs.map(rowOf)))
      }),
    )

  serverCommand(job, 'show <job>', 'show a job, how far it is, and its result').action(
    (id: string, _flags, command: Command) =>
      withSession(command, async ({ client, print }) => {
        const shown = await client.get<JobView>(jobPath(id))
        print(shown, renderJobFacts(shown))
      }),
  )

  serverCommand(job, 'wait <job>', 'wait until a job has ended; exit code 1 when it failed').action(
    (id: string, _flags, command: Command) =>
      withSession(command, async ({ follow, print }) => {
        const done = await follow(id)
        print(done, renderJobFacts(done))
      }),
  )

  serverCommand(job, 'cancel <job>', 'stop a job').action((id: string, _flags, command: Command) =>
    withSession(command, async ({ client, print }) => {
      const cancelled = await client.post<JobView>(`${jobPath(id)}/cancel`)
      print(cancelled, cancelled.state === 'cancelled' ? `Job ${id} is cancelled.\n` : `Job ${id} is told to stop.\n`)
    }),
  )
}

function jobPath(id: string): string {
  return `/jobs/${encodeURIComponent(id)}`
}

function rowOf(job: JobSummaryView): readonly string[] {
  return [job.id, job.kind, job.state, renderTime(job.createdAt), progressOf(job)]
}

function progressOf(job: JobSummaryView): string {
  if (job.failure !== null && job.state !== 'done') return job.failure.message
  return job.state === 'running'
    ? renderProgress({ ...job, result: null })
        .slice(job.kind.length)
        .trim()
    : ''
}

/** Long lists of a result are for `--json` and for the commands that started the job. */
function renderJobFacts(job: JobView): string {
  const facts: [string, string][] = [
    ['job', job.id],
    ['kind', job.kind],
    ['state', job.cancelRequested ? `${job.state}, told to stop` : job.state],
    ['asked for', JSON.stringify(job.input)],
    ['created', renderTime(job.createdAt)],
    ['started', renderTime(job.startedAt)],
    ['finished', renderTime(job.finishedAt)],
    ['attempt', `${job.attempt} of ${job.maxAttempts}`],
  ]
  if (job.owner !== null) facts.push(['runs on', job.owner])
  if (progressOf(job) !== '') facts.push(['progress', progressOf(job)])
  for (const [name, value] of Object.entries(job.result ?? {})) {
    facts.push([name, Array.isArray(value) ? `${value.length} (see --json)` : JSON.stringify(value)])
  }
  return renderFacts(facts)
}
