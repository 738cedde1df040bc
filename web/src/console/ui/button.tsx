import type { ButtonHTMLAttributes, ReactNode } from 'react'
import { Spinner } from './spinner.tsx'

export type ButtonKind = 'primary' | 'plain' | 'quiet' | 'danger'

const BASE =
  'inline-flex shrink-0 items-center justify-center gap-1.5 whitespace-nowrap rounded-md font-medium select-none transition-colors disabled:opacity-50'

const KINDS: Readonly<Record<ButtonKind, string>> = {
  primary: 'bg-accent text-on-accent enabled:hover:brightness-110',
  plain: 'border border-line bg-surface text-ink shadow-card enabled:hover:bg-hover',
  quiet: 'text-soft enabled:hover:bg-hover enabled:hover:text-ink',
  danger: 'bg-bad-fill text-white enabled:hover:brightness-110',
}

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly kind?: ButtonKind
  readonly isBusy?: boolean
  readonly icon?: ReactNode
  /** Compact: for rows and toolbars. */
  readonly isSmall?: boolean
}

export function Button({
  kind = 'plain',
  isBusy = false,
  icon,
  isSmall = false,
  children,
  className,
  ...rest
}: ButtonProps) {
  const size = isSmall ? 'h-7 px-2 text-xs' : 'h-8 px-3 text-sm max-md:h-9'
  return (
    <button
      type="button"
      {...rest}
      disabled={rest.disabled === true || isBusy}
      aria-busy={isBusy}
      className={`${BASE} ${size} ${KINDS[kind]} ${className ?? ''}`}
    >
      {isBusy ? <Spinner /> : icon}
      {children}
    </button>
  )
}

/** The look of a button for links. */
export function buttonClass(kind: ButtonKind = 'plain', isSmall = false): string {
  const hover =
    kind === 'quiet' ? 'hover:bg-hover hover:text-ink' : kind === 'plain' ? 'hover:bg-hover' : 'hover:brightness-110'
  return `${BASE} ${isSmall ? 'h-7 px-2 text-xs' : 'h-8 px-3 text-sm max-md:h-9'} ${KINDS[kind]} ${hover}`
}

export interface IconButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly label: string
}

export function IconButton({ label, children, className, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      {...rest}
      className={`inline-flex size-8 shrink-0 items-center justify-center rounded-md text-soft transition-colors enabled:hover:bg-hover enabled:hover:text-ink disabled:opacity-50 max-md:size-9 ${className ?? ''}`}
    >
      {children}
    </button>
  )
}
