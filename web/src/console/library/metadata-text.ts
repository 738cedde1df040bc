// Metadata as it is typed. Pure.

export type ParsedMetadata =
  | { readonly ok: true; readonly value: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly why: string }

/** Nothing typed is an empty object. */
export function parseMetadata(text: string): ParsedMetadata {
  if (text.trim() === '') return { ok: true, value: {} }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { ok: false, why: `This is no JSON: ${error instanceof Error ? error.message : String(error)}` }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { ok: false, why: 'It must be an object: names and values in braces.' }
  }
  return { ok: true, value: value as Record<string, unknown> }
}
