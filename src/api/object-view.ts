// Explanations as the API shows them.
import type { Explanation } from '../lifecycle/explanation.ts'
import type { ObjectInfo } from '../storage/object-store.ts'
import type { ExplanationView } from './object-contract.ts'

export function renderExplanation(of: Explanation): ExplanationView {
  const { key, what, track, segments, where, object, span, dueAtMs, due, blocks, ledger } = of
  return {
    ...{ key, what, where, due },
    stream: track?.streamId ?? null,
    track: track?.trackId ?? null,
    from: isoOf(of.fromMs),
    to: isoOf(of.toMs),
    segments: segments.length,
    object: object === null ? null : renderObject(object),
    span: span === null ? null : { ...span },
    dueAt: isoOf(dueAtMs),
    blocks: [...blocks],
    ledger: ledger.map(({ atMs, action, state, key: of, from, to, bytes, jobId, attempt, note }) => {
      return { at: new Date(atMs).toISOString(), action, state, key: of, from, to, bytes, job: jobId, attempt, note }
    }),
  }
}

function renderObject({ tier, storageClass, sizeBytes, modifiedAtMs, restore }: ObjectInfo): ExplanationView['object'] {
  return {
    tier: tier ?? 'hot',
    storageClass: storageClass ?? null,
    bytes: sizeBytes,
    modifiedAt: new Date(modifiedAtMs).toISOString(),
    restore:
      restore === undefined
        ? null
        : {
            state: restore.kind,
            readyAt: restore.kind === 'restoring' ? isoOf(restore.readyAtMs) : null,
            until: restore.kind === 'restored' ? isoOf(restore.untilMs) : null,
          },
  }
}

function isoOf(atMs: number | null): string | null {
  return atMs === null ? null : new Date(atMs).toISOString()
}
