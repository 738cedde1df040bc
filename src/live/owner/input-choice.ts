// Which of a stream's inputs is on air. Pure: the caller measures, asks, and carries it out.
// Rules: docs/decisions/inputs.md.

export type SwitchReason =
  /** Nothing came from the input on air for longer than `switchAfter`. */
  | 'silent'
  /** It said goodbye, was cut off, or was ended by Mirror. */
  | 'closed'
  /** An input that comes before it was healthy for `returnAfter`. */
  | 'returned'
  /** Somebody asked for it. */
  | 'manual'

export interface InputCandidate {
  readonly id: string
  /** The lower, the more wanted. Inputs of equal rank never take each other's place unasked. */
  readonly rank: number
  readonly isConnected: boolean
  /** What is kept of it can be shown from its first picture on. The input on air needs nothing kept. */
  readonly isReady: boolean
  /** When it last brought media, or connected if it has brought none. */
  readonly lastMediaAtMs: number
  /** Since when it brings media without a silence; null: it is silent. */
  readonly healthySinceMs: number | null
  /** It is silent after this long without media. */
  readonly silenceMs: number
}

export interface InputChoice {
  readonly id: string
  readonly reason: Exclude<SwitchReason, 'manual'>
}

export interface InputSituation {
  readonly candidates: readonly InputCandidate[]
  readonly activeId: string | null
  /** Whoever put it on air wants it to stay there while it works. */
  readonly isPinned: boolean
  /** Null: a better input that comes back waits until the one on air fails. */
  readonly returnAfterMs: number | null
  readonly nowMs: number
}

/** Null: everything stays as it is. */
export function chooseInput({
  candidates,
  activeId,
  isPinned,
  returnAfterMs,
  nowMs,
}: InputSituation): InputChoice | null {
  const active = candidates.find(({ id }) => id === activeId)
  const others = candidates.filter((candidate) => candidate !== active && isHealthy(candidate, nowMs))
  const best = others.toSorted(byWorth)[0]
  if (best === undefined) return null
  if (active === undefined || !active.isConnected) return { id: best.id, reason: 'closed' }
  if (isSilent(active, nowMs)) return { id: best.id, reason: 'silent' }
  if (isPinned || returnAfterMs === null) return null
  const better = others
    .filter(({ rank, healthySinceMs }) => rank < active.rank && nowMs - (healthySinceMs ?? nowMs) >= returnAfterMs)
    .toSorted(byWorth)[0]
  return better === undefined ? null : { id: better.id, reason: 'returned' }
}

export function isSilent({ lastMediaAtMs, silenceMs }: InputCandidate, nowMs: number): boolean {
  return nowMs - lastMediaAtMs > silenceMs
}

export function isHealthy(candidate: InputCandidate, nowMs: number): boolean {
  const { isConnected, isReady, healthySinceMs } = candidate
  return isConnected && isReady && healthySinceMs !== null && !isSilent(candidate, nowMs)
}

/** Of equal ones the one that has been well for longest. */
function byWorth(a: InputCandidate, b: InputCandidate): number {
  return a.rank - b.rank || (a.healthySinceMs ?? 0) - (b.healthySinceMs ?? 0)
}
