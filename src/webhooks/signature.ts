// Signatures as Standard Webhooks has them (github.com/standard-webhooks, spec 1.0): HMAC-SHA-256 over id, time and body.
import { createHmac, randomBytes } from 'node:crypto'
import type { RandomBytes } from '../core/secrets.ts'
import type { WebhookSecrets } from './webhook.ts'

const PREFIX = 'whsec_'
/** The specification asks for 24 to 64. */
const SECRET_BYTES = 32

export function newWebhookSecret(random: RandomBytes = randomBytes): string {
  return `${PREFIX}${Buffer.from(random(SECRET_BYTES)).toString('base64')}`
}

export interface SignedHeaders {
  readonly 'webhook-id': string
  /** Unix seconds of the attempt: receivers refuse what is old, so that nobody sends it again. */
  readonly 'webhook-timestamp': string
  /** One `v1,<base64>` per secret that is valid now, divided by spaces. */
  readonly 'webhook-signature': string
}

export function signMessage(
  { secret, previous }: Pick<WebhookSecrets, 'secret' | 'previous'>,
  { id, body }: { readonly id: string; readonly body: string },
  nowMs: number,
): SignedHeaders {
  const timestamp = String(Math.floor(nowMs / 1000))
  const secrets = previous !== null && nowMs < previous.untilMs ? [secret, previous.secret] : [secret]
  const signatures = secrets.map((each) => {
    const key = Buffer.from(each.slice(PREFIX.length), 'base64')
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
  })
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') }
}
