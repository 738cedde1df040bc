// The secrets the API handles, bound to this installation: routes never see the installation secret itself.
import { createPasswords, type Passwords } from '../core/password.ts'
import { deriveKey, lookupOf, newApiKey, newPublishKey, newToken, openSealed, sealSecret } from '../core/secrets.ts'
import { createSignedLinks, type SignedLinks } from '../core/signed-link.ts'

export interface ApiSecrets {
  /** Encrypts a publish key for the catalog. */
  readonly seal: (publishKey: string) => string
  /** Null when it was sealed under another installation secret, or altered. */
  readonly open: (sealed: string) => string | null
  /** Keyed hash by which a publish key is found without storing it in clear. */
  readonly lookup: (publishKey: string) => string
  readonly newPublishKey: () => string
  readonly newApiKey: () => string
  /** For sessions, login links and row ids. */
  readonly newToken: () => string
  readonly passwords: Passwords
  readonly links: SignedLinks
  /** Of addresses at the media origin, whose threads know this key alone. */
  readonly playback: SignedLinks
}

export function createApiSecrets(installationSecret: Uint8Array, passwords: Passwords = createPasswords()): ApiSecrets {
  const sealKey = deriveKey(installationSecret, 'publish-key-seal')
  const lookupKey = deriveKey(installationSecret, 'publish-key-lookup')
  return {
    seal: (publishKey) => sealSecret(publishKey, sealKey),
    open: (sealed) => openSealed(sealed, sealKey),
    lookup: (publishKey) => lookupOf(publishKey, lookupKey),
    newPublishKey: () => newPublishKey(),
    newApiKey: () => newApiKey(),
    newToken: () => newToken(),
    passwords,
    links: createSignedLinks(deriveKey(installationSecret, 'signed-links')),
    playback: createSignedLinks(deriveKey(installationSecret, 'playback-links')),
  }
}
