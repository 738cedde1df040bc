// GET /watch/<id> and /watch-assets/… : the public player page, read once at start.
import { readdir, readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname, join, relative, sep } from 'node:path'
import { answerProblem, CACHE_IMMUTABLE } from './http-answer.ts'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.png': 'image/png',
}

/** The page may be framed anywhere (that is what the iframe snippet is for), but runs nothing except its own files. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; media-src 'self' blob:; worker-src 'self' blob:; base-uri 'none'; form-action 'none'"

export interface WatchPages {
  answerPage(request: IncomingMessage, response: ServerResponse): void
  answerAsset(request: IncomingMessage, response: ServerResponse, path: string): void
}

/** Loads the built page into memory: a few files, a few hundred kilobytes. */
export async function loadWatchPages(dir: string | null): Promise<WatchPages> {
  const files = new Map<string, Buffer>()
  if (dir !== null) {
    for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const path = join(entry.parentPath, entry.name)
      files.set(relative(dir, path).split(sep).join('/'), await readFile(path))
    }
  }
  const send = (request: IncomingMessage, response: ServerResponse, name: string, headers: Record<string, string>) => {
    const body = files.get(name)
    if (body === undefined)
      return answerProblem(
        response,
        'route_not_found',
        'the player page was not built; run "npm start" once, which builds it',
      )
    response.writeHead(200, {
      'Content-Type': TYPES[extname(name)] ?? 'application/octet-stream',
      'Content-Length': body.length,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      ...headers,
    })
    response.end(request.method === 'HEAD' ? undefined : body)
  }
  return {
    answerPage: (request, response) =>
      send(request, response, 'watch.html', { 'Content-Security-Policy': PAGE_POLICY, 'Cache-Control': 'no-cache' }),
    // Asset names carry a hash of their content.
    answerAsset: (request, response, path) => send(request, response, path, { 'Cache-Control': CACHE_IMMUTABLE }),
  }
}
