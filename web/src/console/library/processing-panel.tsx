import { Check, CircleAlert, RotateCw } from 'lucide-react'
import type { AssetView } from '../../../../src/api/asset-contract.ts'
import { Button } from '../ui/button.tsx'
import { Progress } from '../ui/progress.tsx'
import { Section } from '../ui/section.tsx'
import { stepWords } from './asset-words.ts'

/** How far it is, or where it failed and why. When all is well there is nothing to say. */
export function ProcessingPanel({
  asset,
  onRetry,
}: {
  readonly asset: AssetView
  readonly onRetry: (() => void) | null
}) {
  const { status, step, percent, failure } = asset
  if (status === 'ready') return null
  if (status === 'failed') {
    return (
      <section className="card border-bad/40! p-4" aria-label="Processing">
        <div className="flex gap-2.5">
          <CircleAlert size={16} className="mt-0.5 shrink-0 text-bad" aria-hidden />
          <div className="min-w-0">
            <h2 className="text-sm">
              Processing failed{failure === null ? '' : ` when Mirror ${stepWords(failure.step)}`}
            </h2>
            {failure !== null && (
              <>
                <p className="mt-1 wrap-anywhere">{sentence(failure.message)}</p>
                <code className="mt-1 block font-mono text-soft text-xs">{failure.code}</code>
              </>
            )}
            <p className="mt-1 flex items-center gap-1.5 text-soft text-xs">
              <Check size={12} aria-hidden /> The original is kept as it came.
            </p>
            {onRetry !== null && (
              <Button className="mt-3" isSmall icon={<RotateCw size={13} />} onClick={onRetry}>
                Try again from there
              </Button>
            )}
          </div>
        </div>
      </section>
    )
  }
  return (
    <Section title={status === 'pending' ? 'Waiting to be processed' : 'Processing'}>
      <Progress label="Processing" share={percent / 100} isStill={status === 'pending'} />
      <p className="tnum mt-2 text-soft" aria-live="polite">
        {step === null
          ? 'It begins when a worker is free.'
          : `Step ${step.index} of ${step.count}: Mirror ${stepWords(step.name)}.`}
      </p>
      {failure !== null && (
        <p className="mt-2 text-warn text-xs">
          {failure.code === 'scratch_full'
            ? sentence(failure.message)
            : `The last try failed: ${sentence(failure.message)} It is tried again by itself.`}
        </p>
      )}
    </Section>
  )
}

function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?…]$/.test(first) ? first : `${first}.`
}
