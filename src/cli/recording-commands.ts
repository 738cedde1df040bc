// `mirror recordings …`: recordings of calls.
import { openAsBlob } from 'node:fs'
import { basename } from 'node:path'
import type { Command } from 'commander'
import type {
  BackfillStartedView,
  RecordingLinkView,
  RecordingPageView,
  RecordingView,
} from '../api/recording-contract.ts'
import { CliError } from './cli-error.ts'
import { addRecordingPolicyCommands } from './recording-policy-commands.ts'
import { serverCommand } from './server-command.ts'
import type { WithSession } from './session.ts'
import { renderAmount, renderFacts, renderSpan, renderTable, renderTime } from './table.ts'

/** The server gives up what stalls; how long a whole one takes is a matter of the line. */
const UPLOAD_TIMEOUT_MS = 6 * 3_600_000

interface ListFlags {
  readonly call?: string
  readonly status?: string
  readonly from?: string
  readonly to?: string
  readonly limit: string
}

interface UploadFlags {
  readonly call: string
  readonly leg?: string
  readonly format?: string
  readonly duration?: string
  readonly channels?: string
  readonly metadata?: string
}

export function addRecordingCommands(
  program: Command,
  withSession: WithSession,
  setExitCode: (code: number) => void,
): void {
  const recordings = program.command('recordings').description('recordings of calls')
  addRecordingPolicyCommands(recordings, withSession)

  serverCommand(recordings, 'list', 'list recordings of calls, newest first')
    .option('--call <id>', 'of one call only')
    .option('--status <status>', 'PROCESSING, COMPLETED, FAILED, RECEIVED, STORED or VERIFIED')
    .option('--from <time>', 'received then or later: ISO time, or -24h')
    .option('--to <time>', 'received before')
    .option('--limit <number>', 'how many', '50')
    .action((flags: ListFlags, command: Command) =>
      withSession(command, async ({ client, print }) => {
        const page = await client.get<RecordingPageView>(`/recordings?${queryOf(flags)}`)
        const head = ['RECORDING', 'CALL', 'STATUS', 'RECEIVED', 'LENGTH', 'SIZE', '']
        print(page, renderTable(head, page.recordings.map(rowOf)))
      }),
    )

  serverCommand(recordings, 'show <id>', 'show a recording, and how it differs from what the PBX said').action(
    (id: string, _flags, command: Command) =>
      withSession(command, async ({ client, print }) => {
        const shown = await client.get<RecordingView>(pathOf(id))
        print(shown, renderDetail(shown))
      }),
  )

  serverCommand(recordings, 'upload <file>', 'send a recording, or with an http(s) address have it pulled')
    .requiredOption('--call <id>', 'of the PBX')
    .option('--leg <id>', 'one side of the call')
    .option('--format <name>', 'such as wav')
    .option('--duration <seconds>', 'how long the call was: a recording that is shorter is reported')
    .option('--channels <number>', 'how many there should be')
    .option('--metadata <json>', 'anything to be kept with it')
    .action((file: string, flags: UploadFlags, command: Command) =>
      withSession(command, async ({ client, print }) => {
        const sent = /^https?:\/\//.test(file)
          ? await client.post<RecordingView>('/recordings/upload', pullOf(file, flags))
          : await client.postForm<RecordingView>('/recordings/upload', await formOf(file, flags), UPLOAD_TIMEOUT_MS)
        print(sent, `Recording ${sent.id} of the call ${sent.callId} is ${sent.status}.\n`)
      }),
    )

  serverCommand(recordings, 'url <id>', 'make a link to a recording that expires')
    .option('--expires-in <seconds>', 'at most seven days', '3600')
    .action((id: string, { expiresIn }: { expiresIn: string }, command: Command) =>
      withSession(command, async ({ client, print }) => {
        const query = new URLSearchParams({ expiresIn })
        const link = await client.get<RecordingLinkView>(`${pathOf(id)}/url?${query}`)
        print(link, `${link.url}\n`)
      }),
    )

  serverCommand(recordings, 'delete <id>', 'delete a recording and its bytes').action(
    (id: string, _flags, command: Command) =>
      withSession(command, async ({ client, print }) => {
        await client.delete(pathOf(id))
        print({ id }, `Recording ${id} was deleted.\n`)
      }),
  )

  serverCommand(recordings, 'backfill [id]', 'look at the bytes again: of one, or of all that lack facts')
    .option('--limit <number>', 'of all: how many at most', '100')
    .option('--one <id>', 'the same as the id alone; it cannot be left out by mistake')
    .action((named: string | undefined, { limit, one }: { limit: string; one?: string }, command: Command) =>
      withSession(command, async ({ client, print }) => {
        const id = one ?? named
        if (id === undefined) {
          const started = await client.post<BackfillStartedView>('/recordings/backfill', { limit: Number(limit) })
          print(started, `${started.started} recordings are looked at again.\n`)
          return
        }
        const shown = await client.post<RecordingView>(`${pathOf(id)}/backfill`)
        print(shown, `Recording ${id} is looked at again.\n`)
        if (shown.status === 'FAILED') setExitCode(1)
      }),
    )
}

