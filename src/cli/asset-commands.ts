import { constants, openAsBlob } from 'node:fs'
import { access, readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Command } from 'commander'
import type { AssetPageView, AssetView, UploadedAssetView } from '../api/asset-contract.ts'
import type { JobView } from '../api/job-contract.ts'
import { CliError } from './cli-error.ts'
import { serverCommand } from './server-command.ts'
import type { Session, WithSession } from './session.ts'
import { renderAmount, renderFacts, renderTable, renderTime } from './table.ts'

const UPLOAD_TIMEOUT_MS = 6 * 3_600_000

interface UploadFlags {
  folder?: string
  tag?: string[]
  metadata?: string
}

interface PullFlags {
  name?: string
  folder?: string
  tag?: string[]
  wait: boolean
}

interface ListFlags {
  kind?: string
  status?: string
  tag?: string[]
  folder?: string
  trash?: boolean
  limit?: string
}

export function addAssetCommands(program: Command, withSession: WithSession): void {
  const asset = program.command('asset').description('uploaded content: pictures, videos, sounds, documents')

  serverCommand(asset, 'upload <file...>', 'upload files')
    .option('--folder <folder>', 'where they are kept, such as photos/2026')
    .option('--tag <tag>', 'repeat it for more', collect)
    .option('--metadata <json>', 'what you want to keep with them')
    .action((files: string[], flags: UploadFlags, self: Command) =>
      withSession(self, async (session) => {
        const uploaded: UploadedAssetView[] = []
        for (const file of files) uploaded.push(await upload(session, file, flags))
        const rows = uploaded.map(({ asset: { id, name, kind, sizeBytes }, duplicate }) => [
          ...[id, name, kind, renderAmount(sizeBytes), duplicate ? 'was there already' : 'uploaded'],
        ])
        session.print(uploaded, renderTable(['ID', 'NAME', 'KIND', 'SIZE', 'RESULT'], rows))
      }),
    )

  serverCommand(asset, 'pull <address>', 'have the server fetch a file from an address')
    .option('--name <name>', 'default: as the address ends')
    .option('--folder <folder>', 'where it is kept, such as photos/2026')
    .option('--tag <tag>', 'repeat it for more', collect)
    .option('--no-wait', 'do not wait until it is there')
    .action((url: string, flags: PullFlags, self: Command) =>
      withSession(self, async ({ client, print, follow }) => {
        const { name, folder, tag, wait } = flags
        const body = {
          url,
          ...(name === undefined ? {} : { name }),
          ...(folder === undefined ? {} : { folder }),
          ...(tag === undefined ? {} : { tags: tag }),
        }
        const begun = await client.post<JobView>('/assets', body)
        if (!wait) return print(begun, `It is fetched by the job ${begun.id}.\n`)
        const { result, ...job } = await follow(begun.id)
        const words = result?.['duplicate'] === true ? 'was there already' : 'is there'
        print({ ...job, result }, `Asset ${String(result?.['asset'])} ${words}.\n`)
      }),
    )

  withFilters(serverCommand(asset, 'list', 'list content, newest first')).action((flags: ListFlags, self: Command) =>
    withSession(self, (session) => list(session, flags)),
  )

  withFilters(
    serverCommand(asset, 'search <word...>', 'find content by words of its name or tags, or their beginnings'),
  ).action((words: string[], flags: ListFlags, self: Command) =>
    withSession(self, (session) => list(session, flags, words.join(' '))),
  )

  serverCommand(asset, 'show <id>', 'show an asset with its renditions').action((id: string, _flags, self: Command) =>
    withSession(self, async ({ client, print }) => {
      const shown = await client.get<AssetView>(pathOf(id))
      print(shown, renderAsset(shown))
    }),
  )

  serverCommand(asset, 'delete <id...>', 'put assets into the trash').action((ids: string[], _flags, self: Command) =>
    withSession(self, async ({ client, print }) => {
      for (const id of ids) await client.delete(pathOf(id))
      print(
        { deleted: ids },
        ids.map((id) => `Asset ${id} is in the trash; "mirror asset restore" brings it back.\n`).join(''),
      )
    }),
  )

  serverCommand(asset, 'restore <id...>', 'take assets out of the trash').action(
    (ids: string[], _flags, self: Command) =>
      withSession(self, async ({ client, print }) => {
        const restored: AssetView[] = []
        for (const id of ids) restored.push(await client.post<AssetView>(`${pathOf(id)}/restore`))
        print(restored, restored.map(({ id, name }) => `Asset ${id} (${name}) is back.\n`).join(''))
      }),
  )

  serverCommand(asset, 'process <id>', 'process an asset again, at the step that failed')
    .option('--from-start', 'all steps')
    .action((id: string, flags: { fromStart?: boolean }, self: Command) =>
      withSession(self, async ({ client, print }) => {
        const body = { fromStart: flags.fromStart === true }
        const begun = await client.post<AssetView>(`${pathOf(id)}/process`, body)
        print(begun, `Asset ${id} is processed again; "mirror asset show ${id}" tells how far it is.\n`)
      }),
    )

  addSubtitleCommands(asset, withSession)
}

