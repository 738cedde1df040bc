// A second kind of S3 server, so that nobody tests one vendor only: versitygw (Go), which keeps objects as files.
// `npm run test:long` builds it where Go is installed; a version in PATH is taken as it is.
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { answersHttp, Daemon, findProgram } from './daemon.ts'
import { findFreePort } from './free-port.ts'
import type { S3Server } from './s3-servers.ts'

const BUILT = fileURLToPath(new URL('../../node_modules/.cache/mirror/go/bin', import.meta.url))
const START_TIMEOUT_MS = 15_000

export function versitygwMissing(): string | null {
  if (findProgram('versitygw', [BUILT]) !== null) return null
  return 'versitygw not found: "npm run test:long" builds it where Go is installed'
}

export async function startVersitygw(): Promise<S3Server> {
  await using opened = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'mirror-versitygw-'))
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const [data, meta] = [join(folder, 'data'), join(folder, 'meta')]
  for (const each of [data, meta]) await mkdir(each)
  const port = await findFreePort()
  const [accessKey, secretKey] = ['mirror-test', 'mirror-test-secret']
  const program = findProgram('versitygw', [BUILT]) ?? 'versitygw'
  const options = ['--port', `127.0.0.1:${port}`, '--access', accessKey, '--secret', secretKey, '--quiet']
  // Metadata beside the files: not every file system below /tmp has extended attributes.
  const server = opened.use(new Daemon([program, ...options, '--keep-alive', 'posix', '--sidecar', meta, data]))
  const endpoint = `http://127.0.0.1:${port}`
  await server.until(() => answersHttp(endpoint), START_TIMEOUT_MS)
  const parts = opened.move()
  return { endpoint, region: 'us-east-1', accessKey, secretKey, [Symbol.asyncDispose]: () => parts.disposeAsync() }
}
