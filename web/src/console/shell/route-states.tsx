import { type ErrorComponentProps, Link, useRouter } from '@tanstack/react-router'
import { Compass } from 'lucide-react'
import { buttonClass } from '../ui/button.tsx'
import { EmptyState, ErrorState } from '../ui/states.tsx'

export function RouteError({ error }: ErrorComponentProps) {
  const router = useRouter()
  return (
    <div className="mx-auto mt-16 max-w-lg">
      <ErrorState error={error} onRetry={() => void router.invalidate()} />
    </div>
  )
}

export function NotFound() {
  return (
    <div className="mx-auto mt-16 max-w-lg">
      <EmptyState
        icon={<Compass size={20} />}
        title="There is nothing at this address"
        actions={
          <Link to="/" className={buttonClass()}>
            Go to the overview
          </Link>
        }
      >
        The link may be old, or mistyped.
      </EmptyState>
    </div>
  )
}
