// What an answer (or none) of an S3 store means for the person who has to act. Pure.

/** Everything an S3 client knows about a request that failed. */
export interface S3Fault {
  /** The store's own code (`NoSuchBucket`), or the name of the client's error. */
  readonly name: string
  /** Null: there was no answer. */
  readonly status: number | null
  /** `ECONNREFUSED` and the like, or a code of the TLS library. */
  readonly systemCode: string | null
  readonly message: string
  /** The store's clock, where it told. */
  readonly serverTimeMs: number | null
  /** The region that the store says the bucket is in. */
  readonly bucketRegion: string | null
  /** What was tried: `PutObject`. */
  readonly action: string
}

export interface S3Place {
  readonly endpoint: string | null
  readonly region: string
  readonly bucket: string
  readonly pathStyle: boolean
}

export type S3Reason =
  | 'archived'
  | 'bucket_missing'
  | 'certificate'
  | 'clock_skew'
  | 'credentials'
  | 'denied'
  | 'full'
  | 'host_unknown'
  | 'no_answer'
  | 'not_s3'
  | 'overloaded'
  | 'path_style'
  | 'refused'
  | 'region'
  | 'unsupported'
  | 'other'

export interface S3Diagnosis {
  readonly reason: S3Reason
  /** One sentence with what to do about it. */
  readonly text: string
}

/** Clocks may differ by 15 minutes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (2026-11). */
const MAX_SKEW_MS = 15 * 60_000

const BY_NAME: Readonly<Record<string, (fault: S3Fault, place: S3Place) => S3Diagnosis>> = {
  NoSuchBucket: (_, place) => bucketMissing(place),
  InvalidBucketName: (_, { bucket }) => ({
    reason: 'bucket_missing',
    text: `"${bucket}" cannot be the name of a bucket: check the spelling`,
  }),
  AccessDenied: denied,
  AllAccessDisabled: denied,
  AccountProblem: denied,
  InvalidAccessKeyId: () =>
    credentials('the store does not know this access key: check it, and that it is of this store'),
  SignatureDoesNotMatch: () => credentials('the secret key does not belong to the access key: copy both again'),
  InvalidToken: () => credentials('the session token is not valid any more: renew the credentials'),
  ExpiredToken: () => credentials('the credentials have expired: renew them'),
  CredentialsProviderError: () =>
    credentials('there are no credentials: set the access key and the secret key, or give the machine a role'),
  RequestTimeTooSkewed: clockSkew,
  PermanentRedirect: wrongRegion,
  AuthorizationHeaderMalformed: wrongRegion,
  IllegalLocationConstraintException: wrongRegion,
  InvalidObjectState: () => ({
    reason: 'archived',
    text: 'the object is archived: it has to be restored before it can be read',
  }),
  QuotaExceeded: full,
  InsufficientStorage: full,
  XMinioStorageFull: full,
  SlowDown: overloaded,
  ServiceUnavailable: overloaded,
  InternalError: overloaded,
  TooManyRequestsException: overloaded,
  ThrottlingException: overloaded,
  NotImplemented: unsupported,
  MissingContentLength: unsupported,
  MethodNotAllowed: (_, place) => ({
    reason: 'path_style',
    text: `${at(place)} does not take this request: check that the endpoint is the S3 address of the store, and try path style ${place.pathStyle ? 'off' : 'on'}`,
  }),
  TimeoutError: noAnswer,
}

const BY_SYSTEM_CODE: Readonly<Record<string, (place: S3Place) => S3Diagnosis>> = {
  ENOTFOUND: hostUnknown,
  EAI_AGAIN: (place) => ({
    reason: 'host_unknown',
    text: `the name of ${at(place)} cannot be looked up now: check the DNS of this machine`,
  }),
  ECONNREFUSED: (place) => ({
    reason: 'refused',
    text: `nothing listens at ${at(place)}: check the address and the port, and that the store runs`,
  }),
  ECONNRESET: (place) => ({ reason: 'no_answer', text: `${at(place)} broke the connection off` }),
  EPIPE: (place) => ({ reason: 'no_answer', text: `${at(place)} broke the connection off` }),
  ETIMEDOUT: silent,
  EHOSTUNREACH: (place) => ({ reason: 'no_answer', text: `there is no way to ${at(place)}: check the network` }),
  ENETUNREACH: (place) => ({ reason: 'no_answer', text: `there is no way to ${at(place)}: check the network` }),
  EPROTO: (place) => ({
    reason: 'certificate',
    text: `${at(place)} does not speak TLS there: check the port, or write http:// instead of https://`,
  }),
  ERR_TLS_CERT_ALTNAME_INVALID: (place) => ({
    reason: 'certificate',
    text: `the certificate of ${at(place)} is for another name: ${place.pathStyle ? 'use the name it was made for' : 'turn path style on, or use a certificate that covers the bucket’s host name'}`,
  }),
  CERT_HAS_EXPIRED: (place) => ({
    reason: 'certificate',
    text: `the certificate of ${at(place)} has expired: renew it, or correct the clock of this machine`,
  }),
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
}

