// One way to call the API: same origin, cookie session, problem documents as errors.
import type { Problem } from '../../../../src/api/system-contract.ts'

const REQUEST_TIMEOUT_MS = 15_000

/** An answer that says no. `detail` and `advice` are written for people and shown as they are. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError'
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.detail)
    this.problem = problem
  }
}

export interface Call {
  readonly signal?: AbortSignal
  readonly body?: unknown
  /** Sent as it is, in place of `body`. */
  readonly file?: File
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export async function callApi<Answer>(method: Method, path: string, call: Call = {}): Promise<Answer> {
  const signals = [AbortSignal.timeout(REQUEST_TIMEOUT_MS), ...(call.signal === undefined ? [] : [call.signal])]
  let response: Response
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      credentials: 'same-origin',
      signal: AbortSignal.any(signals),
      headers: {
        accept: 'application/json',
        ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(call.file === undefined ? {} : { 'content-type': 'application/octet-stream' }),
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      ...(call.file === undefined ? {} : { body: call.file }),
    })
  } catch (error) {
    if (call.signal?.aborted === true) throw error
    throw new ProblemError(unreachable())
  }
  const answer = await readJson(response)
  if (!response.ok) throw new ProblemError(toProblem(response.status, answer))
  return answer as Answer
}

/** Lists come as `{ <name>: [...] }`; a bare array is accepted too. */
export function listIn<Item>(answer: unknown, name: string): readonly Item[] {
  if (Array.isArray(answer)) return answer as readonly Item[]
  if (typeof answer !== 'object' || answer === null) return []
  const list = (answer as Record<string, unknown>)[name]
  return Array.isArray(list) ? (list as readonly Item[]) : []
}

export function toProblem(status: number, answer: unknown): Problem {
  const given: Partial<Problem> = typeof answer === 'object' && answer !== null ? (answer as Partial<Problem>) : {}
  return {
    type: given.type ?? 'about:blank',
    title: given.title ?? `The server answered with status ${status}`,
    status,
    detail: given.detail ?? given.title ?? `The server answered with status ${status}.`,
    code: given.code ?? 'internal',
    advice: given.advice ?? 'Try again; if it stays, look at the log of the server.',
    ...(given.errors === undefined ? {} : { errors: given.errors }),
  }
}

export function isProblem(error: unknown, code: string): boolean {
  return error instanceof ProblemError && error.problem.code === code
}

export function toDisplayProblem(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem
  return {
    type: 'about:blank',
    title: 'Something went wrong in the console',
    status: 0,
    detail: error instanceof Error ? error.message : String(error),
    code: 'console',
    advice: 'Reload the page.',
  }
}

export function unreachable(): Problem {
  return {
    type: 'about:blank',
    title: 'Mirror does not answer',
    status: 0,
    detail: 'The server could not be reached.',
    code: 'unreachable',
    advice: 'Check that Mirror runs and that this computer is connected to it.',
  }
}

async function readJson(response: Response): Promise<unknown> {
  const text = await response.text()
  if (text === '') return null
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
