// Headers that limit what a page of ours may do, should foreign text ever get into it.
import type { FastifyReply, FastifyRequest } from 'fastify'

const API_POLICY = "default-src 'none'; frame-ancestors 'none'"

/**
 * For the console. hls.js needs `blob:` for media and its worker, and fetches playlists and segments from the media
 * origin. `nonce` is for style elements that UI code makes at run time; scripts come from files only.
 */
export function consolePolicy(mediaOrigin: string, nonce: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    `img-src 'self' data: blob: ${mediaOrigin}`,
    "font-src 'self' data:",
    `media-src 'self' blob: ${mediaOrigin}`,
    `connect-src 'self' ${mediaOrigin}`,
    "worker-src 'self' blob:",
    "manifest-src 'self'",
    `frame-src ${mediaOrigin}`,
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ')
}

export function setSecurityHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply.header('X-Content-Type-Options', 'nosniff')
  reply.header('X-Frame-Options', 'DENY')
  reply.header('Referrer-Policy', 'no-referrer')
  reply.header('Cross-Origin-Opener-Policy', 'same-origin')
  reply.header('Permissions-Policy', 'camera=(), microphone=(), geolocation=()')
  if (request.protocol === 'https') reply.header('Strict-Transport-Security', 'max-age=31536000')
  if (!reply.hasHeader('Content-Security-Policy')) reply.header('Content-Security-Policy', API_POLICY)
  if (!reply.hasHeader('Cache-Control')) reply.header('Cache-Control', 'no-store')
}
