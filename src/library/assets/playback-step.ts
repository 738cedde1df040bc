// The files that were made of a sound or video become playable by HLS: packed and indexed as recordings are.
import { createHash } from 'node:crypto'
import { mkdir, stat } from 'node:fs/promises'
import { rational } from '../../core/rational.ts'
import type { VodText } from '../../dvr/vod/vod-text.ts'
import { VOD_FORMAT, type VodFile, writeVod } from '../../dvr/vod/write-vod.ts'
import type { RenditionLabel } from '../../hls/rendition.ts'
import { languageTag } from '../../media/codecs/language-tag.ts'
import { assetStreamId, streamIndexKey } from '../../storage/keys.ts'
import type { DescribedMedia } from '../processing/describe-media.ts'
import type { AudioStream } from '../processing/media-facts.ts'
import { planVideo } from '../processing/plan-video.ts'
import { type JsonObject, PLAYBACK_RENDITION, PLAYLIST_TYPE, type RenditionRow } from './asset.ts'
import type { MediaWorkshop } from './media-workshop.ts'
import { readCues } from './read-cues.ts'
import type { OnPercent } from './step-maker.ts'
import type { SubtitleTrack } from './subtitle-steps.ts'

/** Of what is heard alone. */
const SOUND_CELL = rational(4, 1)
/** A fragment a second: what waits for its place in memory is little. Where a track begins, only an edit list says. */
const MOVFLAGS = '+empty_moov+delay_moov+default_base_moof'
const AS_FRAGMENTS = ['-c', 'copy', '-f', 'mp4', '-movflags', MOVFLAGS, '-frag_duration', '1000000']
/** No file that was made has more; what a remuxer adds is little. */
const MAX_BPS = 20_000_000

/** Subtitles that cannot be shown are left, and `subtitleProblem` says why. */
export async function makePlayback(
  workshop: MediaWorkshop,
  described: DescribedMedia,
  subtitles: readonly SubtitleTrack[],
  onPercent: OnPercent,
): Promise<JsonObject | null> {
  const plan = described.video === null ? null : planVideo(described.video, described.streams)
  const names = plan?.rungs.map(({ name }) => name) ?? ['m4a']
  const heard = plan?.audio ?? (described.audio === null ? [] : [described.audio])
  const rows = await requireRows(workshop, names)
  const spoken = await requireRows(
    workshop,
    subtitles.map(({ name }) => name),
  )
  const hash = createHash('sha256').update(
    JSON.stringify([VOD_FORMAT, plan?.cell, ...[...rows, ...spoken].map(({ sha256 }) => sha256), subtitles]),
  )
  const sha256 = hash.digest('hex')
  const { tenantId, id } = workshop.asset
  const stream = { tenantId, streamId: assetStreamId(id, `hls-${sha256.slice(0, 12)}`) }
  const total = rows.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  await workshop.requireRoom(total)
  let done = 0
  const onBytes = (bytes: number) => {
    done += bytes
    onPercent((100 * done) / total)
  }
  const folder = await workshop.path('packs')
  await mkdir(folder, { recursive: true })
  const labels = heard.map(labelOf)
  const files = rows.map(({ name }, index) => fileOf(workshop, name, { labels, isFirst: index === 0, onBytes }))
  const texts = subtitles.map((track) => textOf(workshop, track))
  const vod = { stream, cell: plan?.cell ?? SOUND_CELL, files, texts, durationSec: described.durationSec ?? 0, folder }
  const { sizeBytes, textProblem } = await writeVod(vod, workshop.host, workshop.signal)
  const [best] = rows
  await workshop.host.save({
    ...{
      assetId: id,
      tenantId,
      name: PLAYBACK_RENDITION,
      objectKey: streamIndexKey(stream),
      contentType: PLAYLIST_TYPE,
    },
    ...{
      sizeBytes,
      sha256,
      width: best?.width ?? null,
      height: best?.height ?? null,
      createdAtMs: workshop.host.now(),
    },
  })
  return textProblem === null ? null : { subtitleProblem: textProblem }
}

async function requireRows(workshop: MediaWorkshop, names: readonly string[]): Promise<readonly RenditionRow[]> {
  const rows: RenditionRow[] = []
  for (const name of names) {
    const row = await workshop.row(name)
    if (row === null) throw new Error(`${name} was not made`)
    rows.push(row)
  }
  return rows
}

function fileOf(
  workshop: MediaWorkshop,
  name: string,
  of: {
    readonly labels: readonly RenditionLabel[]
    readonly isFirst: boolean
    readonly onBytes: (bytes: number) => void
  },
): VodFile {
  return {
    audio: of.labels,
    async read(take) {
      const input = await workshop.rendition(name)
      if (input === null) throw new Error(`${name} is gone`)
      // What is heard comes from the best file alone.
      const outputs = ['-map', of.isFirst ? '0' : '0:v:0', ...AS_FRAGMENTS, 'pipe:1']
      const durationSec = Math.max(60, ((await stat(input.path)).size * 8 * 2) / MAX_BPS)
      const onOutput = async (bytes: Uint8Array) => {
        of.onBytes(bytes.length)
        await take(bytes)
      }
      await workshop.run({ input, outputs, bitRate: MAX_BPS, durationSec, onOutput })
    },
  }
}

function labelOf({ language, title }: AudioStream, index: number): RenditionLabel {
  return { language: languageTag(language ?? ''), name: title, role: null, isDefault: index === 0 }
}

function textOf(workshop: MediaWorkshop, { name, language, title, isDefault }: SubtitleTrack): VodText {
  return {
    label: { language, name: title, role: null, isDefault },
    async cues() {
      const file = await workshop.rendition(name)
      if (file === null) throw new Error(`${name} is gone`)
      return await readCues(file.path)
    },
  }
}
