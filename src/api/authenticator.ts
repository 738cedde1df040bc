// Finds out who asks: an API key, the preset admin token, or a session cookie.
import type { ApiKeyRow, Catalog, SessionRow, UserRow } from '../catalog/types.ts'
import { hashToken, isSameSecret } from '../core/secrets.ts'
import type { Principal } from './access.ts'
import { createExpiringCache } from './expiring-cache.ts'

export const SESSION_COOKIE = 'mirror_session'
export const SESSION_MS = 30 * 86_400_000

/** A session in use is prolonged once it is this old, so that not every request writes. */
const RENEW_AFTER_MS = 86_400_000
/** How long a removed key or user may still be believed by another process on the same database. */
const CACHE_MS = 5_000
const CACHE_ENTRIES = 1_000
/** "Last used" is exact to this. */
const TOUCH_EVERY_MS = 60_000

export interface Authenticator {
  /** Null when the key is unknown. */
  byBearer(token: string): Promise<Principal | null>
  /** Null when the session is unknown or has expired. `renewed`: the cookie should be sent anew. */
  bySession(token: string): Promise<{ readonly principal: Principal; readonly renewed: boolean } | null>
  /** Whether what proved `principal` still does. */
  isValid(principal: Principal): Promise<boolean>
  /** Opens a session for `user`; the caller puts `token` into the cookie. */
  openSession(user: UserRow, token: string): Promise<Principal>
  closeSession(hash: string): Promise<void>
  /** After users, keys or sessions were changed here. */
  forget(): void
}

export function createAuthenticator(options: {
  readonly catalog: Catalog
  readonly adminToken: string | null
  readonly clock: () => number
}): Authenticator {
  const { catalog, adminToken, clock } = options
  const keys = createExpiringCache<ApiKeyRow | null>({ maxEntries: CACHE_ENTRIES, ttlMs: CACHE_MS, clock })
  const sessions = createExpiringCache<Session>({ maxEntries: CACHE_ENTRIES, ttlMs: CACHE_MS, clock })
  const renewals = new Map<string, Promise<SessionRow>>()

  async function findKey(hash: string): Promise<ApiKeyRow | null> {
    const cached = keys.get(hash)
    if (cached !== undefined) return cached
    const row = await catalog.apiKeys.findByHash(hash)
    keys.set(hash, row)
    if (row !== null && clock() - (row.lastUsedAtMs ?? 0) >= TOUCH_EVERY_MS)
      await catalog.apiKeys.touch(row.id, clock())
    return row
  }

  async function findSession(hash: string): Promise<Session | null> {
    const cached = sessions.get(hash)
    if (cached !== undefined && cached.row.expiresAtMs > clock()) return cached
    const row = await catalog.sessions.find(hash, clock())
    const user = row === null ? null : await catalog.users.get(row.userId)
    if (row === null || user === null) return null
    const session = { row, user }
    sessions.set(hash, session)
    return session
  }

  /** Requests that arrive together share one renewal; meanwhile they are answered from the cache. */
  async function renew(session: Session): Promise<void> {
    const { hash } = session.row
    const row = { ...session.row, expiresAtMs: clock() + SESSION_MS }
    sessions.set(hash, { ...session, row })
    const underWay = renewals.get(hash)
    if (underWay !== undefined) {
      await underWay
      return
    }
    const renewal = (async () => {
      await catalog.sessions.remove(hash)
      await catalog.sessions.create(row)
      return row
    })()
    renewals.set(hash, renewal)
    try {
      await renewal
    } finally {
      renewals.delete(hash)
    }
  }

  return {
    async byBearer(token) {
      if (adminToken !== null && isSameSecret(token, adminToken)) return ADMIN_TOKEN
      const hash = hashToken(token)
      const row = await findKey(hash)
      return row === null ? null : keyPrincipal(row, hash)
    },

    async bySession(token) {
      const session = await findSession(hashToken(token))
      if (session === null) return null
      const isOld = session.row.expiresAtMs - clock() < SESSION_MS - RENEW_AFTER_MS
      if (isOld) await renew(session)
      return { principal: userPrincipal(session.user, session.row.hash), renewed: isOld }
    },

    async isValid({ credential }) {
      if (credential.kind === 'admin_token') return true
      if (credential.kind === 'api_key') return (await findKey(credential.hash)) !== null
      return (await findSession(credential.hash)) !== null
    },

    async openSession(user, token) {
      const row = { hash: hashToken(token), userId: user.id, createdAtMs: clock(), expiresAtMs: clock() + SESSION_MS }
      await catalog.sessions.removeExpired(clock())
      await catalog.sessions.create(row)
      return userPrincipal(user, row.hash)
    },

    async closeSession(hash) {
      await catalog.sessions.remove(hash)
      sessions.delete(hash)
    },

    forget() {
      keys.clear()
      sessions.clear()
    },
  }
}

interface Session {
  readonly row: SessionRow
  readonly user: UserRow
}

const ADMIN_TOKEN: Principal = {
  kind: 'key',
  id: 'admin-token',
  name: 'MIRROR_ADMIN_TOKEN',
  role: 'admin',
  passwordMissing: false,
  credential: { kind: 'admin_token' },
}

function keyPrincipal(row: ApiKeyRow, hash: string): Principal {
  const credential = { kind: 'api_key', hash } as const
  return { kind: 'key', id: row.id, name: row.name, role: row.role, passwordMissing: false, credential }
}

function userPrincipal(user: UserRow, hash: string): Principal {
  return {
    kind: 'user',
    id: user.id,
    name: user.name,
    role: user.role,
    passwordMissing: user.passwordHash === null,
    credential: { kind: 'session', hash },
  }
}
