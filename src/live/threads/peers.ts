// The ports of one thread to its peers. A peer that dies is replaced under the same name; messages to nobody are dropped,
// because the replacement is told everything anew.
import type { MessagePort } from 'node:worker_threads'
import type { PeerMessage, PeerName } from './messages.ts'

export class Peers {
  readonly #ports = new Map<PeerName, MessagePort>()
  readonly #onMessage: (from: PeerName, message: PeerMessage) => void

  constructor(onMessage: (from: PeerName, message: PeerMessage) => void) {
    this.#onMessage = onMessage
  }

  get names(): readonly PeerName[] {
    return [...this.#ports.keys()]
  }

  /** True when the name was known before, that is, when a dead peer was replaced. */
  connect(name: PeerName, port: MessagePort): boolean {
    const previous = this.#ports.get(name)
    previous?.close()
    this.#ports.set(name, port)
    port.on('message', (message: PeerMessage) => this.#onMessage(name, message))
    return previous !== undefined
  }

  send(name: PeerName, message: PeerMessage): void {
    this.#ports.get(name)?.postMessage(message, transferOf(message))
  }

  broadcast(message: PeerMessage, isWanted: (name: PeerName) => boolean): void {
    for (const [name, port] of this.#ports) if (isWanted(name)) port.postMessage(message)
  }

  close(): void {
    for (const port of this.#ports.values()) port.close()
    this.#ports.clear()
  }
}

/** Input bytes that own their whole buffer are moved, not copied. */
function transferOf(message: PeerMessage): ArrayBuffer[] {
  if (message.to !== 'owner' || message.message.kind !== 'data') return []
  const { bytes } = message.message
  const { buffer } = bytes
  return buffer instanceof ArrayBuffer && bytes.byteLength === buffer.byteLength ? [buffer] : []
}
