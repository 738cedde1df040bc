import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  deriveKey,
  hashToken,
  isSameSecret,
  lookupOf,
  newApiKey,
  newPublishKey,
  newToken,
  openInstallationSecret,
  openSealed,
  sealSecret,
} from './secrets.ts'

const secret = new Uint8Array(32).fill(7)
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-secrets-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

test('the installation secret is made once, readable by its owner alone', async () => {
  const first = await openInstallationSecret(folder)
  expect(first).toHaveLength(32)
  expect(Buffer.compare(await openInstallationSecret(folder), first)).toBe(0)
  expect((await stat(join(folder, 'secrets'))).mode & 0o777).toBe(0o700)
  expect((await stat(join(folder, 'secrets', 'installation'))).mode & 0o777).toBe(0o600)
  expect(await readdir(join(folder, 'secrets'))).toEqual(['installation'])
})

test('of many that start at once all get the same secret', async () => {
  const secrets = await Promise.all(Array.from({ length: 20 }, () => openInstallationSecret(folder)))
  expect(new Set(secrets.map((each) => Buffer.from(each).toString('hex'))).size).toBe(1)
  expect(await readdir(join(folder, 'secrets'))).toEqual(['installation'])
})

test('permissions that were opened up are closed again', async () => {
  await openInstallationSecret(folder)
  const file = join(folder, 'secrets', 'installation')
  await chmod(file, 0o644)
  await openInstallationSecret(folder)
  expect((await stat(file)).mode & 0o777).toBe(0o600)
})

test('a damaged secret is refused and left as it is', async () => {
  await openInstallationSecret(folder)
  const file = join(folder, 'secrets', 'installation')
  await writeFile(file, 'short')
  await expect(openInstallationSecret(folder)).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringContaining(file),
  })
  expect(await readFile(file, 'utf8')).toBe('short')
})

test('a data folder that cannot hold it is named', async () => {
  await writeFile(join(folder, 'file'), 'x')
  await expect(openInstallationSecret(join(folder, 'file'))).rejects.toMatchObject({ code: 'data_folder_not_writable' })
})

test('purposes and secrets have keys of their own, always the same', () => {
  const seal = Buffer.from(deriveKey(secret, 'publish-key-seal')).toString('hex')
  // Independent judge: python3 hmac, HKDF-SHA-256 of 32 bytes 07, no salt, info "mirror/v1/publish-key-seal".
  expect(seal).toBe('b38e78b72544252821ec61a44299b6406c26bff92a096ee2d3fb3ec243d224ec')
  expect(Buffer.from(deriveKey(secret, 'publish-key-lookup')).toString('hex')).not.toBe(seal)
  expect(Buffer.from(deriveKey(new Uint8Array(32), 'publish-key-seal')).toString('hex')).not.toBe(seal)
})

test('what is sealed opens with the same key only', () => {
  const key = deriveKey(secret, 'publish-key-seal')
  for (const text of ['', 'k', 'schlüssel 🎬', 'x'.repeat(10_000)])
    expect(openSealed(sealSecret(text, key), key)).toBe(text)
  expect(openSealed(sealSecret('k', key), deriveKey(secret, 'publish-key-lookup'))).toBeNull()
  expect(sealSecret('k', key)).not.toBe(sealSecret('k', key))
  expect(sealSecret('k', key)).toMatch(/^[A-Za-z0-9_-]+$/)
})

test('a sealed text with any bit changed, or cut anywhere, does not open', () => {
  const key = deriveKey(secret, 'publish-key-seal')
  const sealed = Buffer.from(sealSecret('secret', key), 'base64url')
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const changed = Buffer.from(sealed)
    changed[bit >> 3]! ^= 1 << (bit & 7)
    expect(openSealed(changed.toString('base64url'), key)).toBeNull()
  }
  for (let length = 0; length < sealed.length; length += 1) {
    expect(openSealed(sealed.subarray(0, length).toString('base64url'), key)).toBeNull()
  }
})

test('a lookup is the HMAC-SHA-256 of the key', () => {
  // RFC 4231, test case 2.
  expect(lookupOf('what do ya want for nothing?', Buffer.from('Jefe'))).toBe(
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  )
})

test('a token hash is its SHA-256', () => {
  expect(hashToken('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})

test('keys and tokens are readable, unescaped and different', () => {
  expect(newPublishKey()).toMatch(/^[0-9a-hjkmnp-tv-z]{24}$/)
  expect(newApiKey()).toMatch(/^mk_[0-9a-hjkmnp-tv-z]{32}$/)
  expect(newToken()).toMatch(/^[0-9a-hjkmnp-tv-z]{40}$/)
  expect(new Set(Array.from({ length: 1000 }, () => newPublishKey())).size).toBe(1000)
  expect(newPublishKey((count) => new Uint8Array(count).map((_, n) => n + 224))).toBe('0123456789abcdefghjkmnpq')
})

test('every character is equally likely', () => {
  const all = Uint8Array.from({ length: 256 }, (_, n) => n)
  const text = Array.from({ length: 8 }, (_, n) =>
    newApiKey((count) => all.subarray(n * 32, n * 32 + count)).slice(3),
  ).join('')
  expect([...text].sort().join('')).toBe([...'0123456789abcdefghjkmnpqrstvwxyz'].map((char) => char.repeat(8)).join(''))
})

test('secrets are the same or not, whatever their lengths', () => {
  expect(isSameSecret('abc', 'abc')).toBe(true)
  expect(isSameSecret('', '')).toBe(true)
  for (const other of ['', 'ab', 'abd', 'abcd', 'ABC', randomBytes(99).toString('hex')]) {
    expect(isSameSecret('abc', other)).toBe(false)
  }
})
