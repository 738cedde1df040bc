// Where is the running server, and which key opens it? Flags win, then the environment, then the data folder.
import { resolve } from 'node:path'
import type { CliHost } from './cli-host.ts'
import { readCliCredentials } from './credentials-file.ts'

export interface ServerFlags {
  readonly url?: string
  readonly apiKey?: string
  readonly data?: string
}

export interface FoundServer {
  readonly url: string
  readonly apiKey: string | null
  /** Where the address came from, for the message when nobody answers there. */
  readonly source: string
}

const DEFAULT_API_PORT = 8080

export async function findServer(flags: ServerFlags, env: CliHost['env']): Promise<FoundServer> {
  const dataDir = resolve(flags.data ?? given(env['MIRROR_DATA']) ?? 'data')
  const file = await readCliCredentials(dataDir)
  const address = findAddress(flags, env, file?.url ?? null, dataDir)
  const explicitKey = flags.apiKey ?? given(env['MIRROR_API_KEY']) ?? given(env['MIRROR_ADMIN_TOKEN'])
  // The key of the data folder is for this machine; it must not be sent to whatever address somebody names.
  const fileKey = address.isOwn || address.url === file?.url ? (file?.apiKey ?? null) : null
  return { url: address.url, source: address.source, apiKey: explicitKey ?? fileKey }
}

interface Address {
  readonly url: string
  readonly source: string
  readonly isOwn: boolean
}

function findAddress(flags: ServerFlags, env: CliHost['env'], fileUrl: string | null, dataDir: string): Address {
  if (flags.url !== undefined) return { url: trim(flags.url), source: '--url', isOwn: false }
  const url = given(env['MIRROR_URL'])
  if (url !== undefined) return { url: trim(url), source: 'MIRROR_URL', isOwn: false }
  const port = given(env['MIRROR_API_PORT'])
  if (port !== undefined) {
    return { url: `http://127.0.0.1:${port}`, source: 'MIRROR_API_PORT', isOwn: true }
  }
  if (fileUrl !== null) return { url: trim(fileUrl), source: `the data folder ${dataDir}`, isOwn: true }
  return { url: `http://127.0.0.1:${DEFAULT_API_PORT}`, source: 'the default', isOwn: true }
}

/** An empty variable counts as unset, as in the configuration. */
function given(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : value
}

function trim(url: string): string {
  return url.replace(/\/+$/, '')
}