function addSubtitleCommands(asset: Command, withSession: WithSession): void {
  const subtitles = asset.command('subtitles').description('add subtitles to a video, and take them away again')
  const told = `"mirror asset show" tells when players are given them.`

  serverCommand(subtitles, 'add <id> <file>', 'SubRip, WebVTT or SubStation Alpha of at most 8 MiB, in UTF-8')
    .requiredOption('--language <tag>', 'BCP 47, such as de or pt-BR; replaces what there is in it')
    .action((id: string, file: string, { language }: { language: string }, self: Command) =>
      withSession(self, async ({ client, print }) => {
        const bytes = await readFile(file).catch((error: unknown) => {
          throw new CliError(`The file ${file} cannot be read.`, 'Check the path.', error)
        })
        const begun = await client.put<AssetView>(subtitlesPath(id, language), bytes)
        print(begun, `${file} is shown in ${language} from now on; ${told}\n`)
      }),
    )

  serverCommand(subtitles, 'remove <id>', 'show what the file itself has in a language again')
    .requiredOption('--language <tag>', 'of what was added')
    .action((id: string, { language }: { language: string }, self: Command) =>
      withSession(self, async ({ client, print }) => {
        const begun = await client.deleteFor<AssetView>(subtitlesPath(id, language))
        print(begun, `What was added in ${language} is no longer shown; ${told}\n`)
      }),
    )
}

function subtitlesPath(id: string, language: string): string {
  return `${pathOf(id)}/subtitles/${encodeURIComponent(language)}`
}

function withFilters(command: Command): Command {
  return command
    .option('--kind <kind>', 'image, video, audio, document or other')
    .option('--status <status>', 'pending, processing, ready or failed')
    .option('--tag <tag>', 'repeat it for content with all of them', collect)
    .option('--folder <folder>', 'exactly this folder; "" for the top')
    .option('--trash', 'what was deleted')
    .option('--limit <count>', 'at most so many')
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}

async function upload({ client }: Session, file: string, flags: UploadFlags): Promise<UploadedAssetView> {
  const { folder, tag, metadata } = flags
  const form = new FormData()
  if (folder !== undefined) form.set('folder', folder)
  if (tag !== undefined) form.set('tags', tag.join(','))
  if (metadata !== undefined) form.set('metadata', metadata)
  form.set('file', await opened(file), basename(file))
  return await client.postForm<UploadedAssetView>('/assets', form, UPLOAD_TIMEOUT_MS)
}

/** Its bytes are read from the disk as they are sent. */
async function opened(file: string): Promise<Blob> {
  try {
    await access(file, constants.R_OK)
    return await openAsBlob(file)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CliError(`${file} cannot be read: ${reason}`, 'Name files that exist and that you may read.', error)
  }
}

async function list({ client, print }: Session, flags: ListFlags, words?: string): Promise<void> {
  const { kind, status, tag, folder, trash, limit } = flags
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries({ q: words, kind, status, folder, limit })) {
    if (value !== undefined) query.set(name, value)
  }
  for (const each of tag ?? []) query.append('tag', each)
  if (trash === true) query.set('trash', 'true')
  const page = await client.get<AssetPageView>(`/assets?${query}`)
  const rows = page.assets.map((each) => [
    ...[each.id, each.name, each.folder, each.kind, renderAmount(each.sizeBytes), stateOf(each)],
    renderTime(each.uploadedAt),
  ])
  const more = page.nextCursor === null ? '' : 'There is more: narrow the search, or raise --limit.\n'
  print(page, renderTable(['ID', 'NAME', 'FOLDER', 'KIND', 'SIZE', 'STATE', 'UPLOADED'], rows) + more)
}

function stateOf({ status, percent }: AssetView): string {
  return status === 'processing' ? `processing ${percent} %` : status
}

function renderAsset(asset: AssetView): string {
  const { failure, tags, facts } = asset
  const size =
    typeof facts['width'] === 'number' ? [['Picture', `${facts['width']} × ${facts['height']}`] as const] : []
  const { durationSec, pages } = facts
  const lasts = typeof durationSec === 'number' ? [['Lasts', `${durationSec.toFixed(1)} s`] as const] : []
  const paged = typeof pages === 'number' ? [['Pages', String(pages)] as const] : []
  const shown = renderFacts([
    ['Id', asset.id],
    ['Name', asset.name],
    ['Folder', asset.folder === '' ? '/' : asset.folder],
    ['Type', asset.contentType],
    ['Size', renderAmount(asset.sizeBytes)],
    ...size,
    ...lasts,
    ...paged,
    ['SHA-256', asset.sha256],
    ['State', failure === null ? stateOf(asset) : `${stateOf(asset)}, ${failure.step}: ${failure.message}`],
    ['Tags', tags.length === 0 ? '–' : tags.join(', ')],
    ['Uploaded', renderTime(asset.uploadedAt)],
    ...(asset.deletedAt === null ? [] : [['Deleted', renderTime(asset.deletedAt)] as const]),
  ])
  const played =
    asset.playback === null
      ? ''
      : `\nPlayed by HLS until ${renderTime(asset.playback.expiresAt)}:\n${asset.playback.hls}\n`
  const rows = asset.renditions.map(({ name, contentType, width, height, sizeBytes }) => [
    ...[name, contentType, width === null ? '' : `${width} × ${height}`, renderAmount(sizeBytes)],
  ])
  const files = rows.length === 0 ? '' : `\n${renderTable(['RENDITION', 'TYPE', 'PICTURE', 'SIZE'], rows)}`
  return `${shown}${files}${played}`
}

function pathOf(id: string): string {
  return `/assets/${encodeURIComponent(id)}`
}
