// A folder served by nginx as Debian configures it: what somebody else's stream on a plain web server looks like.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freeTcpPort } from './free-ports.ts'

const START_TIMEOUT_MS = 5000
const TEMP_PATHS = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']

export interface NginxFolder extends AsyncDisposable {
  readonly folder: string
  readonly url: string
}

/** Null: there is no nginx on this machine. */
export function findNginx(): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  return folders.map((folder) => join(folder, 'nginx')).find((file) => existsSync(file)) ?? null
}

export async function serveFolder(nginx: string): Promise<NginxFolder> {
  const folder = await mkdtemp(join(tmpdir(), 'mirror-nginx-'))
  const url = `http://127.0.0.1:${await freeTcpPort()}`
  const temporary = TEMP_PATHS.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')
  await writeFile(
    join(folder, 'nginx.conf'),
    `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr error; events {}
http { include /etc/nginx/mime.types; access_log off; ${temporary}
server { listen ${url.slice('http://'.length)}; root ${folder}; } }\n`,
  )
  const child = spawn(nginx, ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'ignore' })
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    }
    await rm(folder, { recursive: true, force: true })
  }
  const deadline = performance.now() + START_TIMEOUT_MS
  while (
    !(await fetch(url).then(
      () => true,
      () => false,
    ))
  ) {
    if (child.exitCode !== null || performance.now() > deadline) {
      await stop()
      throw new Error('nginx did not start')
    }
    await delay(20)
  }
  return { folder, url, [Symbol.asyncDispose]: stop }
}
