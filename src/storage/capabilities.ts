// What a store can do, as measured, and what that means for its owner. Pure.

interface Capability {
  /** What works, as a fact. */
  readonly title: string
  /** What follows when it does not, and what to do. */
  readonly without: string
  /** Mirror can keep nothing in a store that lacks it. */
  readonly isRequired: boolean
}

export const CAPABILITIES = {
  reach: need('the bucket answers', 'Nothing can be kept here: see the reason.'),
  write: need(
    'an object comes back as it was written',
    'Nothing can be kept here: allow s3:PutObject and s3:GetObject.',
  ),
  range: need('a part of an object can be read', 'Recordings cannot be played from here: use another store.'),
  list: need('objects are listed at once, in byte order', 'Mirror would not find what it keeps: allow s3:ListBucket.'),
  awkwardKeys: need(
    'keys keep blanks, signs and letters of any script',
    'Some objects would be lost: use another store.',
  ),
  delete: need('an object can be deleted', 'Space is never freed: allow s3:DeleteObject.'),
  multipart: need('large objects go up in parts', 'Objects larger than a part cannot be kept: use another store.'),
  conditionalCreate: option(
    'of several who create an object at once one wins',
    'Origins cannot agree through this store: set timeline.arbiter to database.',
  ),
  conditionalReplace: option(
    'an object is replaced only if it is the one that was read',
    'Two writers could overwrite each other’s index: let only one Mirror write here.',
  ),
  conditionalComplete: option(
    'the same holds at the end of an upload in parts',
    'Large objects get names that nobody else uses; nothing to do.',
  ),
  unequalParts: option('parts may differ in size', 'Mirror sends equal parts anyway; nothing to do.'),
  batchDelete: option(
    'many objects are deleted by one request',
    'Deleting takes a request per object: slower, dearer.',
  ),
  copy: option('the store copies an object by itself', 'Moving an object means reading and writing it.'),
  rejectsDamage: option(
    'a body that was damaged on the way is refused',
    'Mirror compares checksums itself after an upload, by reading.',
  ),
  keepsChecksum: option(
    'the store keeps a SHA-256 with the object',
    'Checking an object means reading it, which may cost money.',
  ),
  sdkChecksums: option(
    'the checksums that AWS’s own SDK adds are taken',
    'Mirror leaves them out; other programs need requestChecksumCalculation=WHEN_REQUIRED.',
  ),
  storageClasses: option('there are cheaper storage classes', 'Objects cannot be moved to cheaper storage inside it.'),
  versioning: option('the bucket keeps old versions', 'A deleted or overwritten object is gone for good.'),
  objectLock: option('objects can be locked against deletion', 'Legal holds are kept by Mirror alone.'),
  lifecycle: option('the bucket takes lifecycle rules', 'Mirror moves and expires objects itself.'),
  cors: option('the bucket takes CORS rules', 'Browsers cannot upload to or play from the bucket directly.'),
  hostStyle: option('the bucket can stand in the host name', 'Addresses have the bucket in their path; nothing to do.'),
  clock: option('its clock is right', 'Requests will be refused when it drifts further: run NTP on both.'),
} as const satisfies Record<string, Capability>

export type CapabilityId = keyof typeof CAPABILITIES
export const CAPABILITY_IDS = Object.keys(CAPABILITIES) as [CapabilityId, ...CapabilityId[]]

export const OUTCOMES = ['yes', 'no', 'unknown', 'none'] as const

export interface CapabilityAnswer {
  /** `unknown`: not tried, or the store did not answer; `none`: there is no such thing on stores of this kind. */
  readonly outcome: (typeof OUTCOMES)[number]
  /** What was measured, or why not; may be empty. */
  readonly note: string
}

export interface CapabilityMatrix {
  readonly version: 1
  /** Which bucket, without secrets. */
  readonly place: string
  readonly probedAtMs: number
  readonly tookMs: number
  readonly answers: Readonly<Record<CapabilityId, CapabilityAnswer>>
}

export interface CapabilityVerdict {
  /** Mirror can keep objects here. */
  readonly isUsable: boolean
  /** Mirrors on different machines can agree through it. */
  readonly isArbiter: boolean
  /** One sentence per thing that is missing or not known, the required ones first. */
  readonly advice: readonly string[]
}

export function judgeStore({ answers }: CapabilityMatrix): CapabilityVerdict {
  const lacking = CAPABILITY_IDS.filter((id) => answers[id].outcome === 'no' || answers[id].outcome === 'unknown')
  const isUsable = lacking.every((id) => !CAPABILITIES[id].isRequired)
  const byWeight = [true, false].flatMap((isRequired) =>
    lacking.filter((id) => CAPABILITIES[id].isRequired === isRequired),
  )
  return {
    isUsable,
    isArbiter: isUsable && answers.conditionalCreate.outcome === 'yes',
    advice: byWeight.map((id) => adviceFor(id, answers[id])),
  }
}

/** What one probe found that the one before had not, and the reverse: stores change under their users. */
export function driftOf(before: CapabilityMatrix, now: CapabilityMatrix): readonly string[] {
  return CAPABILITY_IDS.filter((id) => {
    const [was, is] = [before.answers[id].outcome, now.answers[id].outcome]
    return (was === 'yes' && is === 'no') || (was === 'no' && is === 'yes')
  }).map((id) => `${CAPABILITIES[id].title}: ${before.answers[id].outcome}, now ${now.answers[id].outcome}`)
}

export function renderMatrix(matrix: CapabilityMatrix): string {
  const { isUsable, isArbiter, advice } = judgeStore(matrix)
  const rows = CAPABILITY_IDS.filter((id) => matrix.answers[id].outcome !== 'none').map((id) => {
    const { outcome, note } = matrix.answers[id]
    return `  ${outcome.padEnd(8)}${CAPABILITIES[id].title}${note === '' ? '' : ` (${note})`}`
  })
  return [
    `${matrix.place}, probed ${new Date(matrix.probedAtMs).toISOString()} in ${(matrix.tookMs / 1000).toFixed(1)} s`,
    ...rows,
    '',
    isUsable ? 'Mirror can keep objects here.' : 'Mirror cannot use this store.',
    ...(isUsable ? [isArbiter ? 'Origins can agree through it.' : 'Origins cannot agree through it.'] : []),
    ...advice.map((line) => `- ${line}`),
    '',
  ].join('\n')
}

function adviceFor(id: CapabilityId, { outcome, note }: CapabilityAnswer): string {
  const { title, without } = CAPABILITIES[id]
  const why = note === '' ? '' : ` (${note})`
  return outcome === 'no' ? `Not so: ${title}${why}. ${without}` : `Not known: ${title}${why}.`
}

function need(title: string, without: string): Capability {
  return { title, without, isRequired: true }
}

function option(title: string, without: string): Capability {
  return { title, without, isRequired: false }
}
