import type { ReactNode } from 'react'

export type Tone = 'ok' | 'warn' | 'bad' | 'accent' | 'soft'

const TEXT: Readonly<Record<Tone, string>> = {
  ok: 'text-ok',
  warn: 'text-warn',
  bad: 'text-bad',
  accent: 'text-accent',
  soft: 'text-soft',
}

/** Told apart without colour: what is well is a disc, what waits a ring, what is not well a square. */
const DOTS: Readonly<Record<Tone, string>> = {
  ok: 'rounded-full bg-ok',
  warn: 'bg-warn',
  bad: 'bg-bad',
  accent: 'animate-breathe rounded-full border-2 border-accent',
  soft: 'rounded-full border-[1.5px] border-edge',
}

export function Badge({ tone, children }: { readonly tone: Tone; readonly children: ReactNode }) {
  return (
    <span className={`tnum inline-flex items-center gap-1.5 whitespace-nowrap font-medium text-xs ${TEXT[tone]}`}>
      <span className={`size-2 shrink-0 ${DOTS[tone]}`} aria-hidden />
      {children}
    </span>
  )
}