function pathOf(id: string): string {
  return `/recordings/${encodeURIComponent(id)}`
}

function queryOf({ call: callId, status, from, to, limit }: ListFlags): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries({ callId, status, from, to, limit })) {
    if (value !== undefined) query.set(name, value)
  }
  return String(query)
}

function pullOf(url: string, { call, leg, format, duration, channels, metadata }: UploadFlags): object {
  return {
    ...{ callId: call, url },
    ...(leg === undefined ? {} : { legId: leg }),
    ...(format === undefined ? {} : { format }),
    ...(duration === undefined ? {} : { duration: Number(duration) }),
    ...(channels === undefined ? {} : { channels: Number(channels) }),
    ...(metadata === undefined ? {} : { metadata: jsonOf(metadata) }),
  }
}

async function formOf(file: string, { call, leg, ...flags }: UploadFlags): Promise<FormData> {
  const form = new FormData()
  const fields = { callId: call, legId: leg, ...flags }
  for (const name of ['callId', 'legId', 'format', 'duration', 'channels', 'metadata'] as const) {
    const value = fields[name]
    if (value !== undefined) form.append(name, value)
  }
  const blob = await openAsBlob(file).catch((error: unknown) => {
    throw new CliError(`The file ${file} cannot be read.`, 'Check the path.', error)
  })
  form.append('file', blob, basename(file))
  return form
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new CliError('What follows --metadata is no JSON.', 'Write it as \'{"agent":"7"}\'.', error)
  }
}

function rowOf({ id, callId, status, createdAt, durationSec, sizeBytes, truncated, failure }: RecordingView): string[] {
  const note = failure?.code ?? (truncated ? 'TRUNCATED' : '')
  return [id, callId, status, renderTime(createdAt), lengthOf(durationSec), sizeOf(sizeBytes), note]
}

function renderDetail(recording: RecordingView): string {
  const { id, callId, legId, status, failure, sourceUrl, fileName, format, codec, channels, sampleRateHz } = recording
  const {
    durationSec,
    sizeBytes,
    sha256,
    original,
    issues,
    createdAt,
    scheduledDeletionAt,
    metadata,
    storageKey,
    tier,
  } = recording
  const facts: [string, string][] = [
    ['recording', id],
    ['call', legId === null ? callId : `${callId}, leg ${legId}`],
    ['status', failure === null ? status : `${status}: ${failure.message}`],
    ...issues.map(({ kind, message }): [string, string] => [kind, message]),
    ['received', renderTime(createdAt)],
    ['from', sourceUrl ?? fileName ?? '–'],
    ['length', lengthOf(durationSec)],
    [
      'sound',
      [format, codec, channels === null ? null : `${channels} ch`, sampleRateHz === null ? null : `${sampleRateHz} Hz`]
        .filter((part) => part !== null)
        .join(', '),
    ],
    ['size', sizeOf(sizeBytes)],
    ['sha-256', sha256 ?? '–'],
    ...(original === null
      ? []
      : [
          [
            'came as',
            `${original.format}, ${original.codec}, ${sizeOf(original.sizeBytes)}, SHA-256 ${original.sha256}`,
          ] satisfies [string, string],
        ]),
    ['stored at', `${storageKey} (${tier})`],
    ['deleted', scheduledDeletionAt === null ? 'never by itself' : renderTime(scheduledDeletionAt)],
  ]
  if (Object.keys(metadata).length > 0) facts.push(['metadata', JSON.stringify(metadata)])
  return renderFacts(facts)
}

function lengthOf(seconds: number | null): string {
  return seconds === null ? '–' : renderSpan(seconds)
}

function sizeOf(bytes: number | null): string {
  return bytes === null ? '–' : renderAmount(bytes)
}
