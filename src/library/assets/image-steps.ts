// The steps of a picture: the original is fetched once, read in a process of its own, and what is made of it is stored.
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { MirrorError } from '../../core/errors.ts'
import { assetOriginalKey, assetRenditionKey } from '../../storage/keys.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { MAX_PICTURE_BYTES, type RenditionFormat } from '../processing/pictures/picture-facts.ts'
import { openPicture, type PictureHost, type PictureReader } from '../processing/pictures/picture-reader.ts'
import { planImage, planSize } from '../processing/pictures/plan-image.ts'
import type { AssetRow, JsonObject, RenditionRow } from './asset.ts'

const EXTENSIONS: Readonly<Record<RenditionFormat, string>> = { jpeg: 'jpg', webp: 'webp', avif: 'avif' }

export interface ImageHost extends PictureHost {
  readonly store: Pick<ObjectStore, 'get' | 'put'>
  /** For copies of originals while they are read; it may be emptied at a start. */
  readonly scratchDir: string
  readonly now: () => number
  /** False: somebody else has the job now. */
  readonly save: (row: RenditionRow) => Promise<boolean>
}

interface Opened extends AsyncDisposable {
  readonly reader: PictureReader
  readonly folder: string
}

/** Disposing ends the process and removes the copy. */
export class ImageSteps implements AsyncDisposable {
  readonly #host: ImageHost
  readonly #asset: AssetRow
  readonly #signal: AbortSignal
  #opened: Promise<Opened> | null = null

  constructor(host: ImageHost, asset: AssetRow, signal: AbortSignal) {
    this.#host = host
    this.#asset = asset
    this.#signal = signal
  }

  /** Does one step; `facts` are those of the steps before. Gives new facts, or null for a step that makes a rendition. */
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
    const bytes = await readFile(output)
    await rm(output)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const { id, tenantId } = this.#asset
    const key = assetRenditionKey(tenantId, id, { name, sha256, extension: EXTENSIONS[plan.format] })
    const contentType = `image/${plan.format}`
    await this.#host.store.put(key, bytes, { signal: this.#signal, contentType })
    const size = { sizeBytes: rendered.sizeBytes, width: rendered.width, height: rendered.height }
    const of = { assetId: id, tenantId, name, objectKey: key }
    await this.#host.save({ ...of, ...size, contentType, sha256, createdAtMs: this.#host.now() })
  }
}
