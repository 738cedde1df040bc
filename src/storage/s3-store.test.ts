import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { redactFacts } from '../core/redact.ts'
import { parseObjectKey } from './keys.ts'
import type { ObjectKey } from './object-store.ts'
import type { S3Settings } from './s3-settings.ts'
import { openS3Store, type S3Store } from './s3-store.ts'

const signal = new AbortController().signal
const put = { signal, contentType: 'application/json' }
const SECRET = 'a-secret-that-must-not-show'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** A server that answers as `answer` does, and a store on it. */
async function storeOn(answer: Answer): Promise<{ readonly store: S3Store } & AsyncDisposable> {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const store = openStore(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  return {
    store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      server.closeAllConnections()
      server.close()
    },
  }
}

function openStore(endpoint: string): S3Store {
  const settings: S3Settings = {
    endpoint,
    region: 'us-east-1',
    bucket: 'media',
    prefix: '',
    credentials: { accessKey: 'AKIATEST', secretKey: SECRET },
    pathStyle: true,
    storageClass: null,
    partBytes: 5 * 2 ** 20,
    uploadConcurrency: 4,
  }
  return openS3Store(settings, { randomId: () => `id-${Math.random()}`, nowMs: Date.now })
}

function key(text: string): ObjectKey {
  return parseObjectKey(text)!
}

function drained(answer: Answer): Answer {
  return (request, response) => void request.resume().on('end', () => answer(request, response))
}

test('a store that ignores conditional creation is found out before it can let two win', async () => {
  const seen: string[] = []
  await using place = await storeOn(
    drained((request, response) => {
      seen.push(`${request.method} ${request.url?.split('?')[0]}`)
      response.setHeader('etag', '"1"').end()
    }),
  )
  await expect(place.store.put(key('timeline/a'), Buffer.from('1'), { ...put, ifAbsent: true })).rejects.toMatchObject({
    code: 'store_cannot',
    message: expect.stringContaining('If-None-Match'),
  })
  expect(seen.filter((line) => line.includes('timeline'))).toEqual([])
  expect(await place.store.put(key('timeline/a'), Buffer.from('1'), put)).toMatchObject({ etag: '1', sizeBytes: 1 })
})

test('a store whose answer is lost while its conditions are found out is not taken for one that has none', async () => {
  let [etag, puts, isLost] = ['', 0, false]
  await using place = await storeOn(
    drained((request, response) => {
      if (request.method !== 'PUT') return response.writeHead(204).end()
      const wanted = request.headers['if-match']
      if (wanted !== undefined && wanted !== etag) return response.writeHead(412).end()
      etag = `"${++puts}"`
      // The first replacement that is done: whoever sends it again finds another etag than it knew.
      if (wanted === undefined || isLost) return response.setHeader('etag', etag).end()
      isLost = true
      response.destroy()
    }),
  )
  // One etag for all keys: finding out changes it.
  const first = await place.store.put(key('a'), Buffer.from('1'), put)
  expect(await place.store.put(key('a'), Buffer.from('2'), { ...put, ifMatch: first?.etag ?? '' })).toBeNull()
  expect(isLost).toBe(true)
  const again = await place.store.put(key('a'), Buffer.from('1'), put)
  expect(await place.store.put(key('a'), Buffer.from('2'), { ...put, ifMatch: again?.etag ?? '' })).not.toBeNull()
})

test('no checksum is sent to a store that is not AWS', async () => {
  const headers: string[] = []
  await using place = await storeOn(
    drained((request, response) => {
      headers.push(...Object.keys(request.headers))
      response.setHeader('etag', '"1"').end()
    }),
  )
  await place.store.put(key('a'), Buffer.from('1'), put)
  expect(headers).toContain('x-amz-content-sha256')
  expect(headers.filter((name) => name.startsWith('x-amz-checksum') || name.startsWith('x-amz-sdk-checksum'))).toEqual(
    [],
  )
})

test('a store that takes no batches of deletes is asked one by one', async () => {
  const seen: string[] = []
  await using place = await storeOn(
    drained((request, response) => {
      seen.push(`${request.method} ${request.url?.split('?')[0]}`)
      response.writeHead(request.method === 'POST' ? 501 : 204).end()
    }),
  )
  await place.store.delete([key('a'), key('b')], { signal })
  expect(seen.filter((line) => line.startsWith('DELETE')).sort()).toEqual(['DELETE /media/a', 'DELETE /media/b'])
})

test('a slow reader slows the store', async () => {
  const total = 64 * 2 ** 20
  let sentBytes = 0
  await using place = await storeOn((_, response) => {
    response.writeHead(200, { 'content-length': total, etag: '"1"' })
    const more = (): void => {
      while (sentBytes < total) {
        sentBytes += 65_536
        if (!response.write(Buffer.alloc(65_536))) return
      }
    }
    response.on('drain', more)
    more()
  })
  await using body = await place.store.get(key('a'), { signal })
  for await (const _ of body!.chunks) {
    // Nothing flows while the chunk is looked at: what the sockets hold is all that the server gets rid of.
    const before = await settled(() => sentBytes)
    expect(before).toBeLessThan(total / 2)
    break
  }
})

test('a body that breaks off is an error, not a short object', async () => {
  await using place = await storeOn((_, response) => {
    response.writeHead(200, { 'content-length': 100, etag: '"1"' })
    response.write(Buffer.alloc(40), () => response.destroy())
  })
  await using body = await place.store.get(key('a'), { signal })
  const reading = (async () => {
    for await (const _ of body!.chunks);
  })()
  await expect(reading).rejects.toMatchObject({
    code: 'store_unavailable',
    message: expect.stringContaining('40 of 100 bytes of a'),
  })
})

test('a store that never answers is given up as soon as the caller does', async () => {
  await using place = await storeOn(() => {})
  const started = performance.now()
  const deadline = AbortSignal.timeout(200)
  await expect(place.store.head(key('a'), { signal: deadline })).rejects.toBe(await reasonOf(deadline))
  await expect(
    place.store.put(key('a'), Buffer.from('1'), { ...put, ifAbsent: true, signal: AbortSignal.timeout(200) }),
  ).rejects.toMatchObject({ name: 'TimeoutError' })
  expect(performance.now() - started).toBeLessThan(5000)
})

test('what a person reads when a store fails holds no secret', async () => {
  await using place = await storeOn(
    drained((request, response) => {
      const said = `<?xml version="1.0"?><Error><Code>SignatureDoesNotMatch</Code><StringToSign>${request.headers.authorization}</StringToSign><Message>no</Message></Error>`
      response.writeHead(403, { 'content-type': 'application/xml' }).end(said)
    }),
  )
  const error: unknown = await place.store.put(key('a'), Buffer.from('1'), put).catch((failure: unknown) => failure)
  expect(error).toMatchObject({
    code: 'store_unavailable',
    message: expect.stringContaining('the secret key does not belong to the access key'),
  })
  const logged = JSON.stringify(redactFacts({ error }))
  expect(logged).not.toContain(SECRET)
  expect(logged).not.toContain('AWS4-HMAC')
})

async function reasonOf(stopped: AbortSignal): Promise<unknown> {
  if (!stopped.aborted) await once(stopped, 'abort')
  return stopped.reason
}

/** The value once it has stopped growing. */
async function settled(value: () => number): Promise<number> {
  for (let before = -1; before !== value(); ) {
    before = value()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return value()
}