export function diagnoseS3(fault: S3Fault, place: S3Place, nowMs: number): S3Diagnosis {
  if (fault.status === null) {
    const known = BY_SYSTEM_CODE[fault.systemCode ?? '']?.(place)
    if (known !== undefined) return known
  }
  // Some stores answer a wrong clock with a plain 403.
  const skewMs = fault.serverTimeMs === null ? 0 : Math.abs(fault.serverTimeMs - nowMs)
  if (fault.status === 403 && skewMs > MAX_SKEW_MS) return clockSkew(fault)
  if (isNoXml(fault.message)) {
    return {
      reason: 'not_s3',
      text: `${at(place)} answers, but not as an S3 store does: check that the endpoint is its S3 address and not its console`,
    }
  }
  return BY_NAME[fault.name]?.(fault, place) ?? byStatus(fault, place)
}

/** A request that was answered HEAD has no body and so no code. */
function byStatus(fault: S3Fault, place: S3Place): S3Diagnosis {
  const { status, action, message } = fault
  if (status === 301 || status === 307) return wrongRegion(fault, place)
  if (status === 401 || status === 403) return denied(fault, place)
  if (status === 404 && action.endsWith('Bucket')) return bucketMissing(place)
  if (status === 405) return BY_NAME['MethodNotAllowed']?.(fault, place) ?? other(fault)
  if (status === 411 || status === 501) return unsupported(fault, place)
  if (status === 507) return full(fault, place)
  if (status === 429 || (status !== null && status >= 500)) return overloaded(fault, place)
  return status === null && message === '' ? silent(place) : other(fault)
}

/** The SDK's XML parser met a page that is none. */
function isNoXml(message: string): boolean {
  return /Deserialization error|not an? XML|unexpected (closing|token)|char '.*' is not expected/i.test(message)
}

function at({ endpoint, region }: S3Place): string {
  return endpoint ?? `AWS S3 in ${region}`
}

function bucketMissing(place: S3Place): S3Diagnosis {
  const { bucket, pathStyle } = place
  const hint = pathStyle || place.endpoint === null ? '' : ', or turn path style on'
  return {
    reason: 'bucket_missing',
    text: `there is no bucket "${bucket}" at ${at(place)}: create it, check its name${hint}`,
  }
}

function denied({ action }: S3Fault, { bucket }: S3Place): S3Diagnosis {
  return {
    reason: 'denied',
    text: `the credentials may not ${action === '' ? 'do this' : `s3:${permissionOf(action)}`} in bucket "${bucket}": allow it in the policy of the key or of the bucket`,
  }
}

/** Actions and the permissions that they need are named differently here and there. */
function permissionOf(action: string): string {
  const names: Readonly<Record<string, string>> = {
    HeadObject: 'GetObject (and ListBucket, without which a missing object reads as forbidden)',
    HeadBucket: 'ListBucket',
    ListObjectsV2: 'ListBucket',
    DeleteObjects: 'DeleteObject',
    CopyObject: 'GetObject and PutObject',
    CreateMultipartUpload: 'PutObject',
    UploadPart: 'PutObject',
    CompleteMultipartUpload: 'PutObject',
  }
  return names[action] ?? action
}

function credentials(text: string): S3Diagnosis {
  return { reason: 'credentials', text }
}

function clockSkew({ serverTimeMs }: S3Fault): S3Diagnosis {
  const when = serverTimeMs === null ? '' : ` (there it is ${new Date(serverTimeMs).toISOString()})`
  return {
    reason: 'clock_skew',
    text: `the clocks of this machine and of the store differ too much${when}: run NTP on both`,
  }
}

function wrongRegion({ bucketRegion, message }: S3Fault, { bucket, region }: S3Place): S3Diagnosis {
  const told = bucketRegion ?? /expecting '([^']+)'/.exec(message)?.[1] ?? null
  const where = told === null ? 'another region' : `region ${told}`
  return { reason: 'region', text: `bucket "${bucket}" is in ${where}, not in ${region}: set the region` }
}

function full(_: S3Fault, place: S3Place): S3Diagnosis {
  return { reason: 'full', text: `${at(place)} is full or its quota is used up: free space or raise the quota` }
}

function overloaded({ name, status }: S3Fault, place: S3Place): S3Diagnosis {
  return {
    reason: 'overloaded',
    text: `${at(place)} cannot answer now (${status ?? 'no status'} ${name}); it was tried several times`,
  }
}

function unsupported({ action, name }: S3Fault, place: S3Place): S3Diagnosis {
  return { reason: 'unsupported', text: `${at(place)} does not support ${action} as Mirror sends it (${name})` }
}

function hostUnknown(place: S3Place): S3Diagnosis {
  const hint = place.pathStyle || place.endpoint === null ? '' : ', or turn path style on'
  return { reason: 'host_unknown', text: `the host name of ${at(place)} does not exist: check the endpoint${hint}` }
}

function noAnswer(_: S3Fault, place: S3Place): S3Diagnosis {
  return silent(place)
}

function silent(place: S3Place): S3Diagnosis {
  return {
    reason: 'no_answer',
    text: `${at(place)} did not answer in time: check the address, the firewall and the store`,
  }
}

function untrusted(place: S3Place): S3Diagnosis {
  return {
    reason: 'certificate',
    text: `the certificate of ${at(place)} is signed by nobody this machine trusts: add its authority with NODE_EXTRA_CA_CERTS`,
  }
}

function other({ name, status, message }: S3Fault): S3Diagnosis {
  const facts = [status, name, message].filter((fact) => fact !== null && fact !== '').join(' ')
  return { reason: 'other', text: `the store answered ${facts}` }
}
