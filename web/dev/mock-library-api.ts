// The routes of the library and of recordings, for the mock API.
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  MOCK_LABELS,
  mockAssets,
  mockExplanation,
  mockPicture,
  mockRecordings,
  mockSound,
  mockUpload,
  mockWaveform,
} from './mock-library.ts'

export interface MockAnswer {
  json(status: number, body: unknown): void
  problem(status: number, code: string, title: string, detail: string, advice: string): void
}

/** False: that is no route of these. */
export function answerLibrary(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  isEmpty: boolean,
  { json, problem }: MockAnswer,
): boolean {
  const query = new URL(request.url ?? '/', 'http://mock').searchParams
  const nowMs = Date.now()
  if (path.startsWith('/uploads')) return answerUploads(request, response, path, { json, problem })
  if (path === '/assets/labels') return done(json(200, isEmpty ? { folders: [], tags: [] } : MOCK_LABELS))
  if (path === '/objects/explain') return done(json(200, { objects: [mockExplanation(query.get('key') ?? '', nowMs)] }))
  if (path === '/assets') {
    const isTrash = query.get('trash') === 'true'
    const [q, kind, status, folder] = ['q', 'kind', 'status', 'folder'].map((name) => query.get(name))
    const found = isEmpty
      ? []
      : mockAssets(nowMs).filter(
          (asset) =>
            (q === null || q === undefined || asset.name.toLowerCase().includes(q.toLowerCase())) &&
            (kind === null || asset.kind === kind) &&
            (status === null || asset.status === status) &&
            (folder === null || asset.folder === folder) &&
            query.getAll('tag').every((tag) => asset.tags.includes(tag)),
        )
    const assets = isTrash
      ? found.slice(7, 11).map((asset, at) => ({ ...asset, ...trashed(nowMs, at) }))
      : found
    return done(json(200, { assets, nextCursor: !isTrash && found.length > 9 ? 'more' : null }))
  }
  const [, id, rest] = /^\/assets\/([^/]+)(?:\/(.*))?$/.exec(path) ?? []
  if (id !== undefined) {
    const asset = mockAssets(nowMs).find((each) => each.id === id.replace('trashed-', ''))
    if (asset === undefined) return done(problem(404, 'asset_not_found', 'There is no such asset', `There is no asset ${id}`, 'List them.'))
    if (rest === 'renditions/waveform') return done(json(200, mockWaveform(27.4)))
    if (rest === 'renditions/m4a') return done(void response.writeHead(200, { 'content-type': 'audio/wav' }).end(mockSound()))
    if (rest?.startsWith('renditions/mp4') === true || (rest === 'original' && asset.kind === 'video')) return done(void response.writeHead(404).end())
    if (rest?.startsWith('renditions/') === true || rest === 'original') {
      return done(void response.writeHead(200, { 'content-type': 'image/svg+xml' }).end(mockPicture(asset.id, nowMs)))
    }
    if (rest?.startsWith('url') === true) {
      const expiresAt = new Date(nowMs + 86_400_000).toISOString()
      return done(json(200, { url: `https://mirror.example/links/assets/default/${id}/original?expires=1795286400000&signature=q0dXo3i8Zr6m4L1vJfK9nYtB2cWsE5uHgA7xPzQeRkM`, expiresIn: 86_400, expiresAt }))
    }
    return done(json(200, id.startsWith('trashed-') ? { ...asset, ...trashed(nowMs, 1) } : asset))
  }
  return answerRecordings(response, path, query, isEmpty, { json, problem })
}

function answerRecordings(response: ServerResponse, path: string, query: URLSearchParams, isEmpty: boolean, { json, problem }: MockAnswer): boolean {
  if (!path.startsWith('/recordings')) return false
  const all = isEmpty ? [] : mockRecordings(Date.now())
  if (path === '/recordings') {
    const q = query.get('q')
    const status = query.get('status')
    const recordings = all.filter((each) => (q === null || each.callId.startsWith(q)) && (status === null || each.status === status))
    return done(json(200, { recordings, total: recordings.length === all.length && all.length > 0 ? 12_408 : recordings.length, page: 1, limit: 50, nextCursor: q === null && all.length > 0 ? 'more' : null }))
  }
  if (path === '/recordings/policy') {
    const days = { hotToWarmDays: 30, warmToColdDays: 90, retentionDays: 365 }
    const none = { source: 'configuration', id: null, version: null, updatedAt: null, updatedBy: null }
    return done(json(200, { ...none, ...days, enabled: true, active: true, defaults: days, history: [], job: null }))
  }
  const [, id, rest] = /^\/recordings\/([^/]+)(?:\/(.*))?$/.exec(path) ?? []
  const recording = all.find((each) => each.id === id)
  if (recording === undefined) return done(problem(404, 'call_recording_not_found', 'There is no such recording', 'It is gone.', 'List them.'))
  if (rest === 'waveform') return done(json(200, mockWaveform(recording.durationSec ?? 60)))
  if (rest === 'stream') return done(void response.writeHead(200, { 'content-type': 'audio/wav' }).end(mockSound()))
  return done(json(200, recording))
}

/** What is called "large" is refused, "done" arrives, everything else takes for ever. */
function answerUploads(request: IncomingMessage, response: ServerResponse, path: string, { json, problem }: MockAnswer): boolean {
  const tus = { 'tus-resumable': '1.0.0' }
  const id = path.split('/')[2]
  if (request.method === 'POST') {
    const coded = /filename ([^,]+)/.exec(String(request.headers['upload-metadata'] ?? ''))?.[1] ?? ''
    const name = Buffer.from(coded, 'base64').toString('utf8')
    if (name.includes('large')) {
      return done(problem(413, 'payload_too_large', 'It is too large', 'It has 12000000000 bytes; at most 10737418240 are taken', 'Send a smaller file, or raise assets.maxBytes.'))
    }
    return done(void response.writeHead(201, { ...tus, location: `/api/v1/uploads/${name.includes('done') ? `done-${String(request.headers['upload-length'])}` : 'slow'}` }).end())
  }
  if (request.method === 'PATCH') {
    // What is not read stays on its way.
    if (id?.startsWith('done-') === true) {
      request.resume()
      request.on('end', () => response.writeHead(204, { ...tus, 'upload-offset': id.slice(5), 'mirror-asset-id': 'a1' }).end())
    }
    return true
  }
  return done(json(200, mockUpload(id ?? '')))
}

function trashed(nowMs: number, at: number) {
  const day = 86_400_000
  return {
    deletedAt: new Date(nowMs - at * day).toISOString(),
    scheduledDeletionAt: new Date(nowMs + (30 - at * 9) * day).toISOString(),
  }
}

function done(_answered: void): true {
  return true
}
