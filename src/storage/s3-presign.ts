// Addresses that carry their own signature: AWS Signature Version 4 in the query
// (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html, 2026-11). Pure.
import { createHash, createHmac } from 'node:crypto'
import type { S3Settings } from './s3-settings.ts'

export interface S3Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
}

export interface PresignOrder {
  readonly method: 'PUT' | 'GET'
  /** Where the object is, without a query. */
  readonly url: URL
  readonly query?: Readonly<Record<string, string>>
  /** Lower-case names; whoever uses the address sends exactly these. */
  readonly headers?: Readonly<Record<string, string>>
  readonly region: string
  readonly credentials: S3Credentials
  readonly nowMs: number
  readonly expiresSec: number
}

export function presignUrl(order: PresignOrder): string {
  const { method, url, region, credentials, nowMs, expiresSec } = order
  const time = new Date(nowMs).toISOString().replace(/[-:]|\.\d{3}/g, '')
  const date = time.slice(0, 8)
  const scope = `${date}/${region}/s3/aws4_request`
  const headers = Object.entries({ host: url.host, ...order.headers }).sort(byName)
  const signedHeaders = headers.map(([name]) => name).join(';')
  const query = canonicalQuery({
    ...order.query,
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${credentials.accessKeyId}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': String(expiresSec),
    'X-Amz-SignedHeaders': signedHeaders,
    ...(credentials.sessionToken === undefined ? {} : { 'X-Amz-Security-Token': credentials.sessionToken }),
  })
  const canonical = [
    ...[method, url.pathname, query],
    ...headers.map(([name, value]) => `${name}:${value}`),
    ...['', signedHeaders, 'UNSIGNED-PAYLOAD'],
  ].join('\n')
  const toSign = ['AWS4-HMAC-SHA256', time, scope, createHash('sha256').update(canonical).digest('hex')].join('\n')
  const key = [date, region, 's3', 'aws4_request'].reduce<Uint8Array | string>(
    (from, text) => createHmac('sha256', from).update(text).digest(),
    `AWS4${credentials.secretAccessKey}`,
  )
  const signature = createHmac('sha256', key).update(toSign).digest('hex')
  return `${url.origin}${url.pathname}?${query}&X-Amz-Signature=${signature}`
}

/** Where the bucket keeps what is under `key`, its prefix included. */
export function objectUrl(
  {
    endpoint,
    region,
    bucket,
    pathStyle,
    prefix,
  }: Pick<S3Settings, 'endpoint' | 'region' | 'bucket' | 'pathStyle' | 'prefix'>,
  key: string,
): URL {
  const suffix = region.startsWith('cn-') ? '.cn' : ''
  const base = new URL(endpoint ?? `https://s3.${region}.amazonaws.com${suffix}`)
  const path = `${prefix}${key}`.split('/').map(encodeRfc3986).join('/')
  const host = pathStyle ? base.host : `${bucket}.${base.host}`
  return new URL(`${base.protocol}//${host}/${pathStyle ? `${bucket}/` : ''}${path}`)
}

function canonicalQuery(query: Readonly<Record<string, string>>): string {
  return Object.entries(query)
    .map(([name, value]) => [encodeRfc3986(name), encodeRfc3986(value)] as const)
    .sort(byName)
    .map((pair) => pair.join('='))
    .join('&')
}

/** S3 wants everything escaped that is not unreserved. */
function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`)
}

function byName([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : a > b ? 1 : 0
}
