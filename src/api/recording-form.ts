// The form by which a PBX sends a recording: fields before and behind one file.
import { type FormPart, readForm } from '../library/intake/multipart.ts'
import { invalidField, parseFields, parseJsonField, readFieldText } from './form-field.ts'
import { type RecordingFields, recordingFieldsSchema } from './recording-contract.ts'

/** As far as they are known. */
export type KnownFields = { readonly [Name in keyof RecordingFields]?: RecordingFields[Name] | undefined }

/** Read from the beginning to its end, once: the fields that stand before the file, the file, the other fields. */
export class RecordingForm {
  readonly #parts: AsyncIterator<FormPart, void, void>
  readonly #fields: Record<string, unknown> = {}

  constructor(source: AsyncIterable<Uint8Array>, boundary: string) {
    this.#parts = readForm(source, boundary)[Symbol.asyncIterator]()
  }

  /** Reads up to the file. Throws `invalid_request` when there is none, or what stands before it is wrong. */
  async toFile(): Promise<{ readonly file: FormPart; readonly fields: KnownFields }> {
    for (;;) {
      const { value: part, done } = await this.#parts.next()
      if (done === true || part === undefined) throw invalidField('file', 'is missing')
      if (part.name !== 'file') await this.#read(part)
      else return { file: part, fields: parseFields(recordingFieldsSchema.partial(), this.#fields) }
    }
  }

  /** After the file was read. Throws `invalid_request`. */
  async toEnd(): Promise<RecordingFields> {
    for (;;) {
      const { value: part, done } = await this.#parts.next()
      if (done === true || part === undefined) return parseFields(recordingFieldsSchema, this.#fields)
      if (part.name === 'file') throw invalidField('file', 'must be there once')
      await this.#read(part)
    }
  }

  async close(): Promise<void> {
    await this.#parts.return?.()
  }

  async #read({ name, chunks }: FormPart): Promise<void> {
    if (Object.hasOwn(this.#fields, name)) throw invalidField(name, 'must be there once')
    const text = await readFieldText({ name, chunks })
    // A script that knows nothing of a field sends it empty.
    if (text !== '') this.#fields[name] = fieldValueOf(name, text)
  }
}

/** Fields of a form are texts. What is no number or no JSON stays text, for the schema to refuse. */
function fieldValueOf(name: string, text: string): unknown {
  if (name === 'duration' || name === 'channels') return /^\s*$/.test(text) ? text : Number(text)
  if (name !== 'metadata') return text
  return parseJsonField(name, text)
}
