// Who may do what: keys, log-in, users.
import { z } from 'zod'

export const roleSchema = z.enum(['viewer', 'operator', 'admin'])

export const apiKeySchema = z
  .object({
    id: z.string(),
    name: z.string(),
    role: roleSchema,
    createdAt: z.iso.datetime(),
    lastUsedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'ApiKey' })

export const createApiKeySchema = z.strictObject({ name: z.string().min(1).max(100), role: roleSchema })

export const createdApiKeySchema = apiKeySchema
  .extend({ key: z.string().meta({ description: 'Shown once' }) })
  .meta({ id: 'CreatedApiKey' })

export const loginSchema = z.strictObject({ name: z.string().min(1).max(100), password: z.string().min(1).max(1024) })

export const loginLinkSchema = z.strictObject({ token: z.string().min(1).max(200) })

export const setPasswordSchema = z.strictObject({
  name: z.string().min(1).max(100),
  password: z.string().min(10).max(1024),
})

/** Who asks: a user with a session cookie, or an API key. */
export const meSchema = z
  .object({
    kind: z.enum(['user', 'key']),
    id: z.string(),
    name: z.string(),
    role: roleSchema,
    /** True after a first-login link, until a password is set. */
    passwordMissing: z.boolean(),
  })
  .meta({ id: 'Me' })

export const apiKeyListSchema = z.object({ keys: z.array(apiKeySchema) })

export const createLoginLinkSchema = z.strictObject({
  name: z.string().min(1).max(100).optional().meta({ description: 'User; by default the caller or the first admin' }),
})

export const createdLoginLinkSchema = z
  .object({
    /** Path in the console, with the one-time token. */
    path: z.string(),
    url: z.string(),
    user: z.string(),
    expiresAt: z.iso.datetime(),
  })
  .meta({ id: 'LoginLink' })

export type LoginLinkView = z.infer<typeof createdLoginLinkSchema>
export type ApiKeyView = z.infer<typeof apiKeySchema>
export type CreatedApiKeyView = z.infer<typeof createdApiKeySchema>
export type MeView = z.infer<typeof meSchema>
