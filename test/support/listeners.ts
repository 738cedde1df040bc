// Who listens on a port and which processes a process has, as the kernel sees it.
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { Patience } from './patience.ts'

const TCP_LISTEN = '0A'

/** Sockets that listen on a TCP port of 127.0.0.1: several with reusePort. */
export function tcpListeners(port: number): number {
  return socketsOn('/proc/net/tcp', port).filter((state) => state === TCP_LISTEN).length
}

export function udpListeners(port: number): number {
  return socketsOn('/proc/net/udp', port).length
}

function socketsOn(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return readFileSync(table, 'utf8')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([, local, , state]) => (local?.endsWith(suffix) && state !== undefined ? [state] : []))
}

/** Children of a process whose command line contains a text. */
export function childrenOf(pid: number, text: string): readonly number[] {
  return readdirSync(`/proc/${pid}/task`)
    .flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' '))
    .filter((child) => child !== '')
    .map(Number)
    .filter((child) => {
      try {
        return readFileSync(`/proc/${child}/cmdline`, 'utf8').includes(text)
      } catch {
        return false
      }
    })
}

/** Milliseconds until the condition holds; throws when it does not in time. */
export async function timeUntil(what: string, holds: () => boolean, timeoutMs: number): Promise<number> {
  const startedAtMs = performance.now()
  const patience = new Patience(timeoutMs)
  while (!holds()) {
    if (patience.isOver) throw new Error(`${what}: not within ${timeoutMs} ms`)
    await delay(5)
  }
  return performance.now() - startedAtMs
}
