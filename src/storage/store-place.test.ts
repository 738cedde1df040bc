import { expect, test } from 'vitest'
import { describeStorePlace, isSharedPlace, type S3Place, type StorePlace, s3SettingsOf } from './store-place.ts'

const folder = (path: string): StorePlace => ({ kind: 'folder', path })
const bucket = (change: Partial<S3Place> = {}): S3Place => ({
  ...{ kind: 's3', endpoint: 'https://s3.example:9000', region: 'eu', bucket: 'media', prefix: '', pathStyle: true },
  storageClass: null,
  ...change,
})

test('folders share a place when one is the other or lies in it', () => {
  expect(isSharedPlace(folder('/srv/a'), folder('/srv/a/'))).toBe(true)
  expect(isSharedPlace(folder('/srv/a'), folder('/srv/a/b'))).toBe(true)
  expect(isSharedPlace(folder('/srv/a/../a/b'), folder('/srv/a'))).toBe(true)
  expect(isSharedPlace(folder('/'), folder('/srv'))).toBe(true)
  expect(isSharedPlace(folder('/srv/a'), folder('/srv/ab'))).toBe(false)
})

test('buckets share a place when a prefix of one begins with that of the other', () => {
  expect(isSharedPlace(bucket(), bucket({ prefix: 'x/', region: 'us' }))).toBe(true)
  expect(isSharedPlace(bucket({ prefix: 'x/' }), bucket({ prefix: 'x/y/' }))).toBe(true)
  expect(isSharedPlace(bucket({ prefix: 'x/' }), bucket({ prefix: 'xy/' }))).toBe(false)
  expect(isSharedPlace(bucket(), bucket({ bucket: 'other' }))).toBe(false)
  expect(isSharedPlace(bucket(), bucket({ endpoint: 'https://other.example' }))).toBe(false)
  expect(isSharedPlace(bucket(), folder('/media'))).toBe(false)
})

test('AWS has one name space for buckets, by whatever address it is reached', () => {
  const plain = bucket({ endpoint: null })
  expect(isSharedPlace(plain, bucket({ endpoint: 'https://s3.eu-west-1.amazonaws.com' }))).toBe(true)
  expect(isSharedPlace(plain, bucket({ endpoint: 'https://amazonaws.com.example' }))).toBe(false)
})

test('a place is described without anything secret, and becomes settings with its credentials', () => {
  expect(describeStorePlace(folder('/srv/a'))).toBe('/srv/a')
  expect(describeStorePlace(bucket({ prefix: 'x/' }))).toBe('https://s3.example:9000/media/x')
  const credentials = { accessKey: 'AK', secretKey: 'SK' }
  expect(s3SettingsOf(bucket(), credentials)).toMatchObject({ bucket: 'media', credentials, pathStyle: true })
})
