// The designed states: nothing yet, loading, failed, stale. Every list and page uses these and no others.
import { CircleAlert, RotateCw, TriangleAlert } from 'lucide-react'
import type { ReactNode } from 'react'
import { toDisplayProblem } from '../api/client.ts'
import { Button } from './button.tsx'

export function EmptyState({
  icon,
  title,
  children,
  actions,
}: {
  readonly icon?: ReactNode
  readonly title: string
  readonly children?: ReactNode
  readonly actions?: ReactNode
}) {
  return (
    <div className="flex flex-col items-center px-6 py-12 text-center">
      {icon !== undefined && (
        <div className="mb-3 flex size-10 items-center justify-center rounded-full bg-sunken text-soft">{icon}</div>
      )}
      <h2 className="text-sm">{title}</h2>
      {children !== undefined && <div className="mt-1 max-w-md text-soft">{children}</div>}
      {actions !== undefined && <div className="mt-4 flex flex-wrap justify-center gap-2">{actions}</div>}
    </div>
  )
}

/** Cause, what to do, retry. */
export function ErrorState({ error, onRetry }: { readonly error: unknown; readonly onRetry?: () => void }) {
  const problem = toDisplayProblem(error)
  return (
    <div role="alert" className="flex flex-col items-center px-6 py-12 text-center">
      <div className="mb-3 flex size-10 items-center justify-center rounded-full bg-bad-wash text-bad">
        <CircleAlert size={20} />
      </div>
      <h2 className="text-sm">{problem.title}</h2>
      {problem.detail !== problem.title && <p className="mt-1 max-w-md text-soft">{problem.detail}</p>}
      <p className="mt-1 max-w-md text-soft">{problem.advice}</p>
      {onRetry !== undefined && (
        <Button className="mt-4" onClick={onRetry} icon={<RotateCw size={14} />}>
          Try again
        </Button>
      )}
    </div>
  )
}

/** An error inside a form or dialog. */
export function InlineProblem({ error }: { readonly error: unknown }) {
  if (error === null || error === undefined) return null
  const problem = toDisplayProblem(error)
  return (
    <div role="alert" className="flex gap-2 rounded-md bg-bad-wash px-3 py-2 text-bad">
      <CircleAlert size={16} className="mt-0.5 shrink-0" />
      <div>
        <p className="font-medium">{problem.detail}</p>
        <p className="text-xs">{problem.advice}</p>
      </div>
    </div>
  )
}

export function Notice({ children, tone = 'warn' }: { readonly children: ReactNode; readonly tone?: 'warn' | 'bad' }) {
  const look = tone === 'warn' ? 'bg-warn-wash text-warn' : 'bg-bad-wash text-bad'
  const Icon = tone === 'warn' ? TriangleAlert : CircleAlert
  return (
    <div className={`flex gap-2 rounded-md px-3 py-2 text-xs ${look}`}>
      <Icon size={14} className="mt-px shrink-0" aria-hidden />
      <div className="min-w-0">{children}</div>
    </div>
  )
}

export function Skeleton({ className }: { readonly className: string }) {
  return <div aria-hidden className={`animate-breathe rounded-md bg-hover ${className}`} />
}
