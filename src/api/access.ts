// Who may do what. Every route names its access; the server refuses to start with a route that does not.
import { ROLES, type Role } from '../catalog/types.ts'
import type { MeView } from './access-contract.ts'

/** `open`: anybody; else the weakest role that may. */
export type Access = 'open' | Role

/** Who asks. `credential` says how they proved it, so that a connection can be ended when that proof is withdrawn. */
export interface Principal {
  readonly kind: 'user' | 'key'
  readonly id: string
  readonly name: string
  readonly role: Role
  readonly passwordMissing: boolean
  readonly credential: Credential
}

export type Credential =
  | { readonly kind: 'session'; readonly hash: string }
  | { readonly kind: 'api_key'; readonly hash: string }
  | { readonly kind: 'admin_token' }

export function isAllowed(role: Role | null, access: Access): boolean {
  if (access === 'open') return true
  return role !== null && ROLES.indexOf(role) >= ROLES.indexOf(access)
}

export function renderMe(principal: Principal): MeView {
  const { kind, id, name, role, passwordMissing } = principal
  return { kind, id, name, role, passwordMissing }
}
