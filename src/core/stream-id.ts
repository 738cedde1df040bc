/** Stream ids are 1–64 characters of A–Z, a–z, 0–9 and hyphen, unique per installation. */
export const STREAM_ID_PATTERN = /^[A-Za-z0-9-]{1,64}$/

export function isStreamId(text: string): boolean {
  return STREAM_ID_PATTERN.test(text)
}
