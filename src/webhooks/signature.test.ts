import { expect, test } from 'vitest'
import { newWebhookSecret, signMessage } from './signature.ts'

// The vector that the libraries of Standard Webhooks are tested with (standard-webhooks/standard-webhooks, libraries/*).
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const MESSAGE = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', body: '{"test": 2432232314}' }
const NOW_MS = 1_614_265_330_000

test('a message is signed as the libraries of Standard Webhooks sign it', () => {
  expect(signMessage({ secret: SECRET, previous: null }, MESSAGE, NOW_MS)).toEqual({
    'webhook-id': MESSAGE.id,
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  })
})

test('while a secret is replaced both sign, the new one first, and afterwards the new one alone', () => {
  const secret = newWebhookSecret()
  const at = (nowMs: number) =>
    signMessage({ secret, previous: { secret: SECRET, untilMs: NOW_MS + 1000 } }, MESSAGE, nowMs)['webhook-signature']
  const own = (nowMs: number) => signMessage({ secret, previous: null }, MESSAGE, nowMs)['webhook-signature']
  expect(at(NOW_MS)).toBe(`${own(NOW_MS)} v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=`)
  expect(at(NOW_MS + 1000)).toBe(own(NOW_MS + 1000))
})

test('a secret is 32 random bytes behind whsec_', () => {
  const secrets = [newWebhookSecret(), newWebhookSecret()]
  for (const each of secrets) expect(Buffer.from(each.replace(/^whsec_/, ''), 'base64')).toHaveLength(32)
  expect(new Set(secrets).size).toBe(2)
})
