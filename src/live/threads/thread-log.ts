// Log lines of a thread, written by the main thread.
import type { Log } from '../../core/log.ts'
import type { FromThread } from './messages.ts'

export function threadLog(area: string, send: (message: FromThread) => void): Log {
  const line =
    (level: 'debug' | 'info' | 'warn' | 'error') => (message: string, facts?: Readonly<Record<string, unknown>>) =>
      send({ kind: 'log', area, level, message, facts: facts ?? {} })
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: (name) => threadLog(`${area}/${name}`, send),
  }
}
