import type { Command } from 'commander'
import type {
  AddWebhookBody,
  DeliveryPageView,
  DeliveryView,
  ReplayedView,
  WebhookListView,
  WebhookView,
  WebhookWithSecretView,
} from '../api/webhook-contract.ts'
import { CliError } from './cli-error.ts'
import { serverCommand } from './server-command.ts'
import type { WithSession } from './session.ts'
import { renderFacts, renderTable, renderTime } from './table.ts'

/** Longer than an endpoint is waited for. */
const TEST_TIMEOUT_MS = 30_000

interface AddFlags {
  type?: string[]
  description?: string
}

interface ReplayFlags {
  since?: string
  failed?: boolean
}

export function addWebhookCommands(
  program: Command,
  withSession: WithSession,
  setExitCode: (code: number) => void,
): void {
  const webhook = program.command('webhook').description('addresses that are told of events')

  serverCommand(webhook, 'list', 'list webhooks').action((_flags, self: Command) =>
    withSession(self, async ({ client, print }) => {
      const { webhooks } = await client.get<WebhookListView>('/webhooks')
      const rows = webhooks.map((each) => [each.id, each.url ?? '?', each.types.join(' '), stateOf(each)])
      print(webhooks, renderTable(['ID', 'ADDRESS', 'EVENTS', 'STATE'], rows))
    }),
  )

  serverCommand(webhook, 'add <address>', 'have an address told of events; its secret is shown once')
    .option('--type <type...>', 'events: recording.completed, a group such as asset.*, or * (default)')
    .option('--description <text>', 'for people')
    .action((url: string, { type, description }: AddFlags, self: Command) =>
      withSession(self, async ({ client, print }) => {
        const body: AddWebhookBody = {
          url,
          ...(type === undefined ? {} : { types: type }),
          ...(description === undefined ? {} : { description }),
        }
        const added = await client.post<WebhookWithSecretView>('/webhooks', body)
        print(added, `${added.secret}\nThis is the only time the secret of the webhook ${added.id} is shown.\n`)
      }),
    )

  serverCommand(webhook, 'show <id>', 'show a webhook').action((id: string, _flags, self: Command) =>
    withSession(self, async ({ client, print }) => {
      const shown = await client.get<WebhookView>(pathOf(id))
      print(shown, renderWebhook(shown))
    }),
  )

  for (const [name, enabled, words] of [
    ['enable', true, 'switch a webhook on; what waited is sent'],
    ['disable', false, 'switch a webhook off'],
  ] as const) {
    serverCommand(webhook, `${name} <id>`, words).action((id: string, _flags, self: Command) =>
      withSession(self, async ({ client, print }) => {
        const changed = await client.patch<WebhookView>(pathOf(id), { enabled })
        print(changed, `The webhook is ${enabled ? 'on' : 'off'}.\n`)
      }),
    )
  }

  serverCommand(webhook, 'rotate <id>', 'give a webhook a new secret; it is shown once')
    .option('--keep-old <seconds>', 'how long messages carry the signature of the old one, too', '86400')
    .action((id: string, { keepOld }: { keepOld: string }, self: Command) =>
      withSession(self, async ({ client, print }) => {
        const keepOldSec = Number(keepOld)
        const rotated = await client.post<WebhookWithSecretView>(`${pathOf(id)}/rotate`, { keepOldSec })
        print(rotated, `${rotated.secret}\nThis is the only time the new secret is shown.\n`)
      }),
    )

  serverCommand(webhook, 'test <id>', 'send one message now; exit code 1 when it does not arrive').action(
    (id: string, _flags, self: Command) =>
      withSession(self, async ({ client, print }) => {
        const sent = await client.post<DeliveryView>(`${pathOf(id)}/test`, undefined, TEST_TIMEOUT_MS)
        print(sent, renderDelivery(sent))
        if (sent.state !== 'delivered') setExitCode(1)
      }),
  )

  addDeliveryCommands(webhook, withSession)

  serverCommand(webhook, 'remove <id>', 'remove a webhook and what waits for it').action(
    (id: string, _flags, self: Command) =>
      withSession(self, async ({ client, print }) => {
        await client.delete(pathOf(id))
        print({ removed: id }, 'The webhook was removed.\n')
      }),
  )
}

