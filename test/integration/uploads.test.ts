// Resumable uploads over HTTP: what tus 1.0 says, and a real client whose server is killed in the middle.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, open, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tus from 'tus-js-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AssetView } from '../../src/api/asset-contract.ts'
import type { UploadView } from '../../src/api/upload-contract.ts'
import { startTestApi, type TestApi } from '../support/api-server.ts'
import { findFreePort } from '../support/free-port.ts'
import { MirrorProcess } from '../support/mirror-process.ts'

const TUS = { 'tus-resumable': '1.0.0' }
const PART = { ...TUS, 'content-type': 'application/offset+octet-stream' }
const base64 = (text: string | Buffer): string => Buffer.from(text).toString('base64')

let api: TestApi
beforeAll(async () => {
  api = await startTestApi()
})
afterAll(() => api[Symbol.asyncDispose]())

const create = (headers: Readonly<Record<string, string>>, body?: string) =>
  api.request('/api/v1/uploads', {
    method: 'POST',
    headers: { ...TUS, ...headers },
    ...(body === undefined ? {} : { body }),
  })

async function begin(length: number, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const response = await create({ 'upload-length': String(length), ...headers })
  expect(response.status).toBe(201)
  return response.headers.get('location') ?? ''
}

const part = (at: string, offset: number, body: string, headers: Readonly<Record<string, string>> = {}) =>
  api.request(at, { method: 'PATCH', body, headers: { ...PART, 'upload-offset': String(offset), ...headers } })

async function codeOf(response: Response): Promise<string> {
  return `${response.status} ${((await response.json()) as { code: string }).code}`
}

test('what is spoken is told to everybody, what may be done is not', async () => {
  const told = await api.request('/api/v1/uploads', { method: 'OPTIONS', key: null })
  expect(told.status).toBe(204)
  expect(Object.fromEntries(told.headers)).toMatchObject({
    'tus-resumable': '1.0.0',
    'tus-version': '1.0.0',
    'tus-extension': 'creation,creation-with-upload,termination,expiration,checksum',
    'tus-max-size': String(2 ** 20),
    'tus-checksum-algorithm': 'sha256,sha1',
  })
  const at = await begin(4)
  for (const [method, path] of [
    ['POST', '/api/v1/uploads'],
    ['GET', '/api/v1/uploads'],
    ...['HEAD', 'GET', 'PATCH', 'DELETE', 'POST'].map((each) => [each, at]),
  ] as const) {
    const headers = { ...PART, 'upload-length': '4', 'upload-offset': '0' }
    const refused = await api.request(path as string, { method: method as string, key: null, headers })
    expect(refused.status, `${method} ${path}`).toBe(401)
  }
  expect((await part(at, 0, 'abcd')).status).toBe(204)
})

test('an upload is created, asked for, continued and done', async () => {
  const metadata = `filename ${base64('../../etc/passwd')},folder ${base64('a/b')},empty`
  const at = await begin(10, { 'upload-metadata': metadata })
  expect(at).toMatch(/^\/api\/v1\/uploads\/[0-9a-f-]{36}$/)
  const first = await part(at, 0, 'hello')
  expect([first.status, first.headers.get('upload-offset'), first.headers.get('mirror-asset-id')]).toEqual([
    204,
    '5',
    null,
  ])
  expect(Date.parse(first.headers.get('upload-expires') ?? '')).toBeGreaterThan(Date.now())
  const asked = await api.request(at, { method: 'HEAD', headers: TUS })
  expect(Object.fromEntries(asked.headers)).toMatchObject({
    'upload-offset': '5',
    'upload-length': '10',
    'upload-metadata': metadata,
    'cache-control': 'no-store',
  })
  expect(await api.json<UploadView>(at)).toMatchObject({ state: 'receiving', offsetBytes: 5, assetId: null })
  const id = at.split('/').at(-1)
  expect((await part(at, 5, 'world')).headers.get('mirror-asset-id')).toBe(id)
  expect(await api.json<UploadView>(at)).toMatchObject({ state: 'done', offsetBytes: 10, assetId: id })
  expect((await api.json<{ uploads: UploadView[] }>('/api/v1/uploads')).uploads.map((one) => one.id)).toContain(id)
  // A name is data: every upload lies in a folder of its own below the one for uploads.
  for (const name of await readdir(join(api.dataDir, 'uploads'))) expect(name).toMatch(/^[0-9a-f-]{36}$/)
})

test('the first part can come with the creation, and parts by POST where nothing else gets through', async () => {
  const made = await create({ ...PART, 'upload-length': '10' }, 'hello')
  expect([made.status, made.headers.get('upload-offset')]).toEqual([201, '5'])
  const at = made.headers.get('location') ?? ''
  const headers = { ...PART, 'upload-offset': '5', 'x-http-method-override': 'PATCH' }
  expect((await api.request(at, { method: 'POST', headers, body: 'world' })).status).toBe(204)
  const gone = { ...TUS, 'x-http-method-override': 'DELETE' }
  expect((await api.request(at, { method: 'POST', headers: gone })).status).toBe(204)
  expect(await codeOf(await api.request(at, { method: 'GET' }))).toBe('404 upload_not_found')
})

