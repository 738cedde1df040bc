// The header fields of tus 1.0 (https://tus.io/protocols/resumable-upload), in and out. Pure.
import { MirrorError } from '../../core/errors.ts'

export const TUS_VERSION = '1.0.0'
export const TUS_EXTENSIONS = ['creation', 'creation-with-upload', 'termination', 'expiration', 'checksum'] as const
/** sha1 because the checksum extension demands it; take sha256. */
export const CHECKSUM_ALGORITHMS = ['sha256', 'sha1'] as const
export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number]

export interface Checksum {
  readonly algorithm: ChecksumAlgorithm
  readonly digest: Buffer
}

const MAX_METADATA_CHARS = 8_192
const MAX_METADATA_KEYS = 50

/** `key base64,key base64`; a value may be missing. Throws `invalid_request`. */
export function parseMetadata(header: string | undefined): Record<string, string> {
  if (header === undefined || header.trim() === '') return {}
  if (header.length > MAX_METADATA_CHARS)
    throw invalid(`Upload-Metadata is longer than ${MAX_METADATA_CHARS} characters`)
  const pairs = header.split(',').map((pair) => pair.trim())
  if (pairs.length > MAX_METADATA_KEYS) throw invalid(`Upload-Metadata has more than ${MAX_METADATA_KEYS} keys`)
  const found = new Map<string, string>()
  for (const pair of pairs) {
    const [key = '', value = '', ...more] = pair.split(' ')
    if (!/^[\x21-\x2b\x2d-\x7e]+$/.test(key) || more.length > 0)
      throw invalid('Upload-Metadata has a pair that is none')
    if (found.has(key)) throw invalid(`Upload-Metadata has the key "${key}" twice`)
    found.set(key, decodeText(key, value))
  }
  return Object.fromEntries(found)
}

export function renderMetadata(metadata: Readonly<Record<string, string>>): string {
  return Object.entries(metadata)
    .map(([key, value]) => (value === '' ? key : `${key} ${Buffer.from(value).toString('base64')}`))
    .join(',')
}

/** `sha256 <base64>`. Null: none was sent. Throws `invalid_request`. */
export function parseChecksum(header: string | undefined): Checksum | null {
  if (header === undefined) return null
  const [name = '', encoded = '', ...more] = header.trim().split(/ +/)
  const algorithm = CHECKSUM_ALGORITHMS.find((one) => one === name.toLowerCase())
  if (algorithm === undefined) {
    throw invalid(`Upload-Checksum uses "${name.slice(0, 20)}"; Mirror knows ${CHECKSUM_ALGORITHMS.join(' and ')}`)
  }
  const digest = Buffer.from(encoded, 'base64')
  if (more.length > 0 || digest.length !== (algorithm === 'sha256' ? 32 : 20)) {
    throw invalid(`Upload-Checksum is no ${algorithm} in base64`)
  }
  return { algorithm, digest }
}

/** A number of bytes. Null: the header is missing. Throws `invalid_request`. */
export function parseBytes(name: string, header: string | undefined): number | null {
  if (header === undefined) return null
  const value = /^\d{1,16}$/.test(header.trim()) ? Number(header) : Number.NaN
  if (!Number.isSafeInteger(value)) throw invalid(`${name} is not a number of bytes`)
  return value
}

function decodeText(key: string, value: string): string {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(value)) throw invalid(`Upload-Metadata: the value of "${key}" is not base64`)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(value, 'base64'))
  } catch {
    throw invalid(`Upload-Metadata: the value of "${key}" is not UTF-8`)
  }
}

function invalid(message: string): MirrorError {
  return new MirrorError('invalid_request', message)
}
