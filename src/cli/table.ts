// Plain text tables: columns as wide as their widest cell, two spaces apart.

export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)))
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}

/** `label   value`, one per line. */
export function renderFacts(facts: readonly (readonly [string, string])[]): string {
  const width = Math.max(...facts.map(([label]) => label.length))
  return facts.map(([label, value]) => `${label.padEnd(width)}  ${value}\n`.replace(/ +\n$/, '\n')).join('')
}

export function renderBitrate(bitsPerSec: number): string {
  if (bitsPerSec === 0) return '–'
  if (bitsPerSec < 1_000_000) return `${Math.round(bitsPerSec / 1000)} kbit/s`
  return `${(bitsPerSec / 1_000_000).toFixed(1)} Mbit/s`
}

/** 2026-11-21 04:06:00 in UTC, so that two people read the same. */
export function renderTime(iso: string | null): string {
  return iso === null ? '–' : `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`
}

/** Seconds for a person: "1 h 2 min 3 s". */
export function renderSpan(seconds: number): string {
  const hours = Math.floor(seconds / 3600)
  const minutes = Math.floor((seconds % 3600) / 60)
  return `${hours} h ${minutes} min ${Math.round(seconds % 60)} s`
}

/** Bytes for a person. */
export function renderAmount(bytes: number): string {
  if (bytes >= 2 ** 30) return `${(bytes / 2 ** 30).toFixed(1)} GiB`
  if (bytes >= 2 ** 17 || bytes === 0) return `${(bytes / 2 ** 20).toFixed(1)} MiB`
  return `${(bytes / 2 ** 10).toFixed(1)} KiB`
}
