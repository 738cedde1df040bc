// How the command line on the server's own machine gets in: the server leaves address and key in the data folder.
import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { ApiSecrets } from '../api/api-secrets.ts'
import type { Catalog } from '../catalog/types.ts'
import { hashToken } from '../core/secrets.ts'

const CLI_KEY_NAME = 'cli'

const credentialsSchema = z.object({ url: z.url(), apiKey: z.string().min(1) })

export type CliCredentials = z.infer<typeof credentialsSchema>

export function credentialsPath(dataDir: string): string {
  return join(dataDir, 'secrets', 'cli.json')
}

/**
 * Call it when the API listens. Reuses the key of the file while the catalog knows it, else replaces the API key named
 * "cli". Only the owner of the data folder can read the file.
 */
export async function writeCliCredentials(options: {
  readonly catalog: Catalog
  readonly secrets: Pick<ApiSecrets, 'newApiKey' | 'newToken'>
  readonly dataDir: string
  /** Where the API is reached from this machine. */
  readonly url: string
  readonly clock: () => number
}): Promise<CliCredentials> {
  const { catalog, dataDir, url } = options
  const earlier = await readCliCredentials(dataDir)
  const known = earlier === null ? null : await catalog.apiKeys.findByHash(hashToken(earlier.apiKey))
  const apiKey = known !== null && earlier !== null ? earlier.apiKey : await replaceKey(options)
  const credentials = { url, apiKey }
  await mkdir(join(dataDir, 'secrets'), { recursive: true, mode: 0o700 })
  await writePrivateFile(credentialsPath(dataDir), `${JSON.stringify(credentials, null, 2)}\n`)
  return credentials
}

/** Null when there is no readable file. */
export async function readCliCredentials(dataDir: string): Promise<CliCredentials | null> {
  try {
    const parsed = credentialsSchema.safeParse(JSON.parse(await readFile(credentialsPath(dataDir), 'utf8')))
    return parsed.success ? parsed.data : null
  } catch {
    return null
  }
}

async function replaceKey({ catalog, secrets, clock }: Parameters<typeof writeCliCredentials>[0]): Promise<string> {
  for (const { id, name } of await catalog.apiKeys.list()) {
    if (name === CLI_KEY_NAME) await catalog.apiKeys.remove(id)
  }
  const apiKey = secrets.newApiKey()
  await catalog.apiKeys.create({
    id: secrets.newToken(),
    name: CLI_KEY_NAME,
    role: 'admin',
    hash: hashToken(apiKey),
    createdAtMs: clock(),
    lastUsedAtMs: null,
  })
  return apiKey
}

/** Never readable by others, not even for a moment, and never half written. */
async function writePrivateFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`
  await rm(temporary, { force: true })
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await chmod(temporary, 0o600)
  await rename(temporary, path)
}