function addDeliveryCommands(webhook: Command, withSession: WithSession): void {
  serverCommand(webhook, 'deliveries <id>', 'list what was sent or waits, newest first')
    .option('--state <state>', 'waiting, delivered or failed')
    .option('--limit <count>', 'how many', '20')
    .action((id: string, { state, limit }: { state?: string; limit: string }, self: Command) =>
      withSession(self, async ({ client, print }) => {
        const query = new URLSearchParams({ limit, ...(state === undefined ? {} : { state }) })
        const page = await client.get<DeliveryPageView>(`${pathOf(id)}/deliveries?${query}`)
        const rows = page.deliveries.map((each) => [
          ...[renderTime(each.eventAt), each.type, each.state, String(each.attempts)],
          ...[each.failure ?? String(each.status ?? ''), each.id],
        ])
        print(page, renderTable(['EVENT', 'TYPE', 'STATE', 'ATTEMPTS', 'ANSWER', 'ID'], rows))
      }),
    )

  serverCommand(webhook, 'replay <id> [delivery]', 'send one message again, or all since a time')
    .option('--since <time>', 'ISO 8601, or -24h')
    .option('--failed', 'only what was given up')
    .action((id: string, delivery: string | undefined, { since, failed }: ReplayFlags, self: Command) =>
      withSession(self, async ({ client, print }) => {
        if ((delivery === undefined) === (since === undefined)) {
          throw new CliError('Which messages?', 'Name one delivery, or a time with --since.')
        }
        if (delivery !== undefined) {
          const path = `${pathOf(id)}/deliveries/${encodeURIComponent(delivery)}/replay`
          const sent = await client.post<DeliveryView>(path)
          print(sent, 'It is sent again.\n')
          return
        }
        const body = { since, ...(failed === true ? { failedOnly: true } : {}) }
        const { replayed, more } = await client.post<ReplayedView>(`${pathOf(id)}/replay`, body)
        const rest = more ? ' There may be more than wait at once: replay the rest when they have arrived.' : ''
        print({ replayed, more }, `${replayed} messages are sent again.${rest}\n`)
      }),
    )
}

const REASONS: Readonly<Record<NonNullable<WebhookView['disabledReason']>, string>> = {
  failing: 'off: nothing arrived for three days',
  gone: 'off: it answered 410 Gone',
  queue_full: 'off: too many messages waited',
}

function stateOf({ enabled, disabledReason, failingSince }: WebhookView): string {
  if (disabledReason !== null) return REASONS[disabledReason]
  if (!enabled) return 'off'
  return failingSince === null ? 'on' : `fails since ${renderTime(failingSince)}`
}

function renderWebhook(shown: WebhookView): string {
  return renderFacts([
    ['id', shown.id],
    ['address', shown.url ?? 'sealed under another installation secret: add the webhook again'],
    ['events', shown.types.join(' ')],
    ['state', stateOf(shown)],
    ['last success', renderTime(shown.lastSuccessAt)],
    ['last failure', shown.lastFailure ?? '–'],
    ['old secret', shown.oldSecretUntil === null ? '–' : `signs until ${renderTime(shown.oldSecretUntil)}`],
    ['description', shown.description],
  ])
}

function renderDelivery({ state, status, failure, tookMs }: DeliveryView): string {
  if (state === 'delivered') return `It arrived: status ${status} after ${tookMs} ms.\n`
  return `It did not arrive: ${failure ?? 'it waits'}\n`
}

function pathOf(id: string): string {
  return `/webhooks/${encodeURIComponent(id)}`
}
