import { Link } from '@tanstack/react-router'
import { KeyRound } from 'lucide-react'
import { useMe } from './session.ts'

export function PasswordReminder() {
  const me = useMe()
  if (!me.passwordMissing) return null
  return (
    <div className="mb-4 flex gap-2 rounded-md bg-warn-wash px-3 py-2 text-warn text-xs">
      <KeyRound size={14} aria-hidden className="mt-px shrink-0" />
      <p>
        You came in by a one-time link and have no password yet. When this session ends you need a new link.{' '}
        <Link to="/settings" hash="password" className="font-medium underline underline-offset-2">
          Set a password
        </Link>
      </p>
    </div>
  )
}
