// Addresses that open one thing for whoever holds them, until they expire. Pure.
import { createHmac, timingSafeEqual } from 'node:crypto'

export const MIN_LINK_MS = 1000
export const MAX_LINK_MS = 7 * 86_400_000

/** Signed with it, so that what another version signs is no valid link. */
const VERSION = 'mirror link 1'

export interface SignedLinks {
  /** `path` with `expires` (milliseconds since 1970) and `signature` as its query. */
  sign(path: string, expiresAtMs: number): string
  /** `url` as it was asked for: path and query. */
  judge(url: string, nowMs: number): LinkVerdict
}

/** `invalid`: not signed here, or altered since. */
export type LinkVerdict = 'valid' | 'expired' | 'invalid'

/** `key`: 32 bytes of this purpose alone. Whoever has another one signs nothing that is valid here. */
export function createSignedLinks(key: Uint8Array): SignedLinks {
  const signatureOf = (path: string, expires: string) =>
    createHmac('sha256', key).update(`${VERSION}\n${expires}\n${path}`, 'utf8').digest()

  return {
    sign(path, expiresAtMs) {
      const expires = String(expiresAtMs)
      return `${path}?expires=${expires}&signature=${signatureOf(path, expires).toString('base64url')}`
    },

    judge(url, nowMs) {
      // As it was written: two spellings of one path are two paths, and only one of them was signed.
      const [path = '', query = ''] = splitOnce(url, '?')
      const [, expires = '', signature = ''] = /^expires=(\d{1,15})&signature=([A-Za-z0-9_-]{43})$/.exec(query) ?? []
      const given = Buffer.from(signature, 'base64url')
      const right = signatureOf(path, expires)
      // The last of 43 characters has two bits to spare: other spellings of the same bytes are no signatures.
      const isRight = given.byteLength === right.byteLength && timingSafeEqual(given, right)
      if (!isRight || given.toString('base64url') !== signature) return 'invalid'
      return nowMs < Number(expires) ? 'valid' : 'expired'
    },
  }
}

function splitOnce(text: string, at: string): readonly [string, string] {
  const index = text.indexOf(at)
  return index < 0 ? [text, ''] : [text.slice(0, index), text.slice(index + 1)]
}
