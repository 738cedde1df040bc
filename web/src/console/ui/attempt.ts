import { type FormEvent, useState } from 'react'

/** Something that somebody starts and waits for. */
export interface Attempt {
  readonly isBusy: boolean
  /** Why the last one failed; null: it did not. */
  readonly error: unknown
  readonly start: () => void
  /** For `onSubmit` of a form. */
  readonly submit: (event: FormEvent) => void
}

/** Runs `act` once at a time and keeps what it threw. */
export function useAttempt(act: () => Promise<unknown>): Attempt {
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const run = async (): Promise<void> => {
    setBusy(true)
    setError(null)
    try {
      await act()
    } catch (failure) {
      setError(failure)
    }
    setBusy(false)
  }
  const start = (): void => {
    if (!isBusy) void run()
  }
  return {
    isBusy,
    error,
    start,
    submit: (event) => {
      event.preventDefault()
      start()
    },
  }
}
