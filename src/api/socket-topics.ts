// Which topic hears what, and what is left out for whom. Pure.
import type { Role } from '../catalog/types.ts'
import { isStreamId } from '../core/stream-id.ts'
import type { LiveStatus } from '../live/control.ts'
import type { EventType, MirrorEvent } from '../live/events.ts'
import type { EventView, WsServerMessage } from './event-contract.ts'
import { renderEvent, renderLive, renderPublicLive } from './stream-view.ts'

export const MAX_TOPICS = 200

/** What anybody may hear of a public stream, in words that name no encoder, address or fault. */
const PUBLIC_EVENTS: Partial<Record<EventType, string>> = {
  'stream.started': 'The stream started',
  'stream.stopped': 'The stream ended',
  'stream.interrupted': 'The stream is interrupted',
  'stream.resumed': 'The stream goes on',
  'stream.viewers': 'The number of viewers changed',
}

export interface TopicRequest {
  readonly role: Role | null
  readonly current: ReadonlySet<string>
  readonly topics: readonly string[]
  readonly streamExists: (id: string) => boolean
}

export function decideTopics({ role, current, topics, streamExists }: TopicRequest): {
  readonly topics: readonly string[]
  readonly refused: readonly string[]
} {
  const accepted = new Set<string>()
  const refused: string[] = []
  for (const topic of topics) {
    const isRoom = current.has(topic) || current.size + accepted.size < MAX_TOPICS
    if (isRoom && isTopicAllowed(topic, role, streamExists)) accepted.add(topic)
    else refused.push(topic)
  }
  return { topics: [...accepted], refused }
}

function isTopicAllowed(topic: string, role: Role | null, streamExists: (id: string) => boolean): boolean {
  if (topic === 'streams' || topic === 'system' || topic === 'recordings' || topic === 'assets') return role !== null
  if (/^(?:recording|asset)\.[A-Za-z0-9-]{1,64}$/.test(topic)) return role !== null
  const id = /^stream\.(.+)$/.exec(topic)?.[1]
  return id !== undefined && isStreamId(id) && streamExists(id)
}

export function topicsOfEvent({ type, streamId, details }: MirrorEvent): readonly string[] {
  if (type.startsWith('recording.')) return ['recordings', `recording.${details['recordingId']}`]
  if (type.startsWith('asset.')) return ['assets', `asset.${details['assetId']}`]
  if (type.startsWith('policy.')) return ['recordings', 'system']
  return streamId === null ? ['system'] : [`stream.${streamId}`, 'streams']
}

export function eventMessage(event: MirrorEvent): WsServerMessage {
  return { type: event.type, data: renderEvent(event) }
}

/** Null: not for the public. */
export function publicEventMessage(event: MirrorEvent): WsServerMessage | null {
  const message = PUBLIC_EVENTS[event.type]
  if (message === undefined) return null
  const details: EventView['details'] = {}
  const viewers = event.details['viewers']
  if (event.type === 'stream.viewers' && typeof viewers === 'number') details['viewers'] = viewers
  return { type: event.type, data: { ...renderEvent(event), code: null, message, details } }
}

export function statusMessage(live: LiveStatus): WsServerMessage {
  return { type: 'stream.status', data: { id: live.id, status: live.status, live: renderLive(live) } }
}

export function publicStatusMessage(live: LiveStatus): WsServerMessage {
  return { type: 'stream.status', data: { id: live.id, status: live.status, live: renderPublicLive(live) } }
}
