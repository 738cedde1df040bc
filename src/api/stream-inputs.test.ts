import { expect, test } from 'vitest'
import type { StreamRow } from '../catalog/types.ts'
import { DEFAULT_STREAM_SETTINGS, MAX_INPUTS_PER_STREAM, type StreamInputConfig } from '../live/settings.ts'
import { planInput, renderConfiguredInput, switchInput } from './stream-inputs.ts'

const pulled: StreamInputConfig = { id: 'pull-1', kind: 'pull', url: 'srt://a.example:9000', isEnabled: true }
const port5004: StreamInputConfig = { id: 'udp-1', kind: 'udp', port: 5004, address: null }

function stream(id: string, inputs: readonly StreamInputConfig[] = []): StreamRow {
  const settings = { ...DEFAULT_STREAM_SETTINGS, inputs }
  return { id, tenantId: 'default', name: '', settings, createdAtMs: 0, updatedAtMs: 0 }
}

test('an input gets the first free id of its kind', () => {
  const row = stream('a', [{ ...pulled, id: 'pull-2' }, port5004])
  expect(planInput({ kind: 'pull', url: 'srt://b.example:1' }, row, [row], 'operator').id).toBe('pull-1')
  expect(planInput({ kind: 'udp', port: 5006 }, row, [row], 'operator')).toEqual({
    id: 'udp-2',
    kind: 'udp',
    port: 5006,
    address: null,
  })
})

test('a port that an input of any stream has is refused with the name of that stream', () => {
  const [a, b] = [stream('a', [port5004]), stream('b')]
  for (const row of [a, b]) {
    expect(() => planInput({ kind: 'rtp', port: 5004 }, row, [a, b], 'admin')).toThrow(
      expect.objectContaining({ code: 'input_port_taken', details: { streamId: 'a', inputId: 'udp-1' } }),
    )
  }
})

test('a stream has at most eight inputs', () => {
  const inputs = Array.from({ length: MAX_INPUTS_PER_STREAM }, (_, n) => ({ ...pulled, id: `pull-${n + 1}` }))
  const row = stream('a', inputs)
  expect(() => planInput({ kind: 'pull', url: pulled.url }, row, [row], 'admin')).toThrow(/8 inputs/)
})

test('a file is for admins', () => {
  const row = stream('a')
  const body = { kind: 'pull', url: 'file:///srv/a.mp4' } as const
  expect(() => planInput(body, row, [row], 'operator')).toThrow(expect.objectContaining({ code: 'forbidden' }))
  expect(planInput(body, row, [row], 'admin')).toMatchObject({ url: body.url, isEnabled: true })
})

test('a name is no address to listen on', () => {
  const row = stream('a')
  expect(() => planInput({ kind: 'udp', port: 5004, address: 'localhost' }, row, [row], 'admin')).toThrow(/address/)
})

test('only a pulled input has a switch', () => {
  const row = stream('a', [port5004, pulled])
  expect(switchInput(row, 'pull-1', false)).toEqual([port5004, { ...pulled, isEnabled: false }])
  expect(() => switchInput(row, 'udp-1', false)).toThrow(expect.objectContaining({ code: 'invalid_request' }))
  expect(() => switchInput(row, 'pull-9', false)).toThrow(expect.objectContaining({ code: 'input_not_found' }))
})

test('an input is shown with its state and without secrets', () => {
  const secret = { ...pulled, url: 'srt://a.example:9000?passphrase=correct-horse' }
  const statuses = [{ inputId: 'pull-1', state: 'failing', error: 'refused' }] as const
  expect(renderConfiguredInput(secret, statuses)).toEqual({
    id: 'pull-1',
    kind: 'pull',
    port: null,
    address: null,
    url: 'srt://a.example:9000?passphrase=***',
    enabled: true,
    state: 'failing',
    error: 'refused',
  })
})
