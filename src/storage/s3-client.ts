// The AWS SDK as Mirror uses it: every wait bounded, errors in plain words, nothing it logs by itself.
import { S3Client, S3ServiceException } from '@aws-sdk/client-s3'
import { MirrorError } from '../core/errors.ts'
import { isAws } from '../core/is-aws.ts'
import { orAborted } from './abortable.ts'
import { diagnoseS3, type S3Fault } from './s3-diagnosis.ts'
import { describePlace, type S3Settings } from './s3-settings.ts'

const CONNECT_TIMEOUT_MS = 5000
/** Until an answer begins; a part has to go up in that time. */
const ANSWER_TIMEOUT_MS = 60_000
/** A first try and four more with growing, jittered pauses (SDK, standard mode: 100 ms, doubled, at most 20 s). */
const MAX_ATTEMPTS = 5
/** Beside the uploads: reads, listings, deletes. */
const OTHER_SOCKETS = 64

const quiet = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }

export function createS3Client(settings: S3Settings): S3Client {
  const agent = { keepAlive: true, maxSockets: settings.uploadConcurrency + OTHER_SOCKETS }
  // Only AWS itself is known to take the checksums that its SDK adds since 3.729; clones answer 411, 501 or 400.
  const checksums = isAws(settings.endpoint) ? 'WHEN_SUPPORTED' : 'WHEN_REQUIRED'
  return new S3Client({
    region: settings.region,
    forcePathStyle: settings.pathStyle,
    ...(settings.endpoint === null ? {} : { endpoint: settings.endpoint }),
    ...(settings.credentials === null
      ? {}
      : {
          credentials: {
            accessKeyId: settings.credentials.accessKey,
            secretAccessKey: settings.credentials.secretKey,
          },
        }),
    requestChecksumCalculation: checksums,
    responseChecksumValidation: checksums,
    // Mirror names the region itself; following a redirect would hide a wrong setting.
    followRegionRedirects: false,
    retryMode: 'standard',
    maxAttempts: MAX_ATTEMPTS,
    logger: quiet,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: ANSWER_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      httpAgent: agent,
      httpsAgent: agent,
      logger: quiet,
    },
  })
}

export interface S3Answer<T> {
  readonly output: T
  readonly attempts: number
}

/** A request that was answered with an error, and how often it was tried. */
export class S3Refusal extends Error {
  override readonly name = 'S3Refusal'
  readonly fault: S3Fault
  readonly attempts: number

  constructor(fault: S3Fault, attempts: number) {
    super(`${fault.action}: ${fault.status ?? 'no answer'} ${fault.name}`)
    this.fault = fault
    this.attempts = attempts
  }
}

/**
 * Runs one request. An abort rejects with the signal's reason at once; every other failure is an `S3Refusal`, which
 * holds neither credentials nor bodies.
 */
export async function askS3<T>(
  action: string,
  signal: AbortSignal,
  send: () => Promise<T & { readonly $metadata: { readonly attempts?: number | undefined } }>,
): Promise<S3Answer<T>> {
  signal.throwIfAborted()
  try {
    const output = await orAborted(send(), signal)
    return { output, attempts: output.$metadata.attempts ?? 1 }
  } catch (error) {
    signal.throwIfAborted()
    throw toRefusal(action, error)
  }
}

export function isRefusal(error: unknown, ...names: readonly string[]): error is S3Refusal {
  return error instanceof S3Refusal && names.includes(error.fault.name)
}

export function hasStatus(error: unknown, status: number): error is S3Refusal {
  return error instanceof S3Refusal && error.fault.status === status
}

/** What callers of a store see. */
export function toStoreFailure(error: unknown, settings: S3Settings, nowMs: number): unknown {
  if (!(error instanceof S3Refusal)) return error
  const { reason, text } = diagnoseS3(error.fault, settings, nowMs)
  return new MirrorError(
    reason === 'archived' ? 'object_archived' : 'store_unavailable',
    `${describePlace(settings)}: ${text}`,
    {
      details: { reason, action: error.fault.action, status: error.fault.status ?? 0, attempts: error.attempts },
      cause: error,
    },
  )
}

function toRefusal(action: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof MirrorError || error instanceof S3Refusal) return error
  const { code, $metadata, $response } = error as SdkError
  const headers = $response?.headers ?? {}
  const status = $metadata?.httpStatusCode ?? $response?.statusCode ?? null
  const isAnswered = error instanceof S3ServiceException || status !== null
  const fault: S3Fault = {
    name: error.name,
    status: isAnswered ? status : null,
    systemCode: typeof code === 'string' ? code : null,
    message: error.message,
    serverTimeMs: timeOf(headers['date']),
    bucketRegion: headers['x-amz-bucket-region'] ?? null,
    action,
  }
  return new S3Refusal(fault, $metadata?.attempts ?? 1)
}

interface SdkError extends Error {
  readonly code?: unknown
  readonly $metadata?: { readonly httpStatusCode?: number; readonly attempts?: number }
  readonly $response?: { readonly statusCode?: number; readonly headers?: Readonly<Record<string, string>> }
}

function timeOf(text: string | undefined): number | null {
  const ms = Date.parse(text ?? '')
  return Number.isNaN(ms) ? null : ms
}
