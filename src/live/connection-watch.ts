// Sums up the connections of all media workers and tells people when some were refused: once a minute, with how many.
import type { ConnectionRefusal } from '../core/connection-guard.ts'
import { ERRORS } from '../core/errors.ts'
import type { ConnectionStatus } from './control.ts'
import type { MirrorEvent } from './events.ts'
import type { PeerName } from './threads/messages.ts'

const EVENT_INTERVAL_MS = 60_000
const REFUSALS: readonly ConnectionRefusal[] = ['connections_full', 'connections_per_address']
const NONE: ConnectionStatus = { open: 0, evicted: 0, refused: { connections_full: 0, connections_per_address: 0 } }

export class ConnectionWatch {
  readonly #reports = new Map<PeerName, ConnectionStatus>()
  /** Of workers that died: counters never fall. */
  #past = NONE
  readonly #told = new Map<ConnectionRefusal, { count: number; atMs: number }>()

  status(): ConnectionStatus {
    return [...this.#reports.values()].reduce(sum, this.#past)
  }

  /** Returns what people should be told now. */
  note(worker: PeerName, report: ConnectionStatus, nowMs: number): readonly MirrorEvent[] {
    this.#reports.set(worker, report)
    const { refused } = this.status()
    return REFUSALS.flatMap((code) => {
      const told = this.#told.get(code) ?? { count: 0, atMs: Number.NEGATIVE_INFINITY }
      const news = refused[code] - told.count
      if (news === 0 || nowMs - told.atMs < EVENT_INTERVAL_MS) return []
      this.#told.set(code, { count: refused[code], atMs: nowMs })
      const message = `Refused ${news} connections to the media port: ${ERRORS[code].title.toLowerCase()}. ${ERRORS[code].advice}`
      const details = { count: news }
      return [{ type: 'system.warning', severity: 'warning', streamId: null, atMs: nowMs, code, message, details }]
    })
  }

  forget(worker: PeerName): void {
    const report = this.#reports.get(worker)
    if (report === undefined) return
    this.#reports.delete(worker)
    this.#past = sum(this.#past, { ...report, open: 0 })
  }
}

function sum(a: ConnectionStatus, b: ConnectionStatus): ConnectionStatus {
  return {
    open: a.open + b.open,
    evicted: a.evicted + b.evicted,
    refused: {
      connections_full: a.refused.connections_full + b.refused.connections_full,
      connections_per_address: a.refused.connections_per_address + b.refused.connections_per_address,
    },
  }
}
