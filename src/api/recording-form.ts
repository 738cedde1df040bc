// The form by which a PBX sends a recording: fields before and behind one file.
import type { z } from 'zod'
import { MirrorError } from '../core/errors.ts'
import { type FormPart, readForm } from '../library/intake/multipart.ts'
import { collect } from '../storage/collect.ts'
import { type RecordingFields, recordingFieldsSchema } from './recording-contract.ts'

const MAX_FIELD_BYTES = 64 * 1024

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
      if (done === true || part === undefined) throw invalid('file', 'is missing')
      if (part.name !== 'file') await this.#read(part)
      else return { file: part, fields: parse(recordingFieldsSchema.partial(), this.#fields) }
    }
  }

  /** After the file was read. Throws `invalid_request`. */
  async toEnd(): Promise<RecordingFields> {
    for (;;) {
      const { value: part, done } = await this.#parts.next()
      if (done === true || part === undefined) return parse(recordingFieldsSchema, this.#fields)
      if (part.name === 'file') throw invalid('file', 'must be there once')
      await this.#read(part)
    }
  }

  async close(): Promise<void> {
    await this.#parts.return?.()
  }

  async #read({ name, chunks }: FormPart): Promise<void> {
    if (Object.hasOwn(this.#fields, name)) throw invalid(name, 'must be there once')
    const text = Buffer.from(await collect(limited(name, chunks))).toString('utf8')
    // A script that knows nothing of a field sends it empty.
    if (text !== '') this.#fields[name] = fieldValueOf(name, text)
  }
}

/** Fields of a form are texts. What is no number or no JSON stays text, for the schema to refuse. */
function fieldValueOf(name: string, text: string): unknown {
  if (name === 'duration' || name === 'channels') return /^\s*$/.test(text) ? text : Number(text)
  if (name !== 'metadata') return text
  try {
    return JSON.parse(text)
  } catch {
    throw invalid(name, 'must be JSON')
  }
}

async function* limited(name: string, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  let size = 0
  for await (const chunk of chunks) {
    size += chunk.byteLength
    if (size > MAX_FIELD_BYTES) throw invalid(name, `must be at most ${MAX_FIELD_BYTES} bytes`)
    yield chunk
  }
}

/** Throws `invalid_request` that names the first field that is wrong. */
export function parse<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  if (issue === undefined) throw invalid('', 'is not valid')
  if (issue.code === 'unrecognized_keys') throw invalid(issue.keys.join(', '), 'is not known')
  throw invalid(issue.path.map(String).join('.'), issue.message)
}

function invalid(path: string, what: string): MirrorError {
  return new MirrorError('invalid_request', `"${path}" ${what}`, { details: { path } })
}
