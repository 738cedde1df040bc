// Pictures in further sizes, made when somebody first asks for one, and kept as renditions.
import type { Catalog } from '../../catalog/types.ts'
import { MirrorError } from '../../core/errors.ts'
import { Permits } from '../../core/permits.ts'
import { SingleFlight } from '../../core/single-flight.ts'
import { isSizeName } from '../processing/pictures/plan-image.ts'
import type { AssetRow, RenditionRow } from './asset.ts'
import { type ImageHost, ImageSteps } from './image-steps.ts'

/** Beside the two of the job, on a machine that streams. */
const AT_ONCE = 1
/** Waiting and under way; one more is told to come back. */
const MAX_WAITING = 16
const RETRY_AFTER_SEC = 5

export interface SizeMakerHost extends Omit<ImageHost, 'save'> {
  readonly assets: Pick<Catalog['assets'], 'saveRendition' | 'renditions'>
}

export class SizeMaker {
  readonly #host: SizeMakerHost
  readonly #flights = new SingleFlight<RenditionRow | null>()
  readonly #permits = new Permits(AT_ONCE)

  constructor(host: SizeMakerHost) {
    this.#host = host
  }

  /**
   * Makes the rendition `name` (`fit-640-webp`), once for all who ask at the same time. Null: there is no such size, or
   * the asset is no picture that is ready. Throws `processing_busy`, what is wrong with the picture, and what the store
   * throws. An abort concerns only this caller.
   */
  async make(asset: AssetRow, name: string, signal: AbortSignal): Promise<RenditionRow | null> {
    if (asset.kind !== 'image' || asset.status !== 'ready' || !isSizeName(name)) return null
    const flight = `${asset.id} ${name}`
    if (!this.#flights.has(flight) && this.#flights.size >= MAX_WAITING) {
      const said = `${MAX_WAITING} sizes of pictures are being made`
      throw new MirrorError('processing_busy', said, { details: { retryAfterSec: RETRY_AFTER_SEC } })
    }
    return await this.#flights.run(flight, signal, (wanted) =>
      this.#permits.run(wanted, () => this.#make(asset, name, wanted)),
    )
  }

  async #make(asset: AssetRow, name: string, signal: AbortSignal): Promise<RenditionRow | null> {
    const { assets } = this.#host
    await using steps = new ImageSteps({ ...this.#host, save: (row) => assets.saveRendition(row, null) }, asset, signal)
    await steps.run(name, asset.facts)
    return (await assets.renditions(asset.tenantId, [asset.id])).find((each) => each.name === name) ?? null
  }
}
