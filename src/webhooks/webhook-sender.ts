// Brings what waits in the catalog to the endpoints, and writes down how each attempt went.
import type { Catalog } from '../catalog/types.ts'
import { toMirrorError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { afterAttempt, disabledBy, type NextStep } from './after-attempt.ts'
import type { postMessage } from './post-message.ts'
import { signMessage } from './signature.ts'
import { type Attempt, type DeliveryRow, TEST_TYPE, type WebhookRow, type WebhookSecrets } from './webhook.ts'

/** Attempts at once, to all endpoints. */
const AT_ONCE = 16
/** To one endpoint, so that a slow one has no more than its part. */
const PER_ENDPOINT = 4
/** Longer than an attempt takes: only what was given up is sent by somebody else. */
const LEASE_MS = 60_000
/** How late a message may be that was stored without a word. */
const POLL_MS = 1000
const OVERFULL_MS = 10_000
const TRIM_MS = 3_600_000
export const KEEP_MS = 7 * 24 * 3_600_000
export const KEEP_DELIVERIES = 100_000

export type AttemptResult = 'delivered' | 'retried' | 'failed'

export interface WebhookSenderHost {
  readonly webhooks: Catalog['webhooks']
  /** Null when it was sealed under another installation secret. */
  readonly openSealed: (sealed: string) => string | null
  readonly post: (
    url: string,
    message: Parameters<typeof postMessage>[1],
    signal: AbortSignal,
  ) => ReturnType<typeof postMessage>
  readonly now: () => number
  readonly random: () => number
  readonly log: Log
  /** Omitted: one second. */
  readonly pollMs?: number
}

type Claimed = NonNullable<Awaited<ReturnType<Catalog['webhooks']['claim']>>>

/** Disposing breaks off what is under way and gives it back: it is sent again by whoever comes next. */
export class WebhookSender implements AsyncDisposable {
  readonly #host: WebhookSenderHost
  readonly #stop = new AbortController()
  readonly #underWay = new Map<Promise<void>, string>()
  /** Endpoints that failed when they were asked last get one message at a time. */
  readonly #failing = new Set<string>()
  readonly #attemptListeners = new Set<(result: AttemptResult) => void>()
  readonly #disabledListeners = new Set<(webhook: WebhookRow) => void>()
  #timer: NodeJS.Timeout | undefined
  #turn: Promise<void> | null = null
  #isWoken = false
  #checkedAtMs = Number.NEGATIVE_INFINITY
  #trimmedAtMs = Number.NEGATIVE_INFINITY

  constructor(host: WebhookSenderHost) {
    this.#host = host
  }

  /** `isAlone`: no other process sends for this database. Rejects with `database_unavailable`. */
  async start({ isAlone }: { readonly isAlone: boolean }): Promise<void> {
    if (isAlone) await this.#host.webhooks.endLeases()
    this.#timer = setInterval(() => this.wake(), this.#host.pollMs ?? POLL_MS)
    this.wake()
  }

  /** Something may wait now. */
  wake(): void {
    if (this.#timer === undefined || this.#stop.signal.aborted) return
    this.#isWoken = true
    this.#turn ??= this.#takeTurns().finally(() => {
      this.#turn = null
    })
  }

  /** Listeners must not throw. */
  onAttempt(listener: (result: AttemptResult) => void): () => void {
    this.#attemptListeners.add(listener)
    return () => void this.#attemptListeners.delete(listener)
  }

  /** Of endpoints that Mirror switched off. Listeners must not throw. */
  onDisabled(listener: (webhook: WebhookRow) => void): () => void {
    this.#disabledListeners.add(listener)
    return () => void this.#disabledListeners.delete(listener)
  }

  /** One message of its own, at once and once, whether the endpoint is on or off. */
  async sendTest(webhook: WebhookRow, message: { readonly id: string; readonly body: string }): Promise<DeliveryRow> {
    const nowMs = this.#host.now()
    const delivery: DeliveryRow = {
      ...{ ...message, webhookId: webhook.id, tenantId: webhook.tenantId, type: TEST_TYPE, object: null },
      ...{ state: 'waiting', attempt: 1, fence: 1, leaseUntilMs: nowMs + LEASE_MS },
      ...{ nextAtMs: nowMs, giveUpAtMs: nowMs, atMs: nowMs, finishedAtMs: null },
      ...{ status: null, failure: null, response: null, tookMs: null },
    }
    await this.#host.webhooks.addClaimed(delivery)
    return (await this.#attempt({ delivery, webhook })) ?? delivery
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    this.#stop.abort(new Error('Mirror stops'))
    await this.#turn
    await Promise.all(this.#underWay.keys())
  }

  async #takeTurns(): Promise<void> {
    while (this.#isWoken && !this.#stop.signal.aborted) {
      this.#isWoken = false
      try {
        await this.#housekeeping()
        while (!this.#stop.signal.aborted && (await this.#claimOne())) {}
      } catch (error) {
        // The database is away; the next poll tries again.
        this.#host.log.warn('webhooks cannot be read', { error: toMirrorError(error).message })
      }
    }
  }

  async #claimOne(): Promise<boolean> {
    const { webhooks, now } = this.#host
    if (this.#underWay.size >= AT_ONCE) return false
    // Mostly nothing waits, and finding that out takes no write lock.
    const nextAtMs = await webhooks.nextAtMs()
    const nowMs = now()
    if (nextAtMs === null || nextAtMs > nowMs) return false
    const claimed = await webhooks.claim({ nowMs, leaseMs: LEASE_MS, except: this.#busy() })
    if (claimed === null) return false
    const work: Promise<void> = this.#attempt(claimed)
      .then(
        () => {},
        (error: unknown) => {
          const { message } = toMirrorError(error)
          this.#host.log.warn('how a message to an endpoint went could not be written', { error: message })
        },
      )
      .finally(() => {
        this.#underWay.delete(work)
        this.wake()
      })
    this.#underWay.set(work, claimed.webhook.id)
    return true
  }

  #busy(): readonly string[] {
    const counts = new Map<string, number>()
    for (const id of this.#underWay.values()) counts.set(id, (counts.get(id) ?? 0) + 1)
    return [...counts].flatMap(([id, count]) => (count >= (this.#failing.has(id) ? 1 : PER_ENDPOINT) ? [id] : []))
  }

  /** Null when somebody else took it over meanwhile, or it was given back. */
  async #attempt({ delivery, webhook }: Claimed): Promise<DeliveryRow | null> {
    const { webhooks, now, random } = this.#host
    const attempt = await this.#send(delivery, webhook).catch((error: unknown) => {
      if (this.#stop.signal.aborted) return null
      throw error
    })
    if (attempt === null) {
      await webhooks.release(delivery, now())
      return null
    }
    const nowMs = now()
    const isTest = delivery.type === TEST_TYPE
    const step: NextStep =
      isTest && attempt.failure !== null ? { kind: 'failed' } : afterAttempt(delivery, attempt, { nowMs, random })
    const disabled = isTest ? null : disabledBy(webhook, attempt, nowMs)
    if (attempt.failure === null) this.#failing.delete(webhook.id)
    else this.#failing.add(webhook.id)
    const settled = await webhooks.settle(delivery, { attempt, step, disabled }, nowMs)
    if (settled === null) return null
    const result = step.kind === 'retry' ? 'retried' : step.kind
    for (const listener of this.#attemptListeners) listener(result)
    if (settled.isDisabled) this.#tellDisabled({ ...webhook, enabled: false, disabledReason: disabled })
    return settled.delivery
  }

  async #send({ id, body }: DeliveryRow, { sealed }: WebhookRow): Promise<Attempt> {
    const { openSealed, post, now } = this.#host
    const opened = openSealed(sealed)
    if (opened === null)
      return { ...NOT_SENT, failure: 'Its address and secret were sealed under another installation secret' }
    const secrets = JSON.parse(opened) as WebhookSecrets
    return await post(
      secrets.url,
      { headers: { ...signMessage(secrets, { id, body }, now()) }, body },
      this.#stop.signal,
    )
  }

  async #housekeeping(): Promise<void> {
    const { webhooks, now } = this.#host
    const nowMs = now()
    if (nowMs - this.#checkedAtMs >= OVERFULL_MS) {
      const sinceMs = this.#checkedAtMs
      this.#checkedAtMs = nowMs
      // Whoever has only just started could not deliver anything yet.
      if (Number.isFinite(sinceMs))
        for (const webhook of await webhooks.disableOverfull({ nowMs, sinceMs })) this.#tellDisabled(webhook)
    }
    if (nowMs - this.#trimmedAtMs >= TRIM_MS) {
      this.#trimmedAtMs = nowMs
      await webhooks.trim({ beforeMs: nowMs - KEEP_MS, keep: KEEP_DELIVERIES })
    }
  }

  #tellDisabled(webhook: WebhookRow): void {
    for (const listener of this.#disabledListeners) listener(webhook)
  }
}

const NOT_SENT = { status: null, response: null, tookMs: 0, retryAfterMs: null } as const
