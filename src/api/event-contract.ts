// Events, and the messages of /api/v1/ws.
import { z } from 'zod'
import type { EventType } from '../live/events.ts'
import type { LiveView, StreamView } from './stream-contract.ts'
import type { Problem } from './system-contract.ts'

export const eventSchema = z
  .object({
    /** Cursor for paging; 0 in a message on /api/v1/ws, which may come before the event is stored. */
    seq: z.number(),
    type: z.string(),
    severity: z.enum(['info', 'warning', 'error']),
    streamId: z.string().nullable(),
    at: z.iso.datetime(),
    code: z.string().nullable(),
    message: z.string(),
    details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  })
  .meta({ id: 'Event' })

/** Client to server on /api/v1/ws. Topics: `stream.<id>`, and with a role also `streams` (all streams),
 *  `recordings` (of all calls), `recording.<id>`, `assets`, `asset.<id>` and `system`. */
export const wsClientMessageSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('subscribe'),
    data: z.strictObject({ topics: z.array(z.string().max(80)).max(200) }),
  }),
  z.strictObject({
    type: z.literal('unsubscribe'),
    data: z.strictObject({ topics: z.array(z.string().max(80)).max(200) }),
  }),
  z.strictObject({ type: z.literal('ping') }),
])

export const eventPageSchema = z.object({
  events: z.array(eventSchema).meta({ description: 'Newest first' }),
  /** Pass as `before` for the next, older page; null: there is none. */
  nextBefore: z.number().nullable(),
})

export const eventQuerySchema = z.strictObject({
  before: z.coerce.number().int().positive().optional().meta({ description: 'Only events older than this `seq`' }),
  limit: z.coerce.number().int().min(1).max(500).default(50).meta({ description: 'Events per page' }),
})

export type EventPageView = z.infer<typeof eventPageSchema>
export type EventView = z.infer<typeof eventSchema>
export type WsClientMessage = z.infer<typeof wsClientMessageSchema>

/** Server to client on /api/v1/ws. `stream.status` comes about once a second per subscribed live stream. */
export type WsServerMessage =
  | { readonly type: 'hello'; readonly data: { readonly role: 'viewer' | 'operator' | 'admin' | null } }
  | {
      readonly type: 'subscribed'
      readonly data: { readonly topics: readonly string[]; readonly refused: readonly string[] }
    }
  | {
      readonly type: 'stream.status'
      readonly data: { readonly id: string; readonly status: StreamView['status']; readonly live: LiveView }
    }
  | { readonly type: EventType; readonly data: EventView }
  | { readonly type: 'pong' }
  | { readonly type: 'error'; readonly data: Problem }
