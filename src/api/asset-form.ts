// The form by which content is uploaded: one file, with fields before and behind it.
import { type FormPart, readForm } from '../library/intake/multipart.ts'
import { type AssetFields, assetFieldsSchema } from './asset-contract.ts'
import { invalidField, parseFields, parseJsonField, readFieldText } from './form-field.ts'

/** Read once, from the beginning to the end. */
export class AssetForm implements AsyncDisposable {
  readonly #parts: AsyncIterator<FormPart, void, void>
  readonly #fields: Record<string, unknown> = {}

  constructor(source: AsyncIterable<Uint8Array>, boundary: string) {
    this.#parts = readForm(source, boundary)[Symbol.asyncIterator]()
  }

  /** Reads up to the file. Throws `invalid_request` when there is none, or what stands before it is wrong. */
  async toFile(): Promise<FormPart> {
    const part = await this.#next()
    if (part === null) throw invalidField('file', 'is missing')
    this.#parsed()
    return part
  }

  /** After the file was read: all fields. Throws `invalid_request`. */
  async toEnd(): Promise<AssetFields> {
    if ((await this.#next()) !== null) throw invalidField('file', 'must be there once')
    return this.#parsed()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.return?.()
  }

  async #next(): Promise<FormPart | null> {
    for (;;) {
      const { value: part, done } = await this.#parts.next()
      if (done === true || part === undefined) return null
      if (part.name === 'file') return part
      await this.#read(part)
    }
  }

  #parsed(): AssetFields {
    return parseFields(assetFieldsSchema, this.#fields)
  }

  async #read({ name, chunks }: FormPart): Promise<void> {
    const text = await readFieldText({ name, chunks })
    if (text === '') return
    if (name === 'tags') {
      const before = this.#fields['tags']
      this.#fields['tags'] = [...(Array.isArray(before) ? before : []), ...text.split(',').map((tag) => tag.trim())]
      return
    }
    if (Object.hasOwn(this.#fields, name)) throw invalidField(name, 'must be there once')
    this.#fields[name] = name === 'metadata' ? parseJsonField(name, text) : text
  }
}
