// Addresses that streams pull may hold credentials: they lie in the catalog sealed, as publish keys do, and are opened
// for whoever reads a stream through here.
import type { PullInputConfig, StreamInputConfig, StreamSettings } from '../live/settings.ts'
import type { Catalog, StreamRow } from './types.ts'

export interface AddressSeal {
  readonly seal: (text: string) => string
  /** Null when it was sealed under another installation secret, or altered. */
  readonly open: (sealed: string) => string | null
}

/**
 * The same catalog with sealed addresses. One that cannot be opened is passed on, and written back, as it is stored:
 * nothing can pull it, and it is readable again when the installation secret is put back.
 */
export function withSealedInputs(catalog: Catalog, seal: AddressSeal): Catalog {
  const { streams } = catalog
  const opened = (row: StreamRow): StreamRow => ({
    ...row,
    settings: mapUrls(row.settings, (url) => openUrl(url, seal)),
  })
  const sealed = (settings: StreamSettings) => mapUrls(settings, (url) => sealUrl(url, seal))
  return {
    ...catalog,
    [Symbol.asyncDispose]: () => catalog[Symbol.asyncDispose](),
    streams: {
      create: (row, key) => streams.create({ ...row, settings: sealed(row.settings) }, key),
      async get(id) {
        const row = await streams.get(id)
        return row === null ? null : opened(row)
      },
      list: async () => (await streams.list()).map(opened),
      async update(id, change) {
        const settings = change.settings === undefined ? {} : { settings: sealed(change.settings) }
        const row = await streams.update(id, { ...change, ...settings })
        return row === null ? null : opened(row)
      },
      remove: (id) => streams.remove(id),
    },
  }
}

/** Seals what earlier versions stored in clear. Returns how many streams that were. */
export async function sealStoredInputs(catalog: Catalog, seal: AddressSeal): Promise<number> {
  let count = 0
  for (const { id, settings, updatedAtMs } of await catalog.streams.list()) {
    if (!settings.inputs.some((input) => input.kind === 'pull' && isInClear(input.url))) continue
    await catalog.streams.update(id, { settings: mapUrls(settings, (url) => sealUrl(url, seal)), updatedAtMs })
    count++
  }
  return count
}

/** Sealed text is base64url and holds no colon. */
export function isInClear(url: string): boolean {
  return url.includes(':')
}

function sealUrl(url: string, { seal }: AddressSeal): string {
  return isInClear(url) ? seal(url) : url
}

function openUrl(url: string, { open }: AddressSeal): string {
  return isInClear(url) ? url : (open(url) ?? url)
}

function mapUrls(settings: StreamSettings, change: (url: string) => string): StreamSettings {
  const mapped = (input: StreamInputConfig): StreamInputConfig =>
    input.kind === 'pull' ? ({ ...input, url: change(input.url) } satisfies PullInputConfig) : input
  return { ...settings, inputs: settings.inputs.map(mapped) }
}
