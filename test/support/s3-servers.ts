// Global set-up: real S3 servers for a whole test run, each started when the first test asks for it and stopped at the
// end. Test files run in processes of their own, so they ask over HTTP.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestProject } from 'vitest/node'
import { startRgw } from './rgw.ts'
import { startVersitygw } from './versitygw.ts'

export interface S3Server extends AsyncDisposable {
  readonly endpoint: string
  readonly region: string
  readonly accessKey: string
  readonly secretKey: string
}

export type S3ServerKind = 'rgw' | 'versitygw'

const STARTERS: Readonly<Record<S3ServerKind, () => Promise<S3Server>>> = { rgw: startRgw, versitygw: startVersitygw }

declare module 'vitest' {
  interface ProvidedContext {
    /** Where tests ask for an S3 server. */
    s3Servers: string
  }
}

interface Desk {
  readonly server: Server
  readonly started: Map<string, Promise<S3Server>>
  projects: number
}

/** Projects are set up one by one in the same process and share what was started. */
const shared = globalThis as { mirrorS3Desk?: Promise<Desk> }

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  shared.mirrorS3Desk ??= openDesk()
  const desk = await shared.mirrorS3Desk
  desk.projects += 1
  project.provide('s3Servers', `http://127.0.0.1:${(desk.server.address() as AddressInfo).port}`)
  return async () => {
    desk.projects -= 1
    if (desk.projects > 0) return
    delete shared.mirrorS3Desk
    desk.server.closeAllConnections()
    desk.server.close()
    for (const starting of desk.started.values()) {
      await starting.then((server) => server[Symbol.asyncDispose]()).catch(() => {})
    }
  }
}

async function openDesk(): Promise<Desk> {
  const started = new Map<string, Promise<S3Server>>()
  const server = createServer((request, response) => {
    const kind = (request.url ?? '').slice(1) as S3ServerKind
    const starting = started.get(kind) ?? STARTERS[kind]()
    started.set(kind, starting)
    starting
      .then(({ endpoint, region, accessKey, secretKey }) =>
        response.end(JSON.stringify({ endpoint, region, accessKey, secretKey })),
      )
      .catch((error: unknown) => response.writeHead(500).end(String(error)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, started, projects: 0 }
}
