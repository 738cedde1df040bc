// What the address bar may say, and what is made of nonsense in it.
import type { StreamView } from '../../../src/api/stream-contract.ts'

export const STATUS_FILTERS = ['live', 'interrupted', 'offline'] as const
export type StatusFilter = (typeof STATUS_FILTERS)[number]

export interface StreamsSearch {
  readonly q?: string
  readonly state?: StatusFilter
  readonly sort?: SortKey
  readonly desc?: boolean
  /** The create dialog is open. */
  readonly create?: boolean
}

export const SORT_KEYS = ['id', 'status', 'viewers', 'bitrate', 'latency'] as const
export type SortKey = (typeof SORT_KEYS)[number]

export const STREAM_TABS = ['monitor', 'recording', 'connect', 'settings'] as const
export type StreamTab = (typeof STREAM_TABS)[number]
export const CONNECT_TABS = ['obs', 'srt', 'rtmp', 'cmaf'] as const
export type ConnectTab = (typeof CONNECT_TABS)[number]
export const RANGES = ['1m', '5m', '15m'] as const
export type Range = (typeof RANGES)[number]

export interface StreamSearch {
  readonly tab?: StreamTab
  readonly with?: ConnectTab
  readonly range?: Range
}

export const SEVERITIES = ['info', 'warning', 'error'] as const
export type Severity = (typeof SEVERITIES)[number]

export interface EventSearch {
  readonly severity?: Severity
  readonly stream?: string
  readonly q?: string
}

export function parseStreamsSearch(search: Record<string, unknown>): StreamsSearch {
  return {
    ...text('q', search['q']),
    ...oneOf('state', STATUS_FILTERS, search['state']),
    ...oneOf('sort', SORT_KEYS, search['sort']),
    ...(search['desc'] === true ? { desc: true } : {}),
    ...(search['create'] === true ? { create: true } : {}),
  }
}

export function parseStreamSearch(search: Record<string, unknown>): StreamSearch {
  return {
    ...oneOf('tab', STREAM_TABS, search['tab']),
    ...oneOf('with', CONNECT_TABS, search['with']),
    ...oneOf('range', RANGES, search['range']),
  }
}

export function parseEventSearch(search: Record<string, unknown>): EventSearch {
  return {
    ...oneOf('severity', SEVERITIES, search['severity']),
    ...text('stream', search['stream']),
    ...text('q', search['q']),
  }
}

/** "Offline" also finds streams that have ended, and "Live" those that are starting: an operator means the same. */
export function matchesStatus(status: StreamView['status'], filter: StatusFilter | undefined): boolean {
  switch (filter) {
    case undefined:
      return true
    case 'live':
      return status === 'live' || status === 'starting'
    case 'interrupted':
      return status === 'interrupted'
    case 'offline':
      return status === 'offline' || status === 'ended'
    default:
      filter satisfies never
      return true
  }
}

export function text<Name extends string>(name: Name, value: unknown): { [Key in Name]?: string } {
  const given = typeof value === 'number' ? String(value) : value
  return (typeof given === 'string' && given !== '' ? { [name]: given.slice(0, 100) } : {}) as {
    [Key in Name]?: string
  }
}

export function oneOf<Name extends string, Value extends string>(
  name: Name,
  allowed: readonly Value[],
  value: unknown,
): { [Key in Name]?: Value } {
  const found = allowed.find((each) => each === value)
  return (found === undefined ? {} : { [name]: found }) as { [Key in Name]?: Value }
}
