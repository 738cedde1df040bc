// How Mirror tells people what went wrong: an event in the API, a line in the log, a message on the WebSocket.
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { WebSocket } from 'ws'
import type { EventView } from '../../src/api/event-contract.ts'
import type { MirrorProcess } from './mirror-process.ts'
import { Patience } from './patience.ts'

/** What the specification allows from the fault to the event, on a machine that gets on. */
const TOLD_WITHIN_MS = 1000

export interface Told {
  readonly type: string
  readonly code: string
  /** Null: about no known stream. */
  readonly streamId: string | null
  /** What a person reads. */
  readonly message: RegExp
}

/**
 * The event is in the API within a second from now and the log has a line about the same. `sinceMs`: events of earlier
 * tests do not count.
 */
export async function expectTold(mirror: MirrorProcess, told: Told, sinceMs = 0): Promise<EventView> {
  const { type, code, streamId, message } = told
  const event = await mirror.waitForEvent(
    (each) => each.type === type && each.code === code && each.streamId === streamId && Date.parse(each.at) >= sinceMs,
    TOLD_WITHIN_MS,
  )
  expect(event.message).toMatch(message)
  // A kind that repeats is logged once in ten seconds: the line may be about the first of them.
  const isAbout = (line: Readonly<Record<string, unknown>>) =>
    line['type'] === type && line['code'] === code && (line['streamId'] ?? null) === streamId
  // Written before the event could be asked for, but it comes by another way.
  const patience = new Patience(TOLD_WITHIN_MS)
  while (!logLines(mirror).some(isAbout)) {
    if (patience.isOver)
      throw new Error(`no log line about ${type} ${code} ${streamId}:\n${mirror.output.slice(-3000)}`)
    await delay(20)
  }
  return event
}

export function logLines(mirror: MirrorProcess): readonly Readonly<Record<string, unknown>>[] {
  return mirror.output.split('\n').flatMap((line) => {
    if (!line.startsWith('{') || !line.endsWith('}')) return []
    return [JSON.parse(line) as Record<string, unknown>]
  })
}

/** Listens on /api/v1/ws as an operator of the console does. */
export class EventSocket implements Disposable {
  readonly events: EventView[] = []
  readonly #socket: WebSocket

  private constructor(socket: WebSocket) {
    this.#socket = socket
  }

  /** Resolves when the subscription holds. */
  static async open(mirror: MirrorProcess, topics: readonly string[]): Promise<EventSocket> {
    const socket = new WebSocket(`${mirror.consoleUrl.replace('http', 'ws')}/api/v1/ws`, ['bearer', mirror.apiKey])
    const listener = new EventSocket(socket)
    await new Promise<void>((resolve, reject) => {
      socket.on('error', reject)
      socket.on('open', () => socket.send(JSON.stringify({ type: 'subscribe', data: { topics } })))
      socket.on('message', (data) => {
        const message = JSON.parse(String(data)) as { type: string; data: EventView }
        if (message.type === 'subscribed') resolve()
        else listener.events.push({ ...message.data, type: message.type })
      })
    })
    return listener
  }

  async expectEvent(type: string, code: string): Promise<void> {
    const patience = new Patience(TOLD_WITHIN_MS)
    while (!this.events.some((event) => event.type === type && event.code === code)) {
      const heard = this.events.map((event) => `${event.type} ${event.code}`)
      if (patience.isOver) throw new Error(`${type} ${code} was not told, but: ${heard.join(', ')}`)
      await delay(20)
    }
  }

  [Symbol.dispose](): void {
    this.#socket.terminate()
  }
}
