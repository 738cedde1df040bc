// Configured inputs: what may be added to a stream, and how it is shown. Pure.
import { isIP } from 'node:net'
import { isInClear } from '../catalog/sealed-inputs.ts'
import type { Role, StreamRow } from '../catalog/types.ts'
import { MirrorError } from '../core/errors.ts'
import type { ConfiguredInputStatus } from '../live/control.ts'
import { maskUrl, PULL_SCHEMES, parsePullUrl } from '../live/ingest/pull/pull-url.ts'
import { MAX_INPUTS_PER_STREAM, type StreamInputConfig } from '../live/settings.ts'
import { isAllowed } from './access.ts'
import type { AddInputBody, ConfiguredInputView } from './input-contract.ts'

/** The new input with its id; throws when it may not be added to `stream`. `streams` are all, with `stream` among them. */
export function planInput(
  body: AddInputBody,
  stream: StreamRow,
  streams: readonly StreamRow[],
  role: Role,
): StreamInputConfig {
  const { inputs } = stream.settings
  if (inputs.length >= MAX_INPUTS_PER_STREAM) {
    throw new MirrorError('invalid_request', `Stream ${stream.id} has ${MAX_INPUTS_PER_STREAM} inputs already`)
  }
  const id = freeId(body.kind, inputs)
  if (body.kind === 'pull') {
    checkUrl(body.url, role)
    return { id, kind: 'pull', url: body.url, isEnabled: body.enabled ?? true }
  }
  const address = body.address ?? null
  if (address !== null && isIP(address) === 0) {
    throw new MirrorError('invalid_request', 'address must be an IPv4 or IPv6 address', {
      details: { path: 'address' },
    })
  }
  checkPort(body.port, streams)
  return { id, kind: body.kind, port: body.port, address }
}

/** The input `inputId` of the stream; throws `input_not_found`. */
export function requireInput({ id, settings }: StreamRow, inputId: string): StreamInputConfig {
  const input = settings.inputs.find((candidate) => candidate.id === inputId)
  if (input === undefined) throw new MirrorError('input_not_found', `Stream ${id} has no input with this id`)
  return input
}

/** The stream's inputs with `inputId` switched on or off; throws for inputs that have no switch. */
export function switchInput(stream: StreamRow, inputId: string, isEnabled: boolean): readonly StreamInputConfig[] {
  const input = requireInput(stream, inputId)
  if (input.kind !== 'pull') {
    throw new MirrorError('invalid_request', `Input ${inputId} listens as long as it exists; delete it to stop it`)
  }
  return stream.settings.inputs.map((other) => (other === input ? { ...input, isEnabled } : other))
}

/** The stream's inputs in another order; throws unless `order` names each of them once. */
export function orderedInputs({ id, settings }: StreamRow, order: readonly string[]): readonly StreamInputConfig[] {
  const inputs = order.flatMap((inputId) => settings.inputs.find((input) => input.id === inputId) ?? [])
  const isWhole = inputs.length === settings.inputs.length && order.length === inputs.length
  if (isWhole && new Set(order).size === order.length) return inputs
  const known = settings.inputs.map((input) => input.id).join(', ')
  throw new MirrorError('invalid_request', `order must name each configured input of ${id} once: ${known}`, {
    details: { path: 'order' },
  })
}

export function renderConfiguredInput(
  input: StreamInputConfig,
  statuses: readonly ConfiguredInputStatus[],
): ConfiguredInputView {
  const status = statuses.find(({ inputId }) => inputId === input.id)
  const isPull = input.kind === 'pull'
  return {
    id: input.id,
    kind: input.kind,
    port: isPull ? null : input.port,
    address: isPull ? null : input.address,
    url: isPull ? shownUrl(input.url) : null,
    enabled: isPull ? input.isEnabled : true,
    state: status?.state ?? 'configured',
    error: status?.error ?? null,
  }
}

function shownUrl(url: string): string {
  return isInClear(url) ? maskUrl(url) : '(sealed under another installation secret; add the input again)'
}

function checkUrl(url: string, role: Role): void {
  const parsed = parsePullUrl(url)
  if (parsed === null) {
    const schemes = PULL_SCHEMES.map((scheme) => `${scheme}://`).join(', ')
    throw new MirrorError('invalid_request', `url must be a complete address that begins with one of ${schemes}`, {
      details: { path: 'url' },
    })
  }
  // Whoever may name a file can publish every file that Mirror may read.
  if (parsed.scheme === 'file' && !isAllowed(role, 'admin')) {
    throw new MirrorError('forbidden', 'Only an admin may add a file of the server as an input')
  }
}

function checkPort(port: number, streams: readonly StreamRow[]): void {
  for (const { id, settings } of streams) {
    const taken = settings.inputs.find((input) => input.kind !== 'pull' && input.port === port)
    if (taken !== undefined) {
      throw new MirrorError('input_port_taken', `Port ${port} belongs to input ${taken.id} of stream ${id}`, {
        details: { streamId: id, inputId: taken.id },
      })
    }
  }
}

function freeId(kind: StreamInputConfig['kind'], inputs: readonly StreamInputConfig[]): string {
  let number = 1
  while (inputs.some(({ id }) => id === `${kind}-${number}`)) number++
  return `${kind}-${number}`
}
