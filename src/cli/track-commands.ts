import type { Command } from 'commander'
import type { StreamView, TrackDescriptionView } from '../api/stream-contract.ts'
import { CliError } from './cli-error.ts'
import { serverCommand } from './server-command.ts'
import type { WithSession } from './session.ts'
import { renderTable } from './table.ts'

type TrackFlags = { language?: string; name?: string; role?: string; default?: boolean; clear?: boolean }

export function addTrackCommands(stream: Command, withSession: WithSession): void {
  serverCommand(stream, 'track <stream> [track]', 'show what viewers are told of tracks, or say it for one')
    .option('--language <tag>', 'BCP 47, such as de or pt-BR')
    .option('--name <name>', 'as players show it')
    .option('--role <role>', 'main, commentary, dub, description, caption, forced-subtitle, …')
    .option('--default', 'choose it for viewers without a preference')
    .option('--clear', 'forget what was said of the track')
    .action((id: string, trackId: string | undefined, flags: TrackFlags, command: Command) =>
      withSession(command, async ({ client, print }) => {
        const path = `/streams/${encodeURIComponent(id)}`
        const shown = await client.get<StreamView>(path)
        if (trackId === undefined) return print(shown.settings.tracks, renderTracks(shown))
        const tracks = changedTracks(shown.settings.tracks, trackId, flags)
        const changed = await client.patch<StreamView>(path, { settings: { tracks } })
        print(changed.settings.tracks, renderTracks(changed))
      }),
    )
}

/** Flags that are not given leave what was said before; wrong words are refused by the server, which names the field. */
export function changedTracks(
  before: readonly TrackDescriptionView[],
  id: string,
  { clear, default: isDefault, ...said }: TrackFlags,
): readonly unknown[] {
  const others = before.filter((track) => track.id !== id)
  if (clear === true) return others
  if (isDefault === undefined && Object.keys(said).length === 0) {
    throw new CliError('Nothing is said of the track.', 'Give --language, --name, --role, --default or --clear.')
  }
  const kind = id.charAt(0)
  // One default of each kind: the new one takes the place of the old.
  const rest =
    isDefault === true
      ? others.map((track) => (track.id.startsWith(kind) ? { ...track, default: false } : track))
      : others
  const known = before.find((track) => track.id === id)
  const track = { ...known, id, ...said, ...(isDefault === undefined ? {} : { default: isDefault }) }
  return [...rest, track].toSorted((a, b) => (a.id < b.id ? -1 : 1))
}

function renderTracks({ id, live, settings }: StreamView): string {
  const ids = new Set([...live.tracks.map((track) => track.id), ...settings.tracks.map((track) => track.id)])
  if (ids.size === 0) return `Stream ${id} has no tracks now, and nothing was said of any.\n`
  const rows = [...ids].map((trackId) => {
    const track = live.tracks.find((candidate) => candidate.id === trackId)
    const said = settings.tracks.find((candidate) => candidate.id === trackId)
    const language = said?.language ?? track?.language ?? ''
    return [trackId, track?.codec ?? '–', language, said?.name ?? '', said?.role ?? '', said?.default ? 'yes' : '']
  })
  return renderTable(['TRACK', 'CODEC', 'LANGUAGE', 'NAME', 'ROLE', 'DEFAULT'], rows)
}
