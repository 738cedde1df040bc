// The form by which content is uploaded: one file, with fields before and behind it.
import type { z } from 'zod'
import { MirrorError } from '../core/errors.ts'
import { type FormPart, readForm } from '../library/intake/multipart.ts'
import { collect } from '../storage/collect.ts'
import { type AssetFields, assetFieldsSchema } from './asset-contract.ts'

const MAX_FIELD_BYTES = 64 * 1024

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
    if (part === null) throw invalid('file', 'is missing')
    this.#parsed()
    return part
  }

  /** After the file was read: all fields. Throws `invalid_request`. */
  async toEnd(): Promise<AssetFields> {
    if ((await this.#next()) !== null) throw invalid('file', 'must be there once')
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
    const parsed = assetFieldsSchema.safeParse(this.#fields)
    if (parsed.success) return parsed.data
    throw explain(parsed.error.issues)
  }

  async #read({ name, chunks }: FormPart): Promise<void> {
    const text = Buffer.from(await collect(limited(name, chunks))).toString('utf8')
    if (text === '') return
    if (name === 'tags') {
      const before = this.#fields['tags']
      this.#fields['tags'] = [...(Array.isArray(before) ? before : []), ...text.split(',').map((tag) => tag.trim())]
      return
    }
    if (Object.hasOwn(this.#fields, name)) throw invalid(name, 'must be there once')
    this.#fields[name] = name === 'metadata' ? jsonOf(name, text) : text
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

function jsonOf(name: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw invalid(name, 'must be JSON')
  }
}

function explain([issue]: readonly z.core.$ZodIssue[]): MirrorError {
  if (issue === undefined) return invalid('', 'is not valid')
  if (issue.code === 'unrecognized_keys') return invalid(issue.keys.join(', '), 'is not known')
  return invalid(issue.path.map(String).join('.'), issue.message)
}

export function invalid(path: string, what: string): MirrorError {
  return new MirrorError('invalid_request', `"${path.slice(0, 100)}" ${what}`, {
    details: { path: path.slice(0, 100) },
  })
}
