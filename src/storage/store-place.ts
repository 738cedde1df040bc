// Where an attached store lies, as it is kept and shown: plain data without secrets. Pure.
import { posix } from 'node:path'
import { describePlace, MIN_PART_BYTES, type S3Settings } from './s3-settings.ts'

/** What a store may be used for; one may be used for everything. */
export const STORE_ROLES = ['originals', 'raw', 'renditions', 'analytics', 'backup'] as const
export type StoreRole = (typeof STORE_ROLES)[number]

export type StorePlace = FolderPlace | S3Place

export interface FolderPlace {
  readonly kind: 'folder'
  /** Absolute. */
  readonly path: string
}

export interface S3Place extends Omit<S3Settings, 'credentials' | 'partBytes' | 'uploadConcurrency'> {
  readonly kind: 's3'
}

export type S3Credentials = NonNullable<S3Settings['credentials']>

/** 8 MiB by 8: bodies of 64 MiB in memory at most. */
const PART_BYTES = Math.max(MIN_PART_BYTES, 8 * 2 ** 20)
const UPLOAD_CONCURRENCY = 8

export function s3SettingsOf({ kind: _kind, ...place }: S3Place, credentials: S3Credentials | null): S3Settings {
  return { ...place, credentials, partBytes: PART_BYTES, uploadConcurrency: UPLOAD_CONCURRENCY }
}

/** For a person. */
export function describeStorePlace(place: StorePlace): string {
  return place.kind === 'folder' ? place.path : describePlace(place)
}

/** True when objects of one could be taken for objects of the other: two stores must not share a folder or a prefix. */
export function isSharedPlace(one: StorePlace, other: StorePlace): boolean {
  if (one.kind === 'folder' && other.kind === 'folder') return isWithin(one.path, other.path)
  if (one.kind !== 's3' || other.kind !== 's3') return false
  if (one.bucket !== other.bucket || hostOf(one) !== hostOf(other)) return false
  return one.prefix.startsWith(other.prefix) || other.prefix.startsWith(one.prefix)
}

function isWithin(one: string, other: string): boolean {
  const [left, right] = [one, other].map((path) => `${posix.resolve(path)}/`.replace(/^\/\/$/, '/'))
  return left !== undefined && right !== undefined && (left.startsWith(right) || right.startsWith(left))
}

/** Buckets of AWS are one name space, whatever the endpoint in front of them. */
function hostOf({ endpoint }: S3Place): string {
  if (endpoint === null) return 'aws'
  const { hostname, host } = new URL(endpoint)
  return /(^|\.)amazonaws\.com(\.cn)?$/.test(hostname) ? 'aws' : host
}
