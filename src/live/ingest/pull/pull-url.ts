// Addresses that may be pulled, and how they are shown without their secrets. Pure.
import { redactText } from '../../../core/redact.ts'

export const PULL_SCHEMES = ['rtsp', 'rtsps', 'http', 'https', 'srt', 'rtmp', 'file'] as const
export type PullScheme = (typeof PULL_SCHEMES)[number]

const MASK = '***'

/** Null: not an address of a kind that may be pulled. */
export function parsePullUrl(text: string): { readonly url: URL; readonly scheme: PullScheme } | null {
  const url = URL.parse(text)
  const scheme = PULL_SCHEMES.find((known) => url?.protocol === `${known}:`)
  if (url === null || scheme === undefined) return null
  // Control characters would be dropped by the parser but not by ffmpeg.
  if (/\p{Cc}|\s/u.test(text)) return null
  if (scheme === 'file') {
    const isLocalPath = url.host === '' && url.pathname.length > 1 && url.search === '' && url.hash === ''
    // An encoded slash or zero byte has no place in a path; fileURLToPath would throw.
    return isLocalPath && !/%(?:2f|00)|%(?![0-9a-f]{2})/i.test(url.pathname) ? { url, scheme } : null
  }
  return url.host === '' ? null : { url, scheme }
}

/** The address without user, password, values of the query, and, for RTMP, the stream key that ends its path. */
export function maskUrl(text: string): string {
  const parsed = parsePullUrl(text)
  if (parsed === null) return redactText(text)
  const { url, scheme } = parsed
  if (scheme === 'file') return text
  const user = url.username === '' && url.password === '' ? '' : `${MASK}@`
  const path = scheme === 'rtmp' ? url.pathname.replace(/[^/]+$/, MASK) : url.pathname
  const query = url.search.replace(/=[^&]*/g, `=${MASK}`)
  return `${scheme}://${user}${url.host}${path}${query}`
}

/** `text` (the words of ffmpeg) without what `maskUrl` hides. */
export function maskSecretsOf(pulledUrl: string, text: string): string {
  return secretsOf(pulledUrl).reduce(
    (masked, secret) => masked.replaceAll(secret, MASK),
    redactText(text.replaceAll(pulledUrl, maskUrl(pulledUrl))),
  )
}

/** Every text of an address that must not be seen. Very short ones are left out: masking "1" everywhere hides nothing. */
export function secretsOf(pulledUrl: string): readonly string[] {
  const parsed = parsePullUrl(pulledUrl)
  if (parsed === null || parsed.scheme === 'file') return []
  const { url, scheme } = parsed
  const raw = [url.username, url.password, ...url.search.slice(1).split('&').map(parameterValue)]
  if (scheme === 'rtmp') raw.push(url.pathname.split('/').at(-1) ?? '')
  const secrets = raw.flatMap((secret) => [secret, decoded(secret)]).filter((secret) => secret.length >= 4)
  return [...new Set(secrets)].sort((a, b) => b.length - a.length)
}

function parameterValue(parameter: string): string {
  const equals = parameter.indexOf('=')
  return equals < 0 ? '' : parameter.slice(equals + 1)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
