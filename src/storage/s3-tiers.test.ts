// What an archive asks and answers, on a server that plays AWS: no server at hand archives for real.
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { collect } from './collect.ts'
import { parseObjectKey } from './keys.ts'
import type { ObjectKey } from './object-store.ts'
import type { S3Settings } from './s3-settings.ts'
import { openS3Store, type S3Store } from './s3-store.ts'
import { parseRestoreHeader } from './s3-tiers.ts'

const NOW_MS = Date.UTC(2026, 10, 21, 12)
const HOUR_MS = 3_600_000
const EXPIRY = 'Tue, 24 Nov 2026 00:00:00 GMT'
const call = { signal: new AbortController().signal }
const key = parseObjectKey('dvr/a b/1.pack') as ObjectKey

interface Archived {
  storageClass: string
  /** `x-amz-restore` */
  restore: string | null
}

interface PlayedAws extends AsyncDisposable {
  readonly store: S3Store
  readonly object: Archived
  readonly requests: readonly {
    readonly line: string
    readonly headers: IncomingMessage['headers']
    readonly body: string
  }[]
}

async function playAws(object: Archived): Promise<PlayedAws> {
  const requests: { line: string; headers: IncomingMessage['headers']; body: string }[] = []
  const server = createServer(async (request, response) => {
    const body = Buffer.from(await collect(request)).toString()
    const { method = '', url = '', headers } = request
    requests.push({ line: `${method} ${url}`, headers, body })
    const isReadable = object.storageClass === 'STANDARD' || object.restore?.includes('expiry-date') === true
    const refuse = (status: number, code: string) =>
      response.writeHead(status).end(`<Error><Code>${code}</Code><Message>no</Message></Error>`)
    if (method === 'POST' && url.includes('restore')) {
      if (object.restore?.includes('true') === true) return refuse(409, 'RestoreAlreadyInProgress')
      object.restore ??= 'ongoing-request="true"'
      return response.writeHead(202).end()
    }
    if (method === 'PUT') {
      if (!isReadable) return refuse(403, 'InvalidObjectState')
      object.storageClass = String(headers['x-amz-storage-class'])
      return response.end('<CopyObjectResult><ETag>"2"</ETag></CopyObjectResult>')
    }
    if (method === 'GET' && !isReadable) return refuse(403, 'InvalidObjectState')
    response.setHeader('ETag', '"1"').setHeader('Content-Length', 4)
    if (object.storageClass !== 'STANDARD') response.setHeader('x-amz-storage-class', object.storageClass)
    if (object.restore !== null) response.setHeader('x-amz-restore', object.restore)
    return response.end(method === 'HEAD' ? undefined : 'kept')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const settings: S3Settings = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'us-east-1',
    bucket: 'media',
    prefix: 'p/',
    credentials: { accessKey: 'AKIATEST', secretKey: 'secret' },
    pathStyle: true,
    storageClass: null,
    partBytes: 5 * 2 ** 20,
    uploadConcurrency: 4,
  }
  const store = openS3Store(settings, { randomId: () => 'id', nowMs: () => NOW_MS })
  return {
    ...{ store, object, requests },
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      server.closeAllConnections()
      server.close()
    },
  }
}

test('x-amz-restore is read as AWS writes it', () => {
  expect(parseRestoreHeader(undefined)).toEqual({ kind: 'archived' })
  expect(parseRestoreHeader('ongoing-request="true"')).toEqual({ kind: 'restoring', readyAtMs: null })
  expect(parseRestoreHeader(`ongoing-request="false", expiry-date="${EXPIRY}"`)).toEqual({
    kind: 'restored',
    untilMs: Date.UTC(2026, 10, 24),
  })
})

test('reading an archived object fails at once, and tells whether it is on its way', async () => {
  await using aws = await playAws({ storageClass: 'GLACIER', restore: null })
  await expect(aws.store.get(key, call)).rejects.toMatchObject({
    code: 'object_archived',
    details: { restore: 'archived' },
  })
  aws.object.restore = 'ongoing-request="true"'
  const readyAtMs = NOW_MS + 5 * HOUR_MS
  await expect(aws.store.get(key, call)).rejects.toMatchObject({ details: { restore: 'restoring', readyAtMs } })
  expect(await aws.store.head(key, call)).toMatchObject({ tier: 'archive', restore: { kind: 'restoring', readyAtMs } })
  expect(aws.requests.map(({ line }) => line.split(' ')[0])).toEqual(['GET', 'HEAD', 'GET', 'HEAD', 'HEAD'])
})

test('a restore is asked for once, in days, and followed until it is there', async () => {
  await using aws = await playAws({ storageClass: 'DEEP_ARCHIVE', restore: null })
  const keep = { ...call, keepMs: 36 * HOUR_MS }
  const restoring = { kind: 'restoring', readyAtMs: NOW_MS + 12 * HOUR_MS }
  expect(await aws.store.restore(key, keep)).toEqual(restoring)
  expect(await aws.store.restore(key, keep)).toEqual(restoring)
  const asked = aws.requests.filter(({ line }) => line.startsWith('POST'))
  expect(asked.map(({ line }) => line)).toEqual(['POST /media/p/dvr/a%20b/1.pack?restore='])
  expect(asked[0]?.body).toContain('<Days>2</Days>')
  expect(asked[0]?.body).toContain('<GlacierJobParameters><Tier>Standard</Tier></GlacierJobParameters>')
  aws.object.restore = `ongoing-request="false", expiry-date="${EXPIRY}"`
  expect(await aws.store.restore(key, keep)).toEqual({ kind: 'restored', untilMs: Date.UTC(2026, 10, 24) })
  await using body = await aws.store.get(key, call)
  expect(Buffer.from(await collect(body?.chunks ?? (async function* () {})())).toString()).toBe('kept')
})

test('two that ask at the same moment both hear that it is on its way', async () => {
  await using aws = await playAws({ storageClass: 'GLACIER', restore: null })
  const keep = { ...call, keepMs: HOUR_MS }
  const states = await Promise.all([aws.store.restore(key, keep), aws.store.restore(key, keep)])
  expect(states.map((state) => state?.kind)).toEqual(['restoring', 'restoring'])
})

test('an object moves up only when it is restored, and keeps what is known about it', async () => {
  await using aws = await playAws({ storageClass: 'GLACIER', restore: null })
  await expect(aws.store.copyToTier(key, 'hot', call)).rejects.toMatchObject({ code: 'object_archived' })
  aws.object.restore = `ongoing-request="false", expiry-date="${EXPIRY}"`
  expect(await aws.store.copyToTier(key, 'hot', call)).toMatchObject({ from: 'archive', to: 'hot', sizeBytes: 4 })
  const put = aws.requests.find(({ line }) => line.startsWith('PUT'))
  expect(put?.headers).toMatchObject({
    'x-amz-copy-source': 'media/p/dvr/a%20b/1.pack',
    'x-amz-storage-class': 'STANDARD',
    'x-amz-metadata-directive': 'COPY',
  })
})
