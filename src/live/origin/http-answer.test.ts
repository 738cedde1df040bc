import { createServer, request as httpRequest, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseRange } from '../../core/http-conditions.ts'
import { answerMedia, answerPlaylist, answerProblem, CACHE_PLAYLIST } from './http-answer.ts'

const plain = Buffer.from('#EXTM3U\n')
const bytes = Uint8Array.from({ length: 100 }, (_, index) => index)
let releases = 0
let server: Server

/** Three slices in shared memory, as slabs are. */
function leasedMedia() {
  const shared = new SharedArrayBuffer(100)
  new Uint8Array(shared).set(bytes)
  const buffers = [Buffer.from(shared, 0, 30), Buffer.from(shared, 30, 1), Buffer.from(shared, 31, 69)]
  return { buffers, sizeBytes: 100, release: () => releases++ }
}

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === '/playlist') {
      answerPlaylist(request, response, { plain, gzip: gzipSync(plain) }, CACHE_PLAYLIST)
    } else if (request.url === '/media') {
      answerMedia(request, response, leasedMedia(), { contentType: 'video/mp4', etag: '"v0-1"' })
    } else answerProblem(response, request.url === '/busy' ? 'reload_timeout' : 'media_gone', 'detail')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})

afterAll(() => new Promise((resolve) => server.close(resolve)))

function ask(path: string, headers: Record<string, string> = {}, method = 'GET') {
  const { port } = server.address() as AddressInfo
  return new Promise<{ status: number; headers: IncomingHttpHeaders; body: Buffer }>((resolve, reject) => {
    const request = httpRequest({ port, host: '127.0.0.1', path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      )
    })
    request.once('error', reject)
    request.end()
  })
}

test('media is sent whole, for a year, with its name as ETag, and released once', async () => {
  const before = releases
  const { status, headers, body } = await ask('/media')
  expect(status).toBe(200)
  expect(body.equals(bytes)).toBe(true)
  expect(headers).toMatchObject({
    'content-type': 'video/mp4',
    'content-length': '100',
    'cache-control': 'public, max-age=31536000, immutable',
    'accept-ranges': 'bytes',
    'access-control-allow-origin': '*',
    etag: '"v0-1"',
  })
  await expect.poll(() => releases).toBe(before + 1)
})

test.each([
  ['bytes=0-0', 0, 1],
  ['bytes=29-31', 29, 32],
  ['bytes=90-', 90, 100],
  ['bytes=-5', 95, 100],
  ['bytes=-500', 0, 100],
  ['bytes=31-9007199254740991', 31, 100],
])('%s is bytes %i to %i, over the borders of slabs', async (range, start, end) => {
  const { status, headers, body } = await ask('/media', { range })
  expect(status).toBe(206)
  expect(headers['content-range']).toBe(`bytes ${start}-${end - 1}/100`)
  expect(body.equals(bytes.subarray(start, end))).toBe(true)
})

test.each(['bytes=100-', 'bytes=100-200', 'bytes=-0'])('%s cannot be had', async (range) => {
  const { status, headers } = await ask('/media', { range })
  expect(status).toBe(416)
  expect(headers['content-range']).toBe('bytes */100')
  expect(headers['cache-control']).not.toContain('immutable')
})

test.each(['bytes=5-2', 'bytes=0-1,5-6', 'lines=1-2', 'bytes=-', 'bytes=a-b'])(
  '%s is ignored: everything is sent',
  async (range) => {
    expect(await ask('/media', { range })).toMatchObject({ status: 200, body: Buffer.from(bytes) })
  },
)

test('HEAD tells the same headers and sends nothing', async () => {
  const { status, headers, body } = await ask('/media', {}, 'HEAD')
  expect([status, headers['content-length'], body.length]).toEqual([200, '100', 0])
  const ranged = await ask('/media', { range: 'bytes=0-9' }, 'HEAD')
  expect([ranged.status, ranged.headers['content-length'], ranged.body.length]).toEqual([206, '10', 0])
})

test.each(['"v0-1"', 'W/"v0-1"', '"x", "v0-1"', '*'])('If-None-Match: %s is answered 304', async (header) => {
  const { status, body, headers } = await ask('/media', { 'if-none-match': header })
  expect([status, body.length, headers.etag]).toEqual([304, 0, '"v0-1"'])
})

test('another ETag changes nothing; a range of another version is not sent', async () => {
  expect((await ask('/media', { 'if-none-match': '"v0-2"' })).status).toBe(200)
  expect((await ask('/media', { range: 'bytes=0-9', 'if-range': '"v0-2"' })).status).toBe(200)
  expect((await ask('/media', { range: 'bytes=0-9', 'if-range': '"v0-1"' })).status).toBe(206)
})

test('every answer gives its memory back, whatever its status', async () => {
  const before = releases
  await ask('/media', { 'if-none-match': '*' })
  await ask('/media', { range: 'bytes=500-' })
  await ask('/media', {}, 'HEAD')
  await expect.poll(() => releases).toBe(before + 3)
})

test.each([
  ['gzip, deflate, br', true],
  ['br;q=1, gzip;q=0.5', true],
  ['identity', false],
  ['gzip;q=0', false],
  ['', false],
])('a playlist for "%s": gzip %s', async (encoding, isGzip) => {
  const { headers, body } = await ask('/playlist', { 'accept-encoding': encoding })
  expect(headers['content-encoding']).toBe(isGzip ? 'gzip' : undefined)
  expect((isGzip ? gunzipSync(body) : body).equals(plain)).toBe(true)
  expect(headers).toMatchObject({ vary: 'Accept-Encoding', 'accept-ranges': 'none', 'cache-control': CACHE_PLAYLIST })
})

test('problems are short-lived, and those of the moment are not kept at all', async () => {
  const gone = await ask('/gone')
  expect(gone.status).toBe(410)
  expect(gone.headers['cache-control']).toBe('public, max-age=1')
  expect(JSON.parse(gone.body.toString())).toMatchObject({ code: 'media_gone', status: 410 })
  const busy = await ask('/busy')
  expect([busy.status, busy.headers['cache-control'], busy.headers['retry-after']]).toEqual([503, 'no-store', '1'])
})

test('a range of a file of one byte', () => {
  expect(parseRange('bytes=0-', 1)).toEqual({ start: 0, end: 1 })
  expect(parseRange(undefined, 1)).toBeNull()
})