test('what cannot be taken is refused by its name', async () => {
  expect(await codeOf(await api.request('/api/v1/uploads', { method: 'POST' }))).toBe('412 tus_version_unsupported')
  expect(await codeOf(await create({}))).toBe('400 invalid_request')
  expect(await codeOf(await create({ 'upload-length': '-1' }))).toBe('400 invalid_request')
  expect(await codeOf(await create({ 'upload-defer-length': '1' }))).toBe('400 invalid_request')
  expect(await codeOf(await create({ 'upload-length': '0' }))).toBe('400 upload_empty')
  expect(await codeOf(await create({ 'upload-length': String(2 ** 20 + 1) }))).toBe('413 payload_too_large')
  const climbing = { 'upload-length': '1', 'upload-metadata': `folder ${base64('../a')}` }
  expect(await codeOf(await create(climbing))).toBe('400 invalid_request')
  const tagged = { 'upload-length': '1', 'upload-metadata': `tags ${base64('a'.repeat(65))}` }
  expect(await codeOf(await create(tagged))).toBe('400 invalid_request')
  const at = await begin(10)
  expect(await codeOf(await part(at, 5, 'hello'))).toBe('409 upload_offset_wrong')
  expect(await codeOf(await part(at, 0, '{}', { 'content-type': 'application/json' }))).toBe('415 upload_type_wrong')
  expect(await codeOf(await part(at, 0, 'hello world, and more'))).toBe('400 upload_length_wrong')
  expect(await codeOf(await part(at, 0, 'hello', { 'upload-checksum': 'md5 eA==' }))).toBe('400 invalid_request')
  const wrong = `sha256 ${createHash('sha256').update('other').digest('base64')}`
  expect(await codeOf(await part(at, 0, 'hello', { 'upload-checksum': wrong }))).toBe('460 upload_checksum_wrong')
  const right = `sha256 ${createHash('sha256').update('hello').digest('base64')}`
  expect((await part(at, 0, 'hello', { 'upload-checksum': right })).status).toBe(204)
  expect((await api.request(at, { method: 'DELETE', headers: TUS })).status).toBe(204)
  expect((await api.request(at, { method: 'HEAD', headers: TUS })).status).toBe(404)
  for (const id of ['..', '%2e%2e', '..%2f..%2fetc', 'a'.repeat(65), 'constructor']) {
    const asked = await api.request(`/api/v1/uploads/${id}`, { method: 'HEAD', headers: TUS })
    expect([400, 404], id).toContain(asked.status)
  }
})

test('a server that is killed in the middle of a file goes on where it was, and the bytes are the same', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mirror-tus-'))
  try {
    const file = join(folder, 'big file.bin')
    const { sizeBytes, sha256 } = await writeNoise(file, 96)
    await using mirror = await MirrorProcess.start({ env: { MIRROR_API_PORT: String(await findFreePort()) } })
    const asked: string[] = []
    let restarting: Promise<number> | null = null
    const assetId = await new Promise<string>((resolve, reject) => {
      let found = ''
      const upload = new tus.Upload(createReadStream(file), {
        endpoint: `${mirror.consoleUrl}/api/v1/uploads`,
        headers: { authorization: `Bearer ${mirror.apiKey}` },
        metadata: { filename: 'big file.bin' },
        retryDelays: [200, 500, 1_000, 2_000, 4_000, ...new Array<number>(6).fill(8_000)],
        onProgress: (sentBytes) => {
          if (sentBytes < 40 * 2 ** 20 || restarting !== null) return
          restarting = mirror.kill().then(() => mirror.start())
        },
        onAfterResponse: (request, response) => {
          asked.push(`${request.getMethod()} ${response.getHeader('Upload-Offset')}`)
          found = response.getHeader('Mirror-Asset-Id') ?? found
        },
        onSuccess: () => resolve(found),
        onError: reject,
      })
      upload.start()
    })
    await restarting
    const resumedAt = Number(asked.find((each) => each.startsWith('HEAD'))?.split(' ')[1])
    expect(resumedAt, asked.join(', ')).toBeGreaterThanOrEqual(16 * 2 ** 20)
    expect(resumedAt).toBeLessThan(sizeBytes)
    expect(asked.at(-1)).toBe(`PATCH ${sizeBytes}`)
    expect(await mirror.api<AssetView>('GET', `/assets/${assetId}`)).toMatchObject({
      name: 'big file.bin',
      sizeBytes,
      sha256,
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

/** No two MiB are alike, so that bytes in a wrong place are noticed. */
async function writeNoise(
  path: string,
  mebibytes: number,
): Promise<{ readonly sizeBytes: number; readonly sha256: string }> {
  const hash = createHash('sha256')
  await using file = await open(path, 'w')
  for (let n = 0; n < mebibytes; n++) {
    const piece = Buffer.alloc(2 ** 20, createHash('sha256').update(String(n)).digest())
    hash.update(piece)
    await file.writeFile(piece)
  }
  return { sizeBytes: mebibytes * 2 ** 20, sha256: hash.digest('hex') }
}
