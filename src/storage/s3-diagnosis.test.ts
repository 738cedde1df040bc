import { expect, test } from 'vitest'
import { diagnoseS3, type S3Fault, type S3Place } from './s3-diagnosis.ts'

const place: S3Place = { endpoint: 'https://s3.example', region: 'eu-central-1', bucket: 'media', pathStyle: true }
const nowMs = Date.UTC(2026, 10, 21)
const fault: S3Fault = {
  name: 'Error',
  status: null,
  systemCode: null,
  message: '',
  serverTimeMs: null,
  bucketRegion: null,
  action: 'PutObject',
}

const CASES: readonly [what: string, fault: Partial<S3Fault>, place: Partial<S3Place>, reason: string, says: string][] =
  [
    ['nobody listens', { systemCode: 'ECONNREFUSED' }, {}, 'refused', 'nothing listens at https://s3.example'],
    ['no such host', { systemCode: 'ENOTFOUND' }, { pathStyle: false }, 'host_unknown', 'turn path style on'],
    ['silence', { name: 'TimeoutError' }, {}, 'no_answer', 'did not answer in time'],
    [
      'a broken connection',
      { name: 'TimeoutError', systemCode: 'ECONNRESET' },
      {},
      'no_answer',
      'broke the connection off',
    ],
    ['plain HTTP behind https', { systemCode: 'EPROTO' }, {}, 'certificate', 'write http:// instead of https://'],
    [
      'a certificate of its own',
      { systemCode: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
      {},
      'certificate',
      'NODE_EXTRA_CA_CERTS',
    ],
    ['an unknown bucket', { name: 'NoSuchBucket', status: 404 }, {}, 'bucket_missing', 'there is no bucket "media"'],
    ['an unknown bucket, asked by HEAD', { status: 404, action: 'HeadBucket' }, {}, 'bucket_missing', 'create it'],
    [
      'a wrong access key',
      { name: 'InvalidAccessKeyId', status: 403 },
      {},
      'credentials',
      'does not know this access key',
    ],
    [
      'a wrong secret',
      { name: 'SignatureDoesNotMatch', status: 403 },
      {},
      'credentials',
      'does not belong to the access key',
    ],
    ['a missing permission', { name: 'AccessDenied', status: 403 }, {}, 'denied', 's3:PutObject'],
    [
      'a missing permission to list',
      { name: 'AccessDenied', status: 403, action: 'ListObjectsV2' },
      {},
      'denied',
      's3:ListBucket',
    ],
    [
      'another region',
      { name: 'PermanentRedirect', status: 301, bucketRegion: 'us-west-2' },
      {},
      'region',
      'in region us-west-2, not in eu-central-1',
    ],
    [
      'another region, told in a sentence',
      { name: 'AuthorizationHeaderMalformed', status: 400, message: "the region 'x' is wrong; expecting 'us-west-1'" },
      {},
      'region',
      'in region us-west-1',
    ],
    [
      'a wrong clock behind a plain 403',
      { name: 'AccessDenied', status: 403, serverTimeMs: nowMs + 3_600_000 },
      {},
      'clock_skew',
      '2026-11-21T01:00:00.000Z',
    ],
    [
      'a web page',
      { name: 'SyntaxError', status: 200, message: "char 'h' is not expected" },
      {},
      'not_s3',
      'not its console',
    ],
    ['a full store', { name: 'QuotaExceeded', status: 403 }, {}, 'full', 'raise the quota'],
    ['too many requests', { name: 'SlowDown', status: 503 }, {}, 'overloaded', '503 SlowDown'],
    ['a header that it does not know', { name: 'NotImplemented', status: 501 }, {}, 'unsupported', 'PutObject'],
    [
      'an archived object',
      { name: 'InvalidObjectState', status: 403, action: 'GetObject' },
      {},
      'archived',
      'restored',
    ],
    [
      'anything else',
      { name: 'Teapot', status: 418, message: 'short and stout' },
      {},
      'other',
      '418 Teapot short and stout',
    ],
  ]

test.each(CASES)('%s is told in plain words', (_, said, where, reason, says) => {
  const diagnosis = diagnoseS3({ ...fault, ...said }, { ...place, ...where }, nowMs)
  expect(diagnosis.reason).toBe(reason)
  expect(diagnosis.text).toContain(says)
})
