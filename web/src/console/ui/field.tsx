import { Eye, EyeOff } from 'lucide-react'
import { type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, useId, useState } from 'react'

export const INPUT_CLASS =
  'h-8 w-full rounded-md border border-edge/60 bg-surface px-2.5 text-sm text-ink max-md:h-10 max-md:text-[1rem] aria-invalid:border-bad'

export interface FieldProps {
  readonly label: string
  readonly hint?: ReactNode
  readonly error?: string | null
  readonly children: (ids: {
    readonly id: string
    readonly describedBy: string
    readonly invalid: boolean
  }) => ReactNode
}

export function Field({ label, hint, error, children }: FieldProps) {
  const id = useId()
  const describedBy = `${id}-note`
  const hasError = error !== undefined && error !== null
  return (
    <div className="min-w-0">
      <label htmlFor={id} className="mb-1 block text-xs font-medium text-ink">
        {label}
      </label>
      {children({ id, describedBy, invalid: hasError })}
      <p id={describedBy} className={`mt-1 text-xs ${hasError ? 'text-bad' : 'text-soft'}`} aria-live="polite">
        {hasError ? error : hint}
      </p>
    </div>
  )
}

type TextInputProps = Omit<InputHTMLAttributes<HTMLInputElement>, 'id'> & Omit<FieldProps, 'children'>

export function TextField({ label, hint, error, className, ...rest }: TextInputProps) {
  return (
    <Field label={label} hint={hint} error={error ?? null}>
      {({ id, describedBy, invalid }) => (
        <input
          id={id}
          aria-describedby={describedBy}
          aria-invalid={invalid}
          autoComplete="off"
          spellCheck={false}
          {...rest}
          className={`${INPUT_CLASS} ${className ?? ''}`}
        />
      )}
    </Field>
  )
}

export function PasswordField({ label, hint, error, ...rest }: TextInputProps) {
  const [isShown, setShown] = useState(false)
  return (
    <Field label={label} hint={hint} error={error ?? null}>
      {({ id, describedBy, invalid }) => (
        <div className="relative">
          <input
            id={id}
            aria-describedby={describedBy}
            aria-invalid={invalid}
            {...rest}
            type={isShown ? 'text' : 'password'}
            className={`${INPUT_CLASS} pr-10`}
          />
          <button
            type="button"
            aria-label={isShown ? 'Hide password' : 'Show password'}
            aria-pressed={isShown}
            onClick={() => setShown(!isShown)}
            className="absolute inset-y-0 right-0 flex w-9 items-center justify-center rounded-md text-soft hover:text-ink"
          >
            {isShown ? <EyeOff size={15} /> : <Eye size={15} />}
          </button>
        </div>
      )}
    </Field>
  )
}

type SelectProps = Omit<SelectHTMLAttributes<HTMLSelectElement>, 'id'> & Omit<FieldProps, 'children'>

export function SelectField({ label, hint, error, children, ...rest }: SelectProps) {
  return (
    <Field label={label} hint={hint} error={error ?? null}>
      {({ id, describedBy, invalid }) => (
        <select id={id} aria-describedby={describedBy} aria-invalid={invalid} {...rest} className={INPUT_CLASS}>
          {children}
        </select>
      )}
    </Field>
  )
}
