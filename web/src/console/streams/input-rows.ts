// What the list of a stream's inputs says, from what the API tells. Pure.
import type { StreamView } from '../../../../src/api/stream-contract.ts'

type Connected = StreamView['live']['inputs'][number]
type Configured = StreamView['inputs'][number]

export interface InputRow {
  readonly id: string
  /** Where its media comes from, without secrets. */
  readonly source: string
  readonly connected: Connected | null
  readonly configured: Configured | null
  /** One line in words; an error of the input, if it has one. */
  readonly state: string
  readonly isFailing: boolean
  readonly mayActivate: boolean
}

const HEALTH: Readonly<Record<Connected['health'], string>> = {
  healthy: 'healthy',
  silent: 'silent',
  starting: 'waiting for media',
}

/** Encoders first, for they come before configured inputs; those in their order. */
export function inputRows({ live, inputs }: Pick<StreamView, 'live' | 'inputs'>): readonly InputRow[] {
  const encoders = live.inputs.filter(({ configured }) => !configured)
  return [
    ...encoders.map((connected) => row(connected.id, `${connected.protocol.toUpperCase()} encoder`, connected, null)),
    ...inputs.map((configured) => {
      const connected = live.inputs.find(({ id }) => id === configured.id) ?? null
      return row(configured.id, sourceOf(configured), connected, configured)
    }),
  ]
}

/** `order` with the input moved by one place; null when there is none to move to. */
export function moved(order: readonly string[], id: string, by: -1 | 1): readonly string[] | null {
  const from = order.indexOf(id)
  const to = from + by
  if (from < 0 || to < 0 || to >= order.length) return null
  const next = order.filter((each) => each !== id)
  return [...next.slice(0, to), id, ...next.slice(to)]
}

function row(id: string, source: string, connected: Connected | null, configured: Configured | null): InputRow {
  return {
    id,
    source,
    connected,
    configured,
    state: connected === null ? stateOf(configured) : connectedState(connected),
    isFailing: connected === null ? configured?.error != null : connected.health === 'silent',
    mayActivate: connected?.role === 'standby' && connected.health === 'healthy',
  }
}

function connectedState({ role, health, sameFeed, pinned }: Connected): string {
  const words = [role === 'active' ? 'on air' : 'standing by', HEALTH[health]]
  if (pinned) words.push('chosen by hand')
  if (sameFeed === true) words.push('same feed')
  return words.join(' · ')
}

function stateOf(configured: Configured | null): string {
  if (configured === null) return 'gone'
  if (!configured.enabled) return 'switched off'
  return configured.error ?? 'nothing arrives'
}

function sourceOf({ kind, port, address, url }: Configured): string {
  if (kind === 'pull') return url ?? ''
  return `${kind.toUpperCase()} ${address === null ? '' : `${address} `}port ${port}`
}
