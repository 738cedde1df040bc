// Keys ↔ file names of a folder store. Pure.

/** Holds bodies that are being written; no key maps into it, because a leading dot is escaped. */
export const TEMP_FOLDER = '.tmp'

/**
 * Characters that some file system refuses in a name (Windows, SMB, exFAT), and `%` itself. Dots and spaces at the end
 * are dropped by some, a dot at the start hides the file and could climb (`..`).
 */
const UNSAFE = /[%<>:"|?*\\]|^\.|[. ]$/g

export function encodeSegment(segment: string): string {
  return segment.replace(UNSAFE, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
}

/** Null for a name that `encodeSegment` does not produce: a foreign file. */
export function decodeName(name: string): string | null {
  const segment = name.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return encodeSegment(segment) === name ? segment : null
}

/** Relative to the store's folder. */
export function pathOfKey(key: string): string {
  return key.split('/').map(encodeSegment).join('/')
}
