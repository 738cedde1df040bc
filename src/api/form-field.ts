// What the fields of uploading forms have in common: texts, limited, and refused by name.
import type { z } from 'zod'
import { MirrorError } from '../core/errors.ts'
import type { FormPart } from '../library/intake/multipart.ts'
import { collect } from '../storage/collect.ts'

const MAX_FIELD_BYTES = 64 * 1024
const MAX_PATH_CHARS = 100

/** Throws `invalid_request` for one that is too long. */
export async function readFieldText({ name, chunks }: Pick<FormPart, 'name' | 'chunks'>): Promise<string> {
  return Buffer.from(await collect(limited(name, chunks))).toString('utf8')
}

/** Throws `invalid_request`. */
export function parseJsonField(name: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw invalidField(name, 'must be JSON')
  }
}

/** Throws `invalid_request` that names the first field that is wrong. */
export function parseFields<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  if (issue === undefined) throw invalidField('', 'is not valid')
  if (issue.code === 'unrecognized_keys') throw invalidField(issue.keys.join(', '), 'is not known')
  throw invalidField(issue.path.map(String).join('.'), issue.message)
}

export function invalidField(path: string, what: string): MirrorError {
  const named = path.slice(0, MAX_PATH_CHARS)
  return new MirrorError('invalid_request', `"${named}" ${what}`, { details: { path: named } })
}

async function* limited(name: string, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  let size = 0
  for await (const chunk of chunks) {
    size += chunk.byteLength
    if (size > MAX_FIELD_BYTES) throw invalidField(name, `must be at most ${MAX_FIELD_BYTES} bytes`)
    yield chunk
  }
}
