import type { Command } from 'commander'
import type { DvrRecordingDetailView, DvrRecordingPage, DvrRecordingView } from '../api/dvr-contract.ts'
import { serverCommand } from './server-command.ts'
import type { WithSession } from './session.ts'
import { renderAmount, renderFacts, renderSpan, renderTable, renderTime } from './table.ts'

/** `mirror dvr start|stop|recordings|recording|delete`: parts of a stream that are kept until somebody deletes them. */
export function addDvrRecordingCommands(dvr: Command, withSession: WithSession): void {
  serverCommand(dvr, 'start <stream>', 'record from now on, and keep this part until it is deleted')
    .option('--title <text>', 'what it is')
    .action((id: string, flags: { title?: string }, command: Command) =>
      withSession(command, async ({ client, print }) => {
        const started = await client.post<DvrRecordingView>(`${dvrPath(id)}/start`, flags)
        print(started, `Recording ${started.id} of ${id} runs. It plays at\n${started.playlist}\n`)
      }),
    )

  serverCommand(dvr, 'stop <stream>', 'end the running recording').action((id: string, _flags, command: Command) =>
    withSession(command, async ({ client, print }) => {
      const stopped = await client.post<DvrRecordingDetailView>(`${dvrPath(id)}/stop`, {})
      print(stopped, renderDetail(stopped))
    }),
  )

  serverCommand(dvr, 'recordings [stream]', 'list recordings, newest first')
    .option('--limit <number>', 'how many', '50')
    .action((stream: string | undefined, { limit }: { limit: string }, command: Command) =>
      withSession(command, async ({ client, print }) => {
        const query = new URLSearchParams({ limit, ...(stream === undefined ? {} : { stream }) })
        const { recordings } = await client.get<DvrRecordingPage>(`/dvr/recordings?${query}`)
        const rows = recordings.map(({ id, streamId, state, startedAt, endedAt, title }) => {
          return [id, streamId, state, renderTime(startedAt), endedAt === null ? '' : renderTime(endedAt), title]
        })
        print(recordings, renderTable(['RECORDING', 'STREAM', 'STATE', 'FROM', 'TO', 'TITLE'], rows))
      }),
    )

  serverCommand(dvr, 'recording <id>', 'show a recording, its gaps, and where to play it').action(
    (id: string, _flags, command: Command) =>
      withSession(command, async ({ client, print }) => {
        const shown = await client.get<DvrRecordingDetailView>(`/dvr/recordings/${encodeURIComponent(id)}`)
        print(shown, renderDetail(shown))
      }),
  )

  serverCommand(dvr, 'delete <id>', 'keep a recording no longer: retention then decides over its media').action(
    (id: string, _flags, command: Command) =>
      withSession(command, async ({ client, print }) => {
        await client.delete(`/dvr/recordings/${encodeURIComponent(id)}`)
        print({ id }, `Recording ${id} is kept no longer.\n`)
      }),
  )
}

function dvrPath(id: string): string {
  return `/streams/${encodeURIComponent(id)}/dvr`
}

function renderDetail(recording: DvrRecordingDetailView): string {
  const { id, streamId, title, state, cause, startedAt, endedAt, durationSec, bytes, segments, gaps, playlist } =
    recording
  const facts = renderFacts([
    ['recording', title === '' ? id : `${id} (${title})`],
    ['stream', streamId],
    ['state', cause === null ? state : `${state}: ${cause}`],
    ['from', renderTime(startedAt)],
    ['to', endedAt === null ? 'it goes on' : renderTime(endedAt)],
    ['media', `${renderSpan(durationSec)}, ${renderAmount(bytes)}, ${segments} segments`],
    ['playlist', playlist ?? 'none'],
  ])
  const rows = gaps.map(({ from, to }) => ['gap', renderTime(from), renderTime(to)])
  return rows.length === 0 ? facts : `${facts}\n${renderTable(['', 'FROM', 'TO'], rows)}`
}
