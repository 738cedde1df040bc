const UNITS_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** `200ms`, `2s`, `1.5h` → whole milliseconds; null when `text` is not a duration. */
export function parseDuration(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim())
  if (match === null) return null
  const ms = Number(match[1]) * UNITS_MS[match[2] as keyof typeof UNITS_MS]
  return Number.isInteger(ms) && Number.isSafeInteger(ms) ? ms : null
}

/** The shortest exact way to write it, so that parseDuration(formatDuration(x)) is x. */
export function formatDuration(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    if (ms !== 0 && ms % UNITS_MS[unit] === 0) return `${ms / UNITS_MS[unit]}${unit}`
  }
  return ms === 0 ? '0s' : `${ms}ms`
}
