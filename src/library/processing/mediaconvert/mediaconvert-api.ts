// The calls of MediaConvert that Mirror makes: every wait bounded, errors in plain words. Loaded only where it is set up.
import {
  CancelJobCommand,
  CreateJobCommand,
  type CreateJobCommandInput,
  GetJobCommand,
  MediaConvertClient,
  MediaConvertServiceException,
} from '@aws-sdk/client-mediaconvert'
import { MirrorError } from '../../../core/errors.ts'
import type { S3Settings } from '../../../storage/s3-settings.ts'
import type { JobReport } from './job-state.ts'

const CONNECT_TIMEOUT_MS = 5000
const ANSWER_TIMEOUT_MS = 15_000
/** A first try and two more with growing pauses (SDK, standard mode). */
const MAX_ATTEMPTS = 3

const quiet = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }

export interface MediaConvertSettings {
  readonly region: string
  /** Null: that of the region. */
  readonly endpoint: string | null
  /** Null: whatever the AWS SDK finds. */
  readonly credentials: S3Settings['credentials']
}

/**
 * Calls reject with `mediaconvert_unavailable` when nobody answers or AWS asks to come again later, with
 * `mediaconvert_refused` when it will not do this, and with the reason of an aborted signal.
 */
export interface ConversionApi extends AsyncDisposable {
  /** Gives the id of the job. Not to be broken off: whoever asks has to learn which job it pays for. */
  create(request: CreateJobCommandInput): Promise<string>
  /** Null: there is no such job, or it was forgotten. */
  report(jobId: string, signal: AbortSignal): Promise<JobReport | null>
  /** Of one that has ended already nothing is changed. */
  cancel(jobId: string): Promise<void>
}

export function openMediaConvert({ region, endpoint, credentials }: MediaConvertSettings): ConversionApi {
  const client = new MediaConvertClient({
    region,
    ...(endpoint === null ? {} : { endpoint }),
    ...(credentials === null
      ? {}
      : { credentials: { accessKeyId: credentials.accessKey, secretAccessKey: credentials.secretKey } }),
    retryMode: 'standard',
    maxAttempts: MAX_ATTEMPTS,
    logger: quiet,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: ANSWER_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      logger: quiet,
    },
  })
  return {
    async create(request) {
      const { Job } = await client.send(new CreateJobCommand(request)).catch(fail)
      if (Job?.Id === undefined) throw new MirrorError('mediaconvert_unavailable', 'AWS made a job without an id')
      return Job.Id
    },
    async report(jobId, signal) {
      try {
        const { Job } = await client.send(new GetJobCommand({ Id: jobId }), { abortSignal: signal })
        return Job ?? null
      } catch (error) {
        signal.throwIfAborted()
        return hasStatus(error, 404) ? null : fail(error)
      }
    },
    async cancel(jobId) {
      try {
        await client.send(new CancelJobCommand({ Id: jobId }))
      } catch (error) {
        if (!hasStatus(error, 404, 409)) fail(error)
      }
    },
    async [Symbol.asyncDispose]() {
      client.destroy()
    },
  }
}

function hasStatus(error: unknown, ...statuses: readonly number[]): boolean {
  const status = error instanceof MediaConvertServiceException ? error.$metadata.httpStatusCode : undefined
  return status !== undefined && statuses.includes(status)
}

function fail(error: unknown): never {
  const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) }
  const status = error instanceof MediaConvertServiceException ? (error.$metadata.httpStatusCode ?? 0) : 0
  const isForNow = status === 0 || status === 429 || status >= 500
  const code = isForNow && name !== 'CredentialsProviderError' ? 'mediaconvert_unavailable' : 'mediaconvert_refused'
  throw new MirrorError(code, `MediaConvert: ${message || name}`, { details: { status, name }, cause: error })
}
