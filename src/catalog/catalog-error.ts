// The one place that knows how SQLite and PostgreSQL say that something went wrong.
import { MirrorError } from '../core/errors.ts'

/**
 * A row that a rule of the schema refused. Stays inside the catalog: repositories turn it into a catalogue error
 * with `explainViolation`, because only they know for whom it failed.
 */
export class ConstraintError extends Error {
  override readonly name = 'ConstraintError'
  /** `table.column` of a unique rule (as named in the migrations), or `foreign_key`. */
  readonly rule: string

  constructor(rule: string, cause: unknown) {
    super(`constraint ${rule} violated`, { cause })
    this.rule = rule
  }
}

/** Errors as they leave the drivers. `where` names the database for a person, without its password. */
export function toCatalogError(error: unknown, where: string): Error {
  if (!(error instanceof Error)) return new Error(String(error))
  if (error instanceof MirrorError || error instanceof ConstraintError) return error
  const { code, constraint } = fieldsOf(error)
  switch (code) {
    case 'SQLITE_CONSTRAINT_UNIQUE':
    case 'SQLITE_CONSTRAINT_PRIMARYKEY':
      // "UNIQUE constraint failed: streams.id"
      return new ConstraintError(error.message.split(': ').at(-1) ?? '', error)
    case 'SQLITE_CONSTRAINT_FOREIGNKEY':
    case '23503': // foreign_key_violation
      return new ConstraintError('foreign_key', error)
    case '23505': // unique_violation
      return new ConstraintError(constraint ?? '', error)
    default:
      return isUnavailable(code, error.message) ? unavailable(where, error.message, error) : error
  }
}

export function unavailable(where: string, reason: string, cause?: unknown): MirrorError {
  return new MirrorError('database_unavailable', `${where}: ${reason}`, cause === undefined ? {} : { cause })
}

/** For `.catch()`: replaces a violation of the named rule, lets everything else pass. */
export function explainViolation(rules: Readonly<Record<string, () => MirrorError>>): (error: unknown) => never {
  return (error) => {
    const explain = error instanceof ConstraintError ? rules[error.rule] : undefined
    throw explain === undefined ? error : explain()
  }
}

// SQLite result codes (sqlite.org/rescode.html) that speak of the file or the disk, not of the statement.
const SQLITE_UNAVAILABLE =
  /^SQLITE_(?:BUSY|LOCKED|FULL|IOERR|CANTOPEN|READONLY|CORRUPT|NOTADB|PERM|NOMEM|PROTOCOL|INTERRUPT)/
// SQLSTATE (PostgreSQL, appendix A): connection, authorization, unknown database, resources, statement cancelled or lock
// not obtained, shutdown, system error, deadlock and serialization (the same call can succeed later), read-only standby.
const POSTGRES_UNAVAILABLE = /^(?:08|28|3D|53|57|58|55P03|40P01|40001|25006)/
const NETWORK_UNAVAILABLE =
  /^(?:ECONN|ENOTFOUND|EAI_|ETIMEDOUT|EPIPE|EHOST|ENET|ENOENT|EACCES|ERR_TLS|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_)/
// pg reports these without a code.
const PG_CLIENT_UNAVAILABLE =
  /^(?:Connection terminated|Client has encountered a connection error|Client was closed|timeout exceeded when|Query read timeout|The server does not support SSL|Cannot use a pool after)/

function isUnavailable(code: string, message: string): boolean {
  return (
    SQLITE_UNAVAILABLE.test(code) ||
    (/^[0-9A-Z]{5}$/.test(code) && POSTGRES_UNAVAILABLE.test(code)) ||
    NETWORK_UNAVAILABLE.test(code) ||
    PG_CLIENT_UNAVAILABLE.test(message)
  )
}

function fieldsOf(error: Error): { readonly code: string; readonly constraint: string | null } {
  const fields = error as { readonly code?: unknown; readonly constraint?: unknown }
  return {
    code: typeof fields.code === 'string' ? fields.code : '',
    constraint: typeof fields.constraint === 'string' ? fields.constraint : null,
  }
}
