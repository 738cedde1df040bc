// Calls the API the way any other program would, and turns its problems into sentences.
import { problemSchema } from '../api/system-contract.ts'
import { CliError } from './cli-error.ts'
import type { FoundServer } from './find-server.ts'

const TIMEOUT_MS = 30_000

export interface ApiClient {
  readonly server: FoundServer
  get<T>(path: string): Promise<T>
  /** `timeoutMs`: of work that takes the server longer than usual. */
  post<T>(path: string, body?: unknown, timeoutMs?: number): Promise<T>
  /** Fields and files, as a browser sends them; a file is read while it is sent. */
  postForm<T>(path: string, form: FormData, timeoutMs?: number): Promise<T>
  patch<T>(path: string, body: unknown): Promise<T>
  /** Bytes as they are, anything else as JSON. */
  put<T>(path: string, body: unknown): Promise<T>
  delete(path: string): Promise<void>
  /** Of what answers with what is there in its place. */
  deleteFor<T>(path: string): Promise<T>
}

export function createApiClient(
  server: FoundServer,
  options: { readonly fetch: typeof fetch; readonly signal: AbortSignal },
): ApiClient {
  async function call(method: string, path: string, body?: unknown, timeoutMs = TIMEOUT_MS): Promise<unknown> {
    const response = await send(method, path, body, timeoutMs)
    const text = await response.text()
    if (!response.ok) throw problemError(response, text, server)
    return text === '' ? undefined : parseJson(text, server)
  }

  async function send(method: string, path: string, body: unknown, timeoutMs: number): Promise<Response> {
    const headers: Record<string, string> = { accept: 'application/json' }
    if (server.apiKey !== null) headers['authorization'] = `Bearer ${server.apiKey}`
    const isRaw = body instanceof Uint8Array
    const isForm = body instanceof FormData
    // A form writes its own type, which names its boundary.
    if (body !== undefined && !isForm) headers['content-type'] = isRaw ? 'application/octet-stream' : 'application/json'
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(timeoutMs)])
    try {
      const init = {
        method,
        headers,
        signal,
        ...(body === undefined ? {} : { body: isRaw ? new Uint8Array(body) : isForm ? body : JSON.stringify(body) }),
      }
      return await options.fetch(`${server.url}/api/v1${path}`, init)
    } catch (error) {
      throw unreachable(server, error)
    }
  }

  return {
    server,
    get: async <T>(path: string) => (await call('GET', path)) as T,
    post: async <T>(path: string, body?: unknown, timeoutMs?: number) =>
      (await call('POST', path, body, timeoutMs)) as T,
    postForm: async <T>(path: string, form: FormData, timeoutMs?: number) =>
      (await call('POST', path, form, timeoutMs)) as T,
    put: async <T>(path: string, body: unknown) => (await call('PUT', path, body)) as T,
    patch: async <T>(path: string, body: unknown) => (await call('PATCH', path, body)) as T,
    delete: async (path) => void (await call('DELETE', path)),
    deleteFor: async <T>(path: string) => (await call('DELETE', path)) as T,
  }
}

export function unreachable(server: FoundServer, cause: unknown): CliError {
  return new CliError(
    `No Mirror server answers at ${server.url} (address from ${server.source}).`,
    'Start it with "mirror serve", or name its address with --url or MIRROR_URL, or its data folder with --data.',
    cause,
  )
}

function problemError(response: Response, text: string, server: FoundServer): CliError {
  const problem = problemSchema.safeParse(tryJson(text))
  if (!problem.success) return notMirror(server, `status ${response.status}`)
  const { title, detail, advice, errors, code } = problem.data
  const fields = (errors ?? []).length > 1 ? (errors ?? []).map(({ path, message }) => `\n  ${path}: ${message}`) : []
  if (code === 'unauthorized' && server.apiKey === null) {
    return new CliError(
      `The server at ${server.url} wants an API key.`,
      'Give one with --api-key or MIRROR_API_KEY, or run this where the data folder of the server is (--data).',
    )
  }
  return new CliError(`${title}: ${detail}${fields.join('')}`, advice)
}

function parseJson(text: string, server: FoundServer): unknown {
  const value = tryJson(text)
  if (value === undefined) throw notMirror(server, 'no JSON')
  return value
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function notMirror(server: FoundServer, what: string): CliError {
  return new CliError(
    `What answers at ${server.url} is not Mirror's API (${what}).`,
    'Check the address; the API listens on MIRROR_API_PORT (8080).',
  )
}
