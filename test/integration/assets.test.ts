// Uploaded content from the form to its renditions: over the API, the WebSocket and the command line, and through a kill.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import type { CreatedApiKeyView } from '../../src/api/access-contract.ts'
import type {
  AssetLabelsView,
  AssetLinkView,
  AssetPageView,
  AssetView,
  UploadedAssetView,
} from '../../src/api/asset-contract.ts'
import { asset } from '../contract/assets.ts'
import { ADMIN_TOKEN, type TestApi } from '../support/api-server.ts'
import { startAssetApi } from '../support/asset-api.ts'
import { adminEnvironment, runCommand } from '../support/command-line.ts'
import { MirrorProcess } from '../support/mirror-process.ts'

const run = promisify(execFile)

let api: TestApi
let folder: string
let pictures: number

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-library-'))
  pictures = 0
  api = await startAssetApi()
})

afterAll(async () => {
  await api?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

/** No two alike. */
async function picture(width = 64, height = 48): Promise<Uint8Array<ArrayBuffer>> {
  pictures += 1
  const background = { r: pictures % 256, g: 90, b: 160 }
  const noise = { type: 'gaussian', mean: 128, sigma: 30 } as const
  const bytes = await sharp({ create: { width, height, channels: 3, background, noise } })
    .png()
    .toBuffer()
  return new Uint8Array(bytes)
}

type Fields = Readonly<Record<string, string>>

function formOf(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
  { before = {}, behind = {} }: { before?: Fields; behind?: Fields },
) {
  const form = new FormData()
  for (const [field, value] of Object.entries(before)) form.append(field, value)
  form.append('file', new Blob([bytes], { type: 'text/html' }), name)
  for (const [field, value] of Object.entries(behind)) form.append(field, value)
  return form
}

async function send(form: FormData, key: string | null = ADMIN_TOKEN): Promise<Response> {
  const headers: Record<string, string> = key === null ? {} : { authorization: `Bearer ${key}` }
  return await fetch(`${api.url}/api/v1/assets`, { method: 'POST', headers, body: form })
}

async function upload(bytes: Uint8Array<ArrayBuffer>, name: string, fields: { before?: Fields; behind?: Fields } = {}) {
  const response = await send(formOf(bytes, name, fields))
  expect([200, 201]).toContain(response.status)
  return (await response.json()) as UploadedAssetView
}

async function problemOf(response: Response): Promise<readonly [number, unknown]> {
  return [response.status, ((await response.json()) as { readonly code?: string }).code]
}

/** ISO/IEC 23008-12, 6.5.3: the image spatial extents property, a full box. */
function avifSize(bytes: Uint8Array) {
  const file = Buffer.from(bytes)
  const at = file.indexOf('ispe', 0, 'latin1')
  return { width: file.readUInt32BE(at + 8), height: file.readUInt32BE(at + 12) }
}

const view = async (id: string) => await api.json<AssetView>(`/api/v1/assets/${id}`)

async function ready(id: string): Promise<AssetView> {
  await expect.poll(async () => (await view(id)).status, { timeout: 60_000 }).toBe('ready')
  return await view(id)
}

test('a picture is uploaded, told of step by step, and its renditions are what another program says they are', async () => {
  const heard: { readonly type: string; readonly data: { readonly details?: Readonly<Record<string, unknown>> } }[] = []
  const socket = new WebSocket(`${api.url.replace('http', 'ws')}/api/v1/ws`, ['bearer', ADMIN_TOKEN])
  socket.on('message', (text) => heard.push(JSON.parse(String(text)) as (typeof heard)[number]))
  await new Promise((resolve) => socket.once('open', resolve))
  socket.send(JSON.stringify({ type: 'subscribe', data: { topics: ['assets'] } }))
  await expect.poll(() => heard.map(({ type }) => type)).toContain('subscribed')

  const bytes = await picture(1000, 500)
  const fields = { before: { folder: '/Reise//Norden/', tags: 'See, Boot' }, behind: { metadata: '{"iso":100}' } }
  const response = await send(formOf(bytes, 'C:\\Fjord.PNG', fields))
  const { asset: uploaded, duplicate } = (await response.json()) as UploadedAssetView
  expect([response.status, response.headers.get('location'), duplicate]).toEqual([
    ...[201, `/api/v1/assets/${uploaded.id}`, false],
  ])
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  expect(uploaded).toMatchObject({
    ...{ name: 'Fjord.PNG', extension: 'png', folder: 'Reise/Norden', tags: ['See', 'Boot'], metadata: { iso: 100 } },
    ...{ kind: 'image', contentType: 'image/png', sizeBytes: bytes.byteLength, sha256, tenant: 'default' },
    ...{ storageKey: `assets/default/${uploaded.id}/original`, scheduledDeletionAt: null, trashSec: 30 * 86_400 },
  })
  const done = await ready(uploaded.id)
  expect(done).toMatchObject({ percent: 100, failure: null, facts: { width: 1000, height: 500, format: 'png' } })
  const assetEvents = () =>
    heard.filter(({ type, data }) => type.startsWith('asset.') && data.details?.['assetId'] === done.id)
  await expect.poll(() => assetEvents().at(-1)?.type).toBe('asset.ready')
  expect(assetEvents().map(({ type, data }) => [type, data.details?.['percent']])).toEqual([
    ...[['asset.created', 0], ...[0, 14, 28, 42, 57, 71, 85].map((percent) => ['asset.progress', percent])],
    ['asset.ready', 100],
  ])
  socket.close()

  const sizes = { thumbnail: [150, 75], medium: [800, 400], webp: [1000, 500], avif: [1000, 500] } as const
  const codecs = { thumbnail: 'mjpeg', medium: 'mjpeg', webp: 'webp', avif: 'av1' } as const
  expect(done.renditions.map(({ name }) => name).sort()).toEqual(Object.keys(sizes).sort())
  for (const { name, path, sizeBytes, sha256: sum } of done.renditions) {
    const body = new Uint8Array(await (await api.request(path)).arrayBuffer())
    expect([body.byteLength, createHash('sha256').update(body).digest('hex')]).toEqual([sizeBytes, sum])
    const file = join(folder, name)
    await writeFile(file, body)
    const asked = ['-v', 'error', '-show_entries', 'stream=codec_name,width,height', '-of', 'json', file]
    const { streams } = JSON.parse((await run('ffprobe', asked)).stdout) as { streams: object[] }
    const [width, height] = sizes[name as keyof typeof sizes]
    const codec_name = codecs[name as keyof typeof codecs]
    // An ffprobe before 6.1 does not look for the size of an AVIF where that is.
    const judged = name === 'avif' ? { ...streams[0], ...avifSize(body) } : streams[0]
    expect(judged).toEqual({ codec_name, width, height })
  }
  const original = await api.request(`/api/v1/assets/${done.id}/original`, { headers: { range: 'bytes=5-9' } })
  expect([original.status, Buffer.from(await original.arrayBuffer())]).toEqual([
    206,
    Buffer.from(bytes.subarray(5, 10)),
  ])
  const metrics = await (await api.request('/metrics')).text()
  expect(metrics).toContain('uploads_total{kind="image",result="stored"} 1')
})

test('bytes that are there already make no second asset, and come out of the trash', async () => {
  const bytes = await picture()
  const first = await upload(bytes, 'one.png')
  expect(await upload(bytes, 'two.png')).toMatchObject({
    duplicate: true,
    asset: { id: first.asset.id, name: 'one.png' },
  })
  await api.json(`/api/v1/assets/${first.asset.id}`, { method: 'DELETE' })
  const trash = await api.json<AssetPageView>('/api/v1/assets?trash=true')
  expect(trash.assets.map(({ id }) => id)).toEqual([first.asset.id])
  const { deletedAt, scheduledDeletionAt } = trash.assets[0] ?? {}
  expect(Date.parse(scheduledDeletionAt ?? '') - Date.parse(deletedAt ?? '')).toBe(30 * 86_400_000)
  const again = await upload(bytes, 'three.png')
  expect(again).toMatchObject({ duplicate: true, asset: { id: first.asset.id, deletedAt: null } })
})

test('a signed link opens what it names until it expires, and nothing of what is in the trash', async () => {
  const { id } = await ready((await upload(await picture(), 'link.png')).asset.id)
  const link = await api.json<AssetLinkView>(`/api/v1/assets/${id}/url?rendition=thumbnail&expiresIn=60`)
  const path = link.url.replace(/^https?:\/\/[^/]+/, '')
  const open = async (at: string) => await api.request(at, { key: null })
  const opened = await open(path)
  expect([opened.status, opened.headers.get('content-type')]).toEqual([200, 'image/jpeg'])
  expect(opened.headers.get('content-disposition')).toContain('link-thumbnail.jpg')
  await opened.arrayBuffer()
  for (const other of [
    path.replace('thumbnail', 'medium'),
    path.replace('/renditions/thumbnail', '/original'),
    `${path}x`,
  ]) {
    expect(await problemOf(await open(other))).toEqual([403, 'link_invalid'])
  }
  api.clock.skipMs += 61_000
  expect((await problemOf(await open(path)))[1]).toBe('link_expired')
  const later = await api.json<AssetLinkView>(`/api/v1/assets/${id}/url`)
  await api.json(`/api/v1/assets/${id}`, { method: 'DELETE' })
  const gone = await open(later.url.replace(/^https?:\/\/[^/]+/, ''))
  expect(await problemOf(gone)).toEqual([404, 'asset_not_found'])
})

test('a list is filtered, searched and paged; what was changed is found by its new words', async () => {
  const ids: string[] = []
  for (const [n, name] of ['Möwe am Kai.png', 'Leuchtturm.png', 'Kai im Nebel.png'].entries()) {
    const fields = { before: { folder: 'Hafen', tags: n === 1 ? 'Turm' : 'Kai,Wasser' } }
    ids.push((await upload(await picture(), name, fields)).asset.id)
    api.clock.skipMs += 1000
  }
  const [gull, tower, fog] = ids
  const list = async (query: string) => {
    const { assets, nextCursor } = await api.json<AssetPageView>(`/api/v1/assets?folder=Hafen&${query}`)
    return { ids: assets.map(({ id }) => id), nextCursor }
  }
  expect((await list('q=mow')).ids).toEqual([gull])
  const labels = await api.json<AssetLabelsView>('/api/v1/assets/labels')
  expect([labels.folders.includes('Hafen'), labels.tags]).toEqual([true, expect.arrayContaining(['Kai', 'Turm'])])
  expect((await list('q=KAI')).ids).toEqual([fog, gull])
  expect((await list('tag=Kai&tag=Wasser&kind=image')).ids).toEqual([fog, gull])
  expect((await list('status=failed')).ids).toEqual([])
  const first = await list('limit=2')
  expect(first.ids).toEqual([fog, tower])
  expect(await list(`limit=2&cursor=${first.nextCursor}`)).toEqual({ ids: [gull], nextCursor: null })
  expect(await problemOf(await api.request('/api/v1/assets?cursor=nonsense'))).toEqual([400, 'invalid_request'])
  const body = { name: 'Alter Turm.png', tags: ['Turm'], folder: 'Hafen/Alt', metadata: { a: [1, null] } }
  expect(await api.json(`/api/v1/assets/${gull}`, { method: 'PATCH', body })).toMatchObject(body)
  expect((await list('q=mow')).ids).toEqual([])
  const found = await api.json<AssetPageView>('/api/v1/assets?q=alter+turm&folder=Hafen%2FAlt')
  expect(found.assets.map(({ id }) => id)).toEqual([gull])
})

test('a picture in a further size is made when it is first asked for, once, and only in sizes of the list', async () => {
  const { id } = await ready((await upload(await picture(800, 400), 'sizes.png')).asset.id)
  const path = `/api/v1/assets/${id}/renditions/fit-640-webp`
  const bodies = await Promise.all(
    Array.from({ length: 6 }, async () => Buffer.from(await (await api.request(path)).arrayBuffer())),
  )
  expect(await sharp(bodies[0]).metadata()).toMatchObject({ format: 'webp', width: 640, height: 320 })
  for (const body of bodies) expect(body.equals(bodies[0] ?? Buffer.alloc(0))).toBe(true)
  expect((await view(id)).renditions.map(({ name }) => name)).toContain('fit-640-webp')
  // Of a size that is there nothing is read again.
  expect((await api.request(path, { headers: { range: 'bytes=0-3' } })).status).toBe(206)
  const link = await api.json<AssetLinkView>(`/api/v1/assets/${id}/url?rendition=fit-320-jpeg`)
  const opened = await api.request(link.url.replace(/^https?:\/\/[^/]+/, ''), { key: null })
  expect(await sharp(Buffer.from(await opened.arrayBuffer())).metadata()).toMatchObject({ format: 'jpeg', width: 320 })
  for (const name of ['fit-641-webp', 'fit-640-png', '..%2Foriginal']) {
    const asked = await api.request(`/api/v1/assets/${id}/renditions/${name}`)
    expect(await problemOf(asked)).toEqual([404, 'rendition_not_found'])
    const refused = await api.request(`/api/v1/assets/${id}/url?rendition=${name}`)
    expect(await problemOf(refused)).toEqual([404, 'rendition_not_found'])
  }
})

async function originals(): Promise<readonly string[]> {
  const keys: string[] = []
  const { signal } = new AbortController()
  for await (const { key } of api.options.store.list('assets/', { signal }))
    if (key.endsWith('/original')) keys.push(key)
  return keys
}

test('what cannot be taken is refused with what is wrong, and nothing is kept of it', async () => {
  const before = await originals()
  const bytes = await picture()
  const refusals: readonly (readonly [FormData, number, string])[] = [
    [formOf(new Uint8Array(0), 'empty.png', {}), 400, '"file" has no bytes'],
    [formOf(new Uint8Array(2 ** 23), 'large.bin', {}), 413, ''],
    [formOf(bytes, 'a.png', { behind: { folder: '../up' } }), 400, '"folder"'],
    [formOf(bytes, 'a.png', { before: { metadata: '{' } }), 400, '"metadata" must be JSON'],
    [formOf(bytes, 'a.png', { behind: { colour: 'red' } }), 400, '"colour" is not known'],
    [formOf(bytes, 'a.png', { behind: { tags: 'x'.repeat(65) } }), 400, '"tags.0"'],
  ]
  for (const [form, status, words] of refusals) {
    const response = await send(form)
    const { detail } = (await response.json()) as { readonly detail: string }
    expect([response.status, detail]).toEqual([status, expect.stringContaining(words)])
  }
  const noFile = new FormData()
  noFile.append('name', 'x')
  expect(await problemOf(await send(noFile))).toEqual([400, 'invalid_request'])
  expect(await problemOf(await api.request('/api/v1/assets', { method: 'POST', body: { url: 'x' } }))).toEqual([
    ...[400, 'invalid_request'],
  ])
  expect(await originals()).toEqual(before)
})

const ROUTES = [
  ['POST', '', 'operator'],
  ['GET', '', 'viewer'],
  ['GET', '/labels', 'viewer'],
  ['GET', '/:id', 'viewer'],
  ['PATCH', '/:id', 'operator'],
  ['DELETE', '/:id', 'operator'],
  ['POST', '/:id/restore', 'operator'],
  ['POST', '/:id/process', 'operator'],
  ['PUT', '/:id/subtitles/:language', 'operator'],
  ['DELETE', '/:id/subtitles/:language', 'operator'],
  ['GET', '/:id/url', 'viewer'],
  ['GET', '/:id/original', 'viewer'],
  ['GET', '/:id/renditions/:rendition', 'viewer'],
] as const

describe('who may do what', () => {
  let viewer: string

  beforeAll(async () => {
    const body = { name: 'reader', role: 'viewer' }
    viewer = (await api.json<CreatedApiKeyView>('/api/v1/api-keys', { method: 'POST', body })).key
    await api.catalog.assets.add(asset('theirs', { tenantId: 'other', tags: ['theirs'], folder: 'theirs' }))
  })

  test('the routes below are all there are', () => {
    const found = api.server.routes
      .filter(({ url, method }) => url.startsWith('/api/v1/assets') && method !== 'HEAD')
      .map(({ method, url, access }) => `${method} ${url.slice('/api/v1/assets'.length)} ${access}`)
    expect(found.sort()).toEqual(ROUTES.map((route) => route.join(' ')).sort())
  })

  test.each(ROUTES)(
    '%s /assets%s: nobody without a key, no reader where things change, and no asset of others',
    async (method, route, access) => {
      const named = route.replace(':id', 'theirs').replace(':rendition', 'thumbnail').replace(':language', 'de')
      const path = `/api/v1/assets${named}`
      const ask = async (key: string | null) => {
        const body = method === 'PATCH' ? { name: 'mine' } : undefined
        return await api.request(path, { method, key, ...(body === undefined ? {} : { body }) })
      }
      expect(await problemOf(await ask(null))).toEqual([401, 'unauthorized'])
      if (access === 'operator') expect(await problemOf(await ask(viewer))).toEqual([403, 'forbidden'])
      if (route.includes(':id')) expect(await problemOf(await ask(ADMIN_TOKEN))).toEqual([404, 'asset_not_found'])
    },
  )

  test('no list and no search shows an asset of others', async () => {
    for (const query of ['limit=100', 'q=bild', 'tag=theirs', 'folder=theirs']) {
      const { assets } = await api.json<AssetPageView>(`/api/v1/assets?${query}`)
      expect(assets.map(({ id }) => id)).not.toContain('theirs')
    }
    const labels = await api.json<AssetLabelsView>('/api/v1/assets/labels')
    expect([...labels.folders, ...labels.tags]).not.toContain('theirs')
    expect(await api.catalog.assets.get('other', 'theirs')).toEqual(
      asset('theirs', { tenantId: 'other', tags: ['theirs'], folder: 'theirs' }),
    )
  })
})

test('the command uploads, lists, searches, shows, deletes and restores', async () => {
  const mirror = async (...args: string[]) => await runCommand(['asset', ...args], { env: adminEnvironment(api) })
  const file = join(folder, 'Düne.png')
  await writeFile(file, await picture())
  const [sent] = JSON.parse((await mirror('upload', file, '--tag', 'Sand', '--folder', 'cli', '--json')).stdout) as [
    UploadedAssetView,
  ]
  const { id } = sent.asset
  await ready(id)
  expect((await mirror('upload', file)).stdout).toContain('was there already')
  expect((await mirror('search', 'dune', 'sa')).stdout).toContain(id)
  expect((await mirror('list', '--folder', 'cli', '--kind', 'video')).stdout).not.toContain(id)
  expect((await mirror('show', id)).stdout).toMatch(
    /Düne\.png[\s\S]*64 × 48[\s\S]*ready[\s\S]*avif +image\/avif +64 × 48/,
  )
  expect((await mirror('delete', id)).stdout).toContain('is in the trash')
  expect((await mirror('list', '--trash')).stdout).toContain(id)
  expect((await mirror('restore', id)).stdout).toContain('is back')
  const missing = await mirror('upload', join(folder, 'none.png'))
  expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining('none.png cannot be read')])
  expect((await mirror('show', 'nobody')).stderr).toContain('There is no asset nobody')
})

