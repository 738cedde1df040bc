import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { MirrorError } from './errors.ts'
import type { RandomBytes } from './secrets.ts'

export interface Passwords {
  /** A record to store: algorithm, parameters, salt and hash. Throws `rate_limited` when too many wait. */
  hash(password: string): Promise<string>
  /**
   * False for a wrong password, a record that cannot be read, and for null (no such user, or no password yet), which
   * takes as long as a wrong one, so that time does not tell which names exist. Throws `rate_limited` when too many wait.
   */
  verify(password: string, record: string | null): Promise<boolean>
}

/** scrypt, RFC 7914. OWASP's choice for 32 MiB: N = 2^15, r = 8, p = 3; about a quarter of a second per password. */
const DEFAULT_COST: Cost = { logN: 15, blockSize: 8, parallel: 3 }
const SALT_BYTES = 16
const HASH_BYTES = 32
/** More at once would take the thread pool and the memory (32 MiB each) from everybody else. */
const MAX_RUNNING = 2
/** Callers that wait for their turn, a few seconds at most; beyond it they are refused, for somebody is guessing. */
const MAX_WAITING = 32
/** A record asking for more memory than this was not made here. */
const MAX_MEMORY_BYTES = 256 * 1024 * 1024
const MAX_PARALLEL = 16

interface Cost {
  /** log2 of scrypt's N. */
  readonly logN: number
  /** scrypt's r. */
  readonly blockSize: number
  /** scrypt's p. */
  readonly parallel: number
}

export function createPasswords({
  random = randomBytes,
  cost = DEFAULT_COST,
}: {
  readonly random?: RandomBytes
  readonly cost?: Cost
} = {}): Passwords {
  const inTurn = createTurns()
  const decoy = { cost, salt: random(SALT_BYTES), hash: random(HASH_BYTES) }

  return {
    async hash(password) {
      const salt = random(SALT_BYTES)
      const hash = await inTurn(() => derive(password, salt, cost))
      return formatRecord({ cost, salt, hash })
    },

    async verify(password, text) {
      const record = text === null ? null : parseRecord(text)
      const { cost: used, salt, hash } = record ?? decoy
      const actual = await inTurn(() => derive(password, salt, used))
      return timingSafeEqual(actual, hash) && record !== null
    },
  }
}

interface PasswordRecord {
  readonly cost: Cost
  readonly salt: Uint8Array
  readonly hash: Uint8Array
}

/** The PHC string format: `$scrypt$ln=15,r=8,p=3$<salt>$<hash>`, base64 without padding. */
function formatRecord({ cost: { logN, blockSize, parallel }, salt, hash }: PasswordRecord): string {
  const [saltText, hashText] = [salt, hash].map((bytes) => Buffer.from(bytes).toString('base64').replaceAll('=', ''))
  return `$scrypt$ln=${logN},r=${blockSize},p=${parallel}$${saltText}$${hashText}`
}

function parseRecord(text: string): PasswordRecord | null {
  const match = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/.exec(text)
  if (match === null) return null
  const [, logN, blockSize, parallel, salt = '', hash = ''] = match
  const cost = { logN: Number(logN), blockSize: Number(blockSize), parallel: Number(parallel) }
  const record = { cost, salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') }
  const isSane =
    cost.logN >= 1 &&
    cost.blockSize >= 1 &&
    cost.parallel >= 1 &&
    cost.parallel <= MAX_PARALLEL &&
    memoryBytes(cost) <= MAX_MEMORY_BYTES &&
    record.hash.byteLength === HASH_BYTES
  return isSane ? record : null
}

function memoryBytes({ logN, blockSize }: Cost): number {
  return 128 * 2 ** logN * blockSize
}

function derive(password: string, salt: Uint8Array, cost: Cost): Promise<Uint8Array> {
  const { logN, blockSize: r, parallel: p } = cost
  // Twice what it needs: Node counts the block buffers in as well.
  const options = { N: 2 ** logN, r, p, maxmem: 2 * memoryBytes(cost) }
  return new Promise((resolve, reject) => {
    // The same password typed on different keyboards: composed and decomposed letters are the same.
    scrypt(password.normalize('NFKC'), salt, HASH_BYTES, options, (error, hash) => {
      if (error === null) resolve(hash)
      else reject(error)
    })
  })
}

/** Runs at most MAX_RUNNING at a time, in order of arrival. No signal: the wait is bounded by the queue's length. */
function createTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let running = 0

  return async (work) => {
    if (running < MAX_RUNNING) {
      running += 1
    } else {
      if (waiting.length >= MAX_WAITING) {
        throw new MirrorError('rate_limited', 'Too many log-ins at once; try again in a few seconds')
      }
      await new Promise<void>((resolve) => waiting.push(resolve)) // Whoever leaves hands its turn over.
    }
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}
