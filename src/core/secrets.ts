// Keys, tokens and what is kept of them. Plain text of a secret never leaves the caller.
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'
import { chmod, link, mkdir, open, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { MirrorError } from './errors.ts'

/** Secure random bytes; a parameter so that tests can choose them. */
export type RandomBytes = (count: number) => Uint8Array

/** What a key derived from the installation secret is for. Two purposes never share a key. */
export type SecretPurpose = 'publish-key-seal' | 'publish-key-lookup' | 'playback-links' | 'signed-links'

const SECRET_BYTES = 32

/**
 * The installation secret: 32 random bytes in `<data folder>/secrets/installation`, made at the first start.
 * Of several processes that start at once all get the same one. Losing the file loses every sealed key.
 */
export async function openInstallationSecret(dataDir: string, random: RandomBytes = randomBytes): Promise<Uint8Array> {
  const folder = join(dataDir, 'secrets')
  const file = join(folder, 'installation')
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await chmod(folder, 0o700) // It may have been made by hand, or come out of a backup.
    const secret = (await readIfPresent(file)) ?? (await createSecretFile(folder, file, random))
    await chmod(file, 0o600)
    if (secret.byteLength === SECRET_BYTES) return secret
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new MirrorError('data_folder_not_writable', `The installation secret cannot be kept: ${reason}`, {
      cause: error,
    })
  }
  throw new MirrorError(
    'config_invalid',
    `${file} is damaged (it must have ${SECRET_BYTES} bytes): restore it from a backup; without it the stored publish keys cannot be read`,
  )
}

/** The same without making one; null when there is none, or it is damaged. */
export async function readInstallationSecret(dataDir: string): Promise<Uint8Array | null> {
  const secret = await readIfPresent(join(dataDir, 'secrets', 'installation'))
  return secret?.byteLength === SECRET_BYTES ? secret : null
}

/** A 32-byte key for one purpose (HKDF-SHA-256, RFC 5869): knowing it tells nothing about the secret or other keys. */
export function deriveKey(secret: Uint8Array, purpose: SecretPurpose): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(0), `mirror/v1/${purpose}`, 32))
}

const SEAL_VERSION = 1
const NONCE_BYTES = 12 // AES-GCM's own size, NIST SP 800-38D section 8.2
const TAG_BYTES = 16

/** Encrypts with AES-256-GCM under `key` (of `deriveKey`): base64url of version, nonce, cipher text, tag. */
export function sealSecret(text: string, key: Uint8Array, random: RandomBytes = randomBytes): string {
  const header = Buffer.from([SEAL_VERSION])
  const nonce = random(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(header)
  const sealed = [header, nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]
  return Buffer.concat(sealed).toString('base64url')
}

/** Null when `sealed` was changed or sealed under another key: the installation secret was replaced. */
export function openSealed(sealed: string, key: Uint8Array): string | null {
  const bytes = Buffer.from(sealed, 'base64url')
  if (bytes[0] !== SEAL_VERSION || bytes.byteLength < 1 + NONCE_BYTES + TAG_BYTES) return null
  try {
    const nonce = bytes.subarray(1, 1 + NONCE_BYTES)
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
    decipher.setAAD(bytes.subarray(0, 1))
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
    const text = decipher.update(bytes.subarray(1 + NONCE_BYTES, -TAG_BYTES))
    return Buffer.concat([text, decipher.final()]).toString('utf8')
  } catch {
    return null
  }
}

/**
 * HMAC-SHA-256 of a publish key, hex: finds the key without keeping it readable. `hmacKey` is
 * `deriveKey(secret, 'publish-key-lookup')`; media threads and the SRT child get only that, never the secret itself.
 */
export function lookupOf(key: string, hmacKey: Uint8Array): string {
  return createHmac('sha256', hmacKey).update(key, 'utf8').digest('hex')
}

/** SHA-256, hex: what is stored of API keys, sessions and login links. Enough, because those are long and random. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token, 'utf8').digest('hex')
}

/** Compares in a time that tells nothing about where or in what length they differ. */
export function isSameSecret(a: string, b: string): boolean {
  return timingSafeEqual(
    createHash('sha256').update(a, 'utf8').digest(),
    createHash('sha256').update(b, 'utf8').digest(),
  )
}

/** Crockford's base 32 in lower case: no i, l, o, u, so nothing can be misread. Five bits per character. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

/** 120 bits. Only letters and digits: goes unescaped into RTMP names, SRT stream ids and URLs. */
export function newPublishKey(random: RandomBytes = randomBytes): string {
  return randomText(24, random)
}

/** 160 bits behind `mk_`, by which a key is recognised in logs and scanners. */
export function newApiKey(random: RandomBytes = randomBytes): string {
  return `mk_${randomText(32, random)}`
}

/** 200 bits: sessions and login links. */
export function newToken(random: RandomBytes = randomBytes): string {
  return randomText(40, random)
}

function randomText(length: number, random: RandomBytes): string {
  // 256 is a multiple of 32: taking five bits of each byte favours no character.
  return Array.from(random(length), (byte) => ALPHABET.charAt(byte & 31)).join('')
}

async function readIfPresent(file: string): Promise<Uint8Array | null> {
  try {
    return await readFile(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** Appears whole or not at all, and never replaces one that is there: link() lets exactly one process win. */
async function createSecretFile(folder: string, file: string, random: RandomBytes): Promise<Uint8Array> {
  const temp = join(folder, `.installation-${process.pid}-${Buffer.from(randomBytes(6)).toString('hex')}`)
  const handle = await open(temp, 'wx', 0o600)
  try {
    await handle.writeFile(random(SECRET_BYTES))
    await handle.sync()
  } finally {
    await handle.close()
  }
  try {
    await link(temp, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await unlink(temp)
  }
  const parent = await open(folder, 'r')
  try {
    await parent.sync()
  } finally {
    await parent.close()
  }
  return await readFile(file)
}
