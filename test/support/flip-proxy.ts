// An HTTP proxy that can be turned from one origin to another in the middle of everything, as a CDN's failover does:
// requests that are under way stay with the origin that they went to.
import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export class FlipProxy implements AsyncDisposable {
  /** Requests answered by each origin, by its address. */
  readonly answered = new Map<string, number>()
  /** Answers of 400 and more, and requests that failed. */
  readonly failures: string[] = []
  readonly #server: Server
  readonly #agent = new Agent({ keepAlive: true })
  #upstream: string

  private constructor(upstream: string) {
    this.#upstream = upstream
    this.#server = createServer((incoming, response) => this.#pass(incoming, response))
  }

  static async start(upstream: string): Promise<FlipProxy> {
    const proxy = new FlipProxy(upstream)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  turnTo(upstream: string): void {
    this.#upstream = upstream
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    this.#agent.destroy()
    await once(this.#server, 'close')
  }

  #pass(incoming: IncomingMessage, response: ServerResponse): void {
    const upstream = this.#upstream
    const path = incoming.url ?? '/'
    const forward = request(`${upstream}${path}`, {
      method: incoming.method ?? 'GET',
      headers: incoming.headers,
      agent: this.#agent,
    })
    forward.on('response', (answer) => {
      const status = answer.statusCode ?? 502
      this.answered.set(upstream, (this.answered.get(upstream) ?? 0) + 1)
      if (status >= 400) this.failures.push(`${path} → ${status}`)
      response.writeHead(status, answer.rawHeaders)
      answer.pipe(response)
    })
    forward.on('error', (error) => {
      if (!response.destroyed) this.failures.push(`${path}: ${error.message}`)
      response.destroy()
    })
    // A player that goes away or changes its mind takes its request along.
    response.on('close', () => void forward.destroy())
    incoming.pipe(forward)
  }
}
