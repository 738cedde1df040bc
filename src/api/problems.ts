// RFC 9457 answers from the one catalogue in src/core/errors.ts. Only the API knows how an error looks over HTTP.
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { ERRORS, type ErrorCode, MirrorError } from '../core/errors.ts'
import type { Problem } from './system-contract.ts'

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8'

type FieldError = { path: string; message: string }

/** Titles of 500s that must not say more: what failed inside is for the log. */
const INTERNAL_DETAIL = 'Something failed inside Mirror. The log has the details.'

export function renderProblem(code: ErrorCode, detail: string, errors?: FieldError[]): Problem {
  const entry = ERRORS[code]
  return {
    type: `urn:mirror:error:${code}`,
    title: entry.title,
    status: entry.status,
    detail,
    code,
    advice: entry.advice,
    ...(errors === undefined ? {} : { errors }),
  }
}

/** Turns whatever a handler or the framework threw into a problem; nothing internal gets through. */
export function toProblem(error: unknown): Problem {
  if (error instanceof MirrorError) {
    if (error.code === 'internal') return renderProblem('internal', INTERNAL_DETAIL)
    const path = error.details['path']
    const errors = typeof path === 'string' ? [{ path, message: error.message }] : undefined
    return renderProblem(error.code, error.message, errors)
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    return validationProblem(fieldErrors(error.validation, contextOf(error)))
  }
  return frameworkProblem(error)
}

export function validationProblem(errors: FieldError[]): Problem {
  const first = errors[0]
  const detail =
    first === undefined
      ? 'The request does not fit its schema.'
      : `${first.path === '' ? 'The body' : `"${first.path}"`}: ${first.message}${errors.length > 1 ? ` (and ${errors.length - 1} more)` : ''}.`
  return renderProblem('invalid_request', detail, errors)
}

interface Issue {
  readonly path: readonly PropertyKey[]
  readonly code: string
  readonly message: string
  readonly keys?: readonly string[] | undefined
}

/** One row per wrong field; an unknown key is a row of its own, at its own path. */
export function issueErrors(issues: readonly Issue[], prefix = ''): FieldError[] {
  return issues.flatMap((issue) => {
    const parent = [...(prefix === '' ? [] : [prefix]), ...issue.path.map(String)]
    if (issue.code === 'unrecognized_keys' && issue.keys !== undefined) {
      return issue.keys.map((key) => ({ path: [...parent, key].join('.'), message: `unknown key "${key}"` }))
    }
    return [{ path: parent.join('.'), message: issue.message }]
  })
}

interface Validation {
  readonly keyword: string
  readonly instancePath: string
  readonly message?: string
  readonly params?: unknown
}

function fieldErrors(validation: readonly Validation[], prefix: string): FieldError[] {
  const issues = validation.map((entry) => ({
    path: entry.instancePath.split('/').filter((step) => step !== ''),
    code: entry.keyword,
    message: entry.message ?? 'is not valid',
    keys: unknownKeys(entry.params),
  }))
  return issueErrors(issues, prefix)
}

function unknownKeys(params: unknown): readonly string[] | undefined {
  if (typeof params !== 'object' || params === null || !('keys' in params)) return undefined
  return Array.isArray(params.keys) ? params.keys.map(String) : undefined
}

/** A body field needs no prefix; `query.limit` and `params.id` say where they are. */
function contextOf(error: object): string {
  const context = 'validationContext' in error ? error.validationContext : 'body'
  return context === 'querystring' ? 'query' : context === 'params' ? 'params' : ''
}

function frameworkProblem(error: unknown): Problem {
  const code = codeOf(error)
  const message = error instanceof Error ? error.message : ''
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return renderProblem(
        'payload_too_large',
        'The request body exceeds the limit: 1 MiB of JSON, 20 MiB for a slate.',
      )
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return renderProblem('invalid_request', message)
    default:
      break
  }
  // The JSON parser's own errors carry only a status.
  if (statusOf(error) === 400) return renderProblem('invalid_request', message)
  return renderProblem('internal', INTERNAL_DETAIL)
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
}

function statusOf(error: unknown): number {
  return typeof error === 'object' && error !== null && 'statusCode' in error ? Number(error.statusCode) : 500
}
