import { expect, test } from 'vitest'
import { deriveKey, openSealed, sealSecret } from '../core/secrets.ts'
import { DEFAULT_STREAM_SETTINGS, type StreamInputConfig } from '../live/settings.ts'
import { type AddressSeal, sealStoredInputs, withSealedInputs } from './sealed-inputs.ts'
import type { Catalog, StreamRow } from './types.ts'

const URL_WITH_SECRET = 'rtsp://admin:pa55word@cam.example/1'
const listener: StreamInputConfig = { id: 'udp-1', kind: 'udp', port: 5004, address: null }

function sealUnder(secret: number): AddressSeal {
  const key = deriveKey(new Uint8Array(32).fill(secret), 'publish-key-seal')
  return { seal: (text) => sealSecret(text, key), open: (sealed) => openSealed(sealed, key) }
}

function row(url: string): StreamRow {
  const inputs: StreamInputConfig[] = [{ id: 'pull-1', kind: 'pull', url, isEnabled: true }, listener]
  const settings = { ...DEFAULT_STREAM_SETTINGS, inputs }
  return { id: 'cam', tenantId: 'default', name: '', settings, createdAtMs: 0, updatedAtMs: 0 }
}

/** Only what these tests touch of a catalog. */
function catalogOf(first: StreamRow) {
  let stored = first
  const catalog = {
    streams: {
      get: async () => stored,
      list: async () => [stored],
      update: async (_: string, change: Partial<StreamRow>) => {
        stored = { ...stored, ...change }
        return stored
      },
    },
  } as unknown as Catalog
  return { catalog, text: () => JSON.stringify(stored) }
}

test('an address is stored sealed and read as it was', async () => {
  const { catalog, text } = catalogOf(row('http://before.example/'))
  const sealed = withSealedInputs(catalog, sealUnder(1))
  const { settings } = row(URL_WITH_SECRET)
  expect((await sealed.streams.update('cam', { settings, updatedAtMs: 1 }))?.settings).toEqual(settings)
  expect(text()).not.toContain('pa55word')
  expect(text()).not.toContain('cam.example')
  expect((await sealed.streams.get('cam'))?.settings).toEqual(settings)
  expect((await sealed.streams.list())[0]?.settings).toEqual(settings)
})

test('what was stored in clear is sealed once', async () => {
  const { catalog, text } = catalogOf(row(URL_WITH_SECRET))
  const seal = sealUnder(1)
  expect(await sealStoredInputs(catalog, seal)).toBe(1)
  expect(text()).not.toContain('pa55word')
  expect(await sealStoredInputs(catalog, seal)).toBe(0)
  expect((await withSealedInputs(catalog, seal).streams.get('cam'))?.settings.inputs[0]).toMatchObject({
    url: URL_WITH_SECRET,
  })
})

test('an address sealed under another secret survives a change of its stream', async () => {
  const { catalog } = catalogOf(row('http://before.example/'))
  const [mine, other] = [sealUnder(1), sealUnder(2)]
  await withSealedInputs(catalog, mine).streams.update('cam', {
    settings: row(URL_WITH_SECRET).settings,
    updatedAtMs: 1,
  })
  const read = await withSealedInputs(catalog, other).streams.get('cam')
  expect(JSON.stringify(read)).not.toContain('pa55word')
  await withSealedInputs(catalog, other).streams.update('cam', { settings: read!.settings, updatedAtMs: 2 })
  expect((await withSealedInputs(catalog, mine).streams.get('cam'))?.settings.inputs[0]).toMatchObject({
    url: URL_WITH_SECRET,
  })
})
