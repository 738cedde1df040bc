// One-time login links: how the first user gets in, and how a forgotten password is replaced.
import type { Catalog, UserRow } from '../catalog/types.ts'
import { hashToken } from '../core/secrets.ts'
import type { ApiSecrets } from './api-secrets.ts'

const LINK_MS = 24 * 3_600_000
const FIRST_USER_NAME = 'admin'

interface LinkContext {
  readonly catalog: Catalog
  readonly secrets: Pick<ApiSecrets, 'newToken'>
  readonly clock: () => number
}

/**
 * The console path of a one-time login link while nobody has a password yet, else null. Makes the first administrator
 * if there is no user. Every start makes a new link; the older ones stay valid until used or expired.
 */
export async function ensureFirstLogin(context: LinkContext): Promise<string | null> {
  const users = await context.catalog.users.list()
  if (users.some(({ passwordHash }) => passwordHash !== null)) return null
  return (await createLoginLink(context, await firstAdmin(context))).path
}

export async function createLoginLink(
  { catalog, secrets, clock }: LinkContext,
  user: UserRow,
): Promise<{ readonly path: string; readonly expiresAtMs: number }> {
  const token = secrets.newToken()
  const expiresAtMs = clock() + LINK_MS
  await catalog.sessions.createLink({ hash: hashToken(token), userId: user.id, expiresAtMs })
  return { path: `/login-link?token=${encodeURIComponent(token)}`, expiresAtMs }
}

/** The administrator who has been here longest; made when there is none. */
export async function firstAdmin({ catalog, secrets, clock }: LinkContext): Promise<UserRow> {
  const admins = (await catalog.users.list()).filter(({ role }) => role === 'admin')
  const [oldest] = admins.toSorted((a, b) => a.createdAtMs - b.createdAtMs)
  if (oldest !== undefined) return oldest
  const base = { id: secrets.newToken(), role: 'admin', passwordHash: null, createdAtMs: clock() } as const
  const isTaken = (await catalog.users.findByName(FIRST_USER_NAME)) !== null
  const user: UserRow = { ...base, name: isTaken ? `${FIRST_USER_NAME}-${base.id.slice(0, 6)}` : FIRST_USER_NAME }
  await catalog.users.create(user)
  return user
}
