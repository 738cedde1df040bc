// Fields that several shapes of the API have.
import { z } from 'zod'
import { formatDuration, parseDuration } from '../core/duration.ts'
import { STREAM_ID_PATTERN } from '../core/stream-id.ts'

export const streamIdSchema = z
  .string()
  .regex(STREAM_ID_PATTERN, 'must be 1–64 letters, digits or hyphens')
  .meta({ description: 'Stream id: 1–64 characters A–Z a–z 0–9 and hyphen', example: 'studio-1' })

/** A duration as people write it: `200ms`, `2s`, `5m`, `4h`. */
export function durationSchema(minMs: number, maxMs: number) {
  return z.string().refine(
    (text) => {
      const ms = parseDuration(text)
      return ms !== null && ms >= minMs && ms <= maxMs
    },
    { error: `must be a duration such as "2s", from ${formatDuration(minMs)} to ${formatDuration(maxMs)}` },
  )
}

/** A BCP 47 tag in any case. */
export const languageSchema = z
  .string()
  .max(35)
  .refine(isLanguageTag, { error: 'must be a BCP 47 language tag such as "de" or "pt-BR"' })

function isLanguageTag(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1
  } catch {
    return false
  }
}
