// Subtitles that somebody adds to a video: one text per language, shown in place of what the file itself has in it.
import type { Catalog } from '../../catalog/types.ts'
import { MirrorError } from '../../core/errors.ts'
import { Permits } from '../../core/permits.ts'
import { convertSubtitles } from '../processing/convert-subtitles.ts'
import type { FfmpegHost } from '../processing/run-ffmpeg.ts'
import type { Scratch } from '../processing/scratch.ts'
import type { AssetRow, RenditionRow } from './asset.ts'
import type { AssetShelf } from './asset-shelf.ts'
import { keepRendition, type RenditionKeeper } from './keep-rendition.ts'
import { readCues } from './read-cues.ts'
import { addedSubtitlesName } from './subtitle-steps.ts'

/** Beside whatever jobs do. */
const AT_ONCE = 1
/** Waiting and under way, each with its text in memory; one more is told to come back. */
const MAX_WAITING = 16
const RETRY_AFTER_SEC = 5

export interface SubtitleDeskHost extends Omit<FfmpegHost, 'threads'>, Omit<RenditionKeeper, 'save'> {
  readonly shelf: Pick<AssetShelf, 'get' | 'remake'>
  readonly assets: Pick<Catalog['assets'], 'saveRendition' | 'removeRendition'>
  readonly scratch: Pick<Scratch, 'withFolder'>
}

export class SubtitleDesk {
  readonly #host: SubtitleDeskHost
  readonly #permits = new Permits(AT_ONCE)
  #waiting = 0

  constructor(host: SubtitleDeskHost) {
    this.#host = host
  }

  /**
   * Shows the text in this language (BCP 47) from the next processing on, which begins at once. Throws `asset_not_found`,
   * `asset_busy`, `processing_busy`, `content_unsupported` for what is no video or no subtitles, `content_too_large`, and
   * what the store throws; then everything is as it was.
   */
  async put(
    tenantId: string,
    id: string,
    { language, bytes }: { readonly language: string; readonly bytes: Uint8Array },
    signal: AbortSignal,
  ): Promise<AssetRow> {
    const { shelf, scratch } = this.#host
    const asset = await this.#video(tenantId, id)
    if (this.#waiting >= MAX_WAITING) {
      const said = `${MAX_WAITING} files of subtitles are being read`
      throw new MirrorError('processing_busy', said, { details: { retryAfterSec: RETRY_AFTER_SEC } })
    }
    const keep = (folder: string) => this.#keep(asset, { language, bytes, folder }, signal)
    this.#waiting += 1
    try {
      await this.#permits.run(signal, () => scratch.withFolder(keep))
    } finally {
      this.#waiting -= 1
    }
    return await shelf.remake(tenantId, id, 'subtitles')
  }

  /** Shows what the file has in this language again, if anything. Throws `asset_not_found`, `asset_busy`, `rendition_not_found`. */
  async remove(tenantId: string, id: string, language: string): Promise<AssetRow> {
    const { shelf, assets } = this.#host
    await this.#video(tenantId, id)
    if (!(await assets.removeRendition(tenantId, id, addedSubtitlesName(language)))) {
      throw new MirrorError('rendition_not_found', `Nobody has added subtitles in ${language} to asset ${id}`)
    }
    return await shelf.remake(tenantId, id, 'subtitles')
  }

  /** Refused early: whoever is busy would not show it. */
  async #video(tenantId: string, id: string): Promise<AssetRow> {
    const asset = await this.#host.shelf.get(tenantId, id)
    if (asset.deletedAtMs !== null) throw new MirrorError('asset_not_found', `Asset ${id} was deleted`)
    if (asset.kind !== 'video') throw new MirrorError('content_unsupported', 'Only a video can be given subtitles')
    if (asset.status === 'pending' || asset.status === 'processing') {
      throw new MirrorError('asset_busy', `asset ${id} is being processed already`)
    }
    return asset
  }

  async #keep(
    asset: AssetRow,
    sent: { readonly language: string; readonly bytes: Uint8Array; readonly folder: string },
    signal: AbortSignal,
  ): Promise<void> {
    const { assets } = this.#host
    const path = await convertSubtitles(sent.bytes, { ...sent, host: { ...this.#host, threads: 1 } }, signal)
    if ((await readCues(path)).length === 0) {
      throw new MirrorError('content_unsupported', 'Nothing is said in these subtitles')
    }
    const keeper = { ...this.#host, save: (row: RenditionRow) => assets.saveRendition(row, null) }
    const made = { name: addedSubtitlesName(sent.language), path, extension: 'vtt', contentType: 'text/vtt' }
    await keepRendition(keeper, asset, { ...made, width: null, height: null }, signal)
  }
}
