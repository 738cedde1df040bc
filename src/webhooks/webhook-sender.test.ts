import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { told, webhook } from '../../test/contract/webhooks.ts'
import { openCatalog } from '../catalog/open-catalog.ts'
import type { Catalog } from '../catalog/types.ts'
import { silentLog } from '../core/log.ts'
import { orAborted } from '../storage/abortable.ts'
import { DISABLE_AFTER_MS } from './after-attempt.ts'
import { type Attempt, TEST_TYPE, type WebhookSecrets } from './webhook.ts'
import { type AttemptResult, WebhookSender, type WebhookSenderHost } from './webhook-sender.ts'

const SECRETS: WebhookSecrets = { url: 'https://shop.example/hook', secret: 'whsec_AAAA', previous: null }
const ARRIVED: Attempt = { status: 200, failure: null, response: '', tookMs: 1, retryAfterMs: null }
const FAILED: Attempt = { ...ARRIVED, status: 500, failure: 'It answered with status 500' }

let folder: string
let catalog: Catalog
const clock = { skipMs: 0 }
const now = () => Date.now() + clock.skipMs

beforeEach(async () => {
  clock.skipMs = 0
  folder = await mkdtemp(join(tmpdir(), 'mirror-webhooks-'))
  const signal = new AbortController().signal
  catalog = await openCatalog({ kind: 'sqlite', path: join(folder, 'catalog.sqlite') }, { log: silentLog, signal })
})
afterEach(async () => {
  await catalog[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const urlOf = (sealed: string) => (sealed === 'slow' ? 'https://slow.example/' : SECRETS.url)

function open(post: WebhookSenderHost['post']) {
  const results: AttemptResult[] = []
  const disabled: unknown[] = []
  const sender = new WebhookSender({
    ...{ webhooks: catalog.webhooks, post, now, random: () => 0.5, log: silentLog, pollMs: 20 },
    openSealed: (sealed) => (sealed === 'lost' ? null : JSON.stringify({ ...SECRETS, url: urlOf(sealed) })),
  })
  sender.onAttempt((result) => results.push(result))
  sender.onDisabled(({ id, disabledReason }) => disabled.push([id, disabledReason]))
  return { sender, results, disabled }
}

const endpoint = async (id = 'one', change: Parameters<typeof webhook>[1] = {}) =>
  await catalog.webhooks.create(webhook(id, change))
const happen = async (...ids: string[]) =>
  await catalog.events.append(ids.map((id) => told(id, { atMs: now(), streamId: id.slice(0, 1) })))
const state = async (id: string, webhookId = 'one') =>
  (await catalog.webhooks.delivery('default', webhookId, id))?.state

test('what waits is sent, signed, and tried again until it arrives, in the order of its object', async () => {
  await endpoint()
  await happen('a1', 'b1', 'a2')
  const sent: string[] = []
  let isUp = false
  const { sender, results } = open(async (url, { headers, body }) => {
    expect([url, headers['webhook-signature']]).toEqual([SECRETS.url, expect.stringMatching(/^v1,/)])
    sent.push(`${headers['webhook-id']} ${(JSON.parse(body) as { id: string }).id}`)
    return isUp ? ARRIVED : FAILED
  })
  await using _sender = sender
  await sender.start({ isAlone: true })
  await expect.poll(() => results).toEqual(['retried', 'retried'])
  expect(sent.toSorted()).toEqual(['a1 a1', 'b1 b1'])
  isUp = true
  clock.skipMs = 60_000
  await expect.poll(() => state('a2')).toBe('delivered')
  await expect.poll(() => state('b1')).toBe('delivered')
  expect(sent.filter((each) => each.startsWith('a'))).toEqual(['a1 a1', 'a1 a1', 'a2 a2'])
})

test('a slow endpoint has four messages under way at most, and others do not wait for it', async () => {
  await endpoint('slow', { sealed: 'slow' })
  await endpoint('quick')
  await happen(...Array.from({ length: 9 }, (_, n) => `${n}`))
  const stuck = Promise.withResolvers<Attempt>()
  let slow = 0
  const { sender } = open(async (url, _message, signal) => {
    if (url === SECRETS.url) return ARRIVED
    slow += 1
    return await orAborted(stuck.promise, signal)
  })
  await using _sender = sender
  await sender.start({ isAlone: true })
  for (let n = 0; n < 9; n += 1) await expect.poll(() => state(`${n}`, 'quick')).toBe('delivered')
  await expect.poll(() => slow).toBe(4)
  stuck.resolve(ARRIVED)
  for (let n = 0; n < 9; n += 1) await expect.poll(() => state(`${n}`, 'slow')).toBe('delivered')
})

test('an endpoint that has failed is sent one message at a time', async () => {
  await endpoint()
  const waiting: PromiseWithResolvers<Attempt>[] = []
  const { sender, results } = open(async (_url, _message, signal) => {
    const answer = Promise.withResolvers<Attempt>()
    waiting.push(answer)
    return await orAborted(answer.promise, signal)
  })
  await using _sender = sender
  await sender.start({ isAlone: true })
  await happen('a')
  await expect.poll(() => waiting.length).toBe(1)
  waiting[0]?.resolve(FAILED)
  await expect.poll(() => results).toEqual(['retried'])
  await happen('b', 'c', 'd')
  await expect.poll(() => waiting.length).toBe(2)
  waiting[1]?.resolve(ARRIVED)
  await expect.poll(() => waiting.length).toBe(4)
  for (const answer of waiting) answer.resolve(ARRIVED)
})

test('an endpoint at which nothing arrives for three days is switched off, and told of once', async () => {
  await endpoint()
  const { sender, results, disabled } = open(async () => FAILED)
  await using _sender = sender
  await sender.start({ isAlone: true })
  await happen('a')
  await expect.poll(() => results.length).toBe(1)
  clock.skipMs = DISABLE_AFTER_MS + 60_000
  await happen('b')
  await expect.poll(() => disabled).toEqual([['one', 'failing']])
  const attempts = results.length
  await happen('c')
  sender.wake()
  expect(await catalog.webhooks.nextAtMs()).toBeNull()
  expect(results).toHaveLength(attempts)
  expect(await state('c')).toBeUndefined()
})

test('a message that is given up lets the next one about its object pass', async () => {
  await endpoint()
  await happen('a1')
  clock.skipMs = 25 * 3_600_000
  await happen('a2')
  const { sender } = open(async (_url, { headers }) => (headers['webhook-id'] === 'a1' ? FAILED : ARRIVED))
  await using _sender = sender
  await sender.start({ isAlone: true })
  await expect.poll(() => state('a2')).toBe('delivered')
  expect(await state('a1')).toBe('failed')
})

test('a stop breaks off what is under way, and it is sent again by whoever comes next', async () => {
  await endpoint()
  await happen('a')
  const begun = Promise.withResolvers<void>()
  const first = open(async (_url, _message, signal) => {
    begun.resolve()
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    return ARRIVED
  })
  await first.sender.start({ isAlone: true })
  await begun.promise
  await first.sender[Symbol.asyncDispose]()
  const delivery = await catalog.webhooks.delivery('default', 'one', 'a')
  expect(delivery).toMatchObject({ state: 'waiting', attempt: 0, leaseUntilMs: null })
  const second = open(async () => ARRIVED)
  await using _second = second.sender
  await second.sender.start({ isAlone: true })
  await expect.poll(() => state('a')).toBe('delivered')
})

test('a test is sent once, also to an endpoint that is off, and says nothing of how that does', async () => {
  await endpoint('one', { enabled: false })
  const { sender } = open(async () => FAILED)
  await using _sender = sender
  const row = await catalog.webhooks.get('default', 'one')
  if (row === null) throw new Error('none')
  expect(await sender.sendTest(row, { id: 't', body: '{}' })).toMatchObject({
    ...{ id: 't', type: TEST_TYPE, state: 'failed', status: 500, attempt: 1 },
  })
  expect(await catalog.webhooks.get('default', 'one')).toMatchObject({ failingSinceMs: null, lastFailure: null })
})

test('an endpoint whose secret cannot be opened fails in words, and nothing is sent', async () => {
  await endpoint('one', { sealed: 'lost' })
  await happen('a')
  const { sender, results } = open(async () => {
    throw new Error('must not be asked')
  })
  await using _sender = sender
  await sender.start({ isAlone: true })
  await expect.poll(() => results).toEqual(['retried'])
  expect((await catalog.webhooks.get('default', 'one'))?.lastFailure).toContain('another installation secret')
})
