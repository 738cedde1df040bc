// How values travel between TypeScript and the two databases. Times are integer milliseconds on both.

/**
 * PostgreSQL refuses U+0000 in text and lone surrogates have no UTF-8; both can come in with garbage from the network.
 * Both databases get the same replacement, so that what was written is found again.
 */
export function toStorableText(text: string): string {
  return text.replaceAll('\u0000', '\uFFFD').replace(/\p{Surrogate}/gu, '\uFFFD')
}

export function toParameter(value: unknown): unknown {
  return typeof value === 'string' ? toStorableText(value) : value
}

/** JSON is kept as text on both databases: it is never queried, and key order and numbers survive as written. */
export function encodeJson(value: object): string {
  return JSON.stringify(value)
}

/** Only for columns that encodeJson wrote: what comes back has the type that went in. */
export function decodeJson<T>(text: string): T {
  return JSON.parse(text) as T
}
