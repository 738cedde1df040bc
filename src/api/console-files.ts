// Serves the built console: files as they are, and its start page for every address that the page itself interprets.
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ApiApp } from './context.ts'
import { consolePolicy } from './security-headers.ts'

/** Where the start page wants the nonce of its Content-Security-Policy. */
const NONCE_PLACE = /__CSP_NONCE__/g

export interface ConsoleFiles {
  sendStartPage(reply: FastifyReply): FastifyReply
}

export async function registerConsole(
  app: ApiApp,
  options: { readonly consoleDir: string; readonly mediaOrigin: string },
): Promise<ConsoleFiles> {
  const startPage = await readFile(join(options.consoleDir, 'index.html'), 'utf8')
  await app.register(fastifyStatic, {
    root: options.consoleDir,
    serve: false,
    dotfiles: 'ignore',
    cacheControl: false,
  })

  function sendStartPage(reply: FastifyReply): FastifyReply {
    const nonce = randomBytes(16).toString('base64url')
    return reply
      .code(200)
      .type('text/html; charset=utf-8')
      .header('Cache-Control', 'no-cache')
      .header('Content-Security-Policy', consolePolicy(options.mediaOrigin, nonce))
      .send(startPage.replaceAll(NONCE_PLACE, nonce))
  }

  app.route({
    method: 'GET',
    url: '/*',
    config: { access: 'open' },
    schema: { hide: true },
    handler: (request: FastifyRequest, reply) => {
      // Still percent-encoded: sendFile decodes, and refuses what leads out of the folder.
      const path = (request.url.split('?')[0] ?? '/').slice(1)
      if (path === '' || path === 'index.html') return sendStartPage(reply)
      // The build puts a hash of the content into these names.
      const isHashed = path.startsWith('assets/')
      reply.header('Cache-Control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache')
      return reply.sendFile(path)
    },
  })
  return { sendStartPage }
}

/** A person's browser asking for a page, as opposed to a program asking for data or a file that is gone. */
export function wantsPage(request: FastifyRequest): boolean {
  const isPagePath = !/^\/(api|assets)(\/|$)/.test(request.url)
  return isPagePath && request.method === 'GET' && (request.headers.accept ?? '').includes('text/html')
}
