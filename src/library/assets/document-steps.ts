// The steps of a document: how many pages a PDF has, and a picture of the first one.
import { openPicture } from '../processing/pictures/picture-reader.ts'
import { drawFirstPage, type PdfAnswer, type PdfFacts, readPdf } from '../processing/read-pdf.ts'
import type { AssetRow, JsonObject } from './asset.ts'
import { type MediaHost, MediaWorkshop } from './media-workshop.ts'
import type { StepMaker } from './step-maker.ts'

const WHY = {
  missing: 'pdfinfo and pdftoppm are not installed (apt-get install poppler-utils)',
  locked: 'it opens with a password only',
} as const

export class DocumentSteps implements StepMaker {
  readonly #workshop: MediaWorkshop
  readonly #isPdf: boolean

  constructor(host: MediaHost, asset: AssetRow, signal: AbortSignal) {
    this.#workshop = new MediaWorkshop(host, asset, signal)
    this.#isPdf = asset.format === 'pdf'
  }

  /** What is not made, and why, is `pageProblem`; other documents than PDF have no pages here. */
  async run(step: string, facts: JsonObject): Promise<JsonObject | null> {
    if (!this.#isPdf) return null
    if (step === 'pages') return factsOf(await this.#read())
    if (step === 'poster') return typeof facts['pages'] === 'number' ? await this.#draw() : null
    throw new Error(`nobody knows how to do ${step}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#workshop[Symbol.asyncDispose]()
  }

  async #read(): Promise<PdfAnswer<PdfFacts>> {
    const { path } = await this.#workshop.original()
    return await readPdf(path, this.#workshop.host, this.#workshop.signal)
  }

  async #draw(): Promise<JsonObject | null> {
    const { host, signal } = this.#workshop
    const { path } = await this.#workshop.original()
    const output = await this.#workshop.path('page')
    const drawn = await drawFirstPage(path, output, host, signal)
    if (drawn !== 'drawn') return { pageProblem: WHY[drawn] }
    const picture = `${output}.jpg`
    await using reader = await openPicture(picture, { spawn: host.spawn, log: host.log }, signal)
    const { width, height } = await reader.inspect()
    await this.#workshop.keep({
      name: 'poster',
      path: picture,
      extension: 'jpg',
      contentType: 'image/jpeg',
      width,
      height,
    })
    return null
  }
}

function factsOf(answer: PdfAnswer<PdfFacts>): JsonObject {
  return typeof answer === 'string' ? { pageProblem: WHY[answer] } : { ...answer, pageProblem: null }
}
