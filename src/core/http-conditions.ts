// What a request says about the bytes it wants (RFC 9110). Pure.

/** RFC 9110 13.1.2: `*` or a list, compared weakly. */
export function isNamed(header: string | undefined, etag: string): boolean {
  const tags = header?.split(',').map((tag) => tag.trim()) ?? []
  return tags.includes('*') || tags.includes(etag) || tags.includes(`W/${etag}`)
}

/** One byte range, end exclusive; null: send everything (no range, several ranges, or another unit). */
export function parseRange(
  header: string | undefined,
  sizeBytes: number,
): { readonly start: number; readonly end: number } | null | 'unsatisfiable' {
  const match = /^bytes=(\d{0,16})-(\d{0,16})$/.exec(header ?? '')
  if (match === null) return null
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return null
  if (first === '') {
    const suffix = Number(last)
    return suffix === 0 ? 'unsatisfiable' : { start: Math.max(0, sizeBytes - suffix), end: sizeBytes }
  }
  const start = Number(first)
  const end = last === '' ? sizeBytes : Math.min(sizeBytes, Number(last) + 1)
  if (start >= sizeBytes) return 'unsatisfiable'
  return end <= start ? null : { start, end }
}
