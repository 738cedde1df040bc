// The steps of a picture: the original is fetched once, read in a process of its own, and what is made of it is stored.
import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { MirrorError } from '../../core/errors.ts'
import { assetOriginalKey } from '../../storage/keys.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { MAX_PICTURE_BYTES, type RenditionFormat } from '../processing/pictures/picture-facts.ts'
import { openPicture, type PictureHost, type PictureReader } from '../processing/pictures/picture-reader.ts'
import { planImage, planSize } from '../processing/pictures/plan-image.ts'
import type { AssetRow, JsonObject } from './asset.ts'
import { keepRendition, type RenditionKeeper } from './keep-rendition.ts'
import type { StepMaker } from './step-maker.ts'

const EXTENSIONS: Readonly<Record<RenditionFormat, string>> = { jpeg: 'jpg', webp: 'webp', avif: 'avif' }

export interface ImageHost extends PictureHost, RenditionKeeper {
  readonly store: Pick<ObjectStore, 'get' | 'put'>
  /** For copies of originals while they are read; it may be emptied at a start. */
  readonly scratchDir: string
}

interface Opened extends AsyncDisposable {
  readonly reader: PictureReader
  readonly folder: string
}

/** Disposing ends the process and removes the copy. */
export class ImageSteps implements StepMaker {
  readonly #host: ImageHost
  readonly #asset: AssetRow
  readonly #signal: AbortSignal
  #opened: Promise<Opened> | null = null

  constructor(host: ImageHost, asset: AssetRow, signal: AbortSignal) {
    this.#host = host
    this.#asset = asset
    this.#signal = signal
  }

  async run(step: string, facts: JsonObject): Promise<JsonObject | null> {
    this.#opened ??= this.#open()
    const opened = await this.#opened
    if (step === 'metadata') return { ...(await opened.reader.inspect()) }
    if (step === 'placeholder') return { ...(await opened.reader.placeholder()) }
    await this.#render(opened, step, facts)
    return null
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await this.#opened?.catch(() => null)
    await opened?.[Symbol.asyncDispose]()
  }

  async #open(): Promise<Opened> {
    const { id, tenantId, sizeBytes } = this.#asset
    if (sizeBytes > MAX_PICTURE_BYTES) {
      const limit = `${MAX_PICTURE_BYTES / 2 ** 20} MiB`
      throw new MirrorError('content_too_large', `it has ${sizeBytes} bytes; of pictures at most ${limit} are read`)
    }
    await using parts = new AsyncDisposableStack()
    await mkdir(this.#host.scratchDir, { recursive: true, mode: 0o700 })
    const folder = await mkdtemp(join(this.#host.scratchDir, 'picture-'))
    parts.defer(() => rm(folder, { recursive: true, force: true }))
    const path = join(folder, 'original')
    const body = await this.#host.store.get(assetOriginalKey(tenantId, id), { signal: this.#signal })
    if (body === null) throw new MirrorError('media_gone', 'the original is not in the store any more')
    await using open = body
    await pipeline(Readable.from(open.chunks), createWriteStream(path), { signal: this.#signal })
    const reader = parts.use(await openPicture(path, this.#host, this.#signal))
    const owned = parts.move()
    return { reader, folder, [Symbol.asyncDispose]: () => owned.disposeAsync() }
  }

  async #render({ reader, folder }: Opened, name: string, { width, height }: JsonObject): Promise<void> {
    if (typeof width !== 'number' || typeof height !== 'number') throw new Error(`no size is known before ${name}`)
    const plan = planImage({ width, height }).find((each) => each.name === name) ?? planSize({ width, height }, name)
    if (plan === null) throw new Error(`nobody knows how to do ${name}`)
    const output = join(folder, name)
    const rendered = await reader.render(plan, output)
    const { width: shownWidth, height: shownHeight } = rendered
    const made = { name, path: output, extension: EXTENSIONS[plan.format], contentType: `image/${plan.format}` }
    await keepRendition(this.#host, this.#asset, { ...made, width: shownWidth, height: shownHeight }, this.#signal)
    await rm(output)
  }
}
