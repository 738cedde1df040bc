const UNITS_BYTES = {
  B: 1,
  kB: 1_000,
  MB: 1_000_000,
  GB: 1_000_000_000,
  TB: 1_000_000_000_000,
  KiB: 1_024,
  MiB: 1_048_576,
  GiB: 1_073_741_824,
  TiB: 1_099_511_627_776,
} as const

/** `5MiB`, `1.5GiB`, `64kB`, `100B` → whole bytes; null when `text` is not a size. */
export function parseSize(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s?(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)$/.exec(text.trim())
  if (match === null) return null
  const bytes = Number(match[1]) * UNITS_BYTES[match[2] as keyof typeof UNITS_BYTES]
  return Number.isSafeInteger(bytes) ? bytes : null
}

/** The shortest exact way to write it in binary units, so that parseSize(formatSize(x)) is x. */
export function formatSize(bytes: number): string {
  for (const unit of ['TiB', 'GiB', 'MiB', 'KiB'] as const) {
    if (bytes !== 0 && bytes % UNITS_BYTES[unit] === 0) return `${bytes / UNITS_BYTES[unit]}${unit}`
  }
  return `${bytes}B`
}