test('killed in the middle of a picture, Mirror goes on at the step that was under way', async () => {
  await using mirror = await MirrorProcess.start()
  const form = formOf(await picture(1200, 800), 'large.png', {})
  const headers = () => ({ authorization: `Bearer ${mirror.apiKey}` })
  const response = await fetch(`${mirror.consoleUrl}/api/v1/assets`, { method: 'POST', headers: headers(), body: form })
  const { id } = ((await response.json()) as UploadedAssetView).asset
  const seen = async () => await mirror.api<AssetView>('GET', `/assets/${id}`)
  let before = await seen()
  await expect
    .poll(
      async () => {
        before = await seen()
        // While one stands still it may get as far as its end.
        return before.step?.name ?? before.status
      },
      { timeout: 60_000, interval: 5 },
    )
    .toMatch(/^(?:webp|avif|ready)$/)
  await mirror.kill()
  await mirror.start()
  await expect.poll(async () => (await seen()).status, { timeout: 60_000 }).toBe('ready')
  const after = await seen()
  expect(after.renditions).toHaveLength(4)
  // What was there before the kill was not made again.
  expect(after.renditions).toEqual(expect.arrayContaining(before.renditions))
  await expect.poll(() => readdir(join(mirror.dataDir, 'scratch', 'assets'))).toEqual([])
  const downloaded = await fetch(`${mirror.consoleUrl}/api/v1/assets/${id}/original`, { headers: headers() })
  const sha256 = createHash('sha256')
    .update(new Uint8Array(await downloaded.arrayBuffer()))
    .digest('hex')
  expect(sha256).toBe(after.sha256)
})
