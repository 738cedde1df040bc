import type { ReactNode } from 'react'
import { LogoMark } from '../shell/logo.tsx'

export function AuthFrame({
  title,
  text,
  children,
}: {
  readonly title: string
  readonly text?: string
  readonly children: ReactNode
}) {
  return (
    <main className="flex min-h-dvh flex-col items-center justify-center px-4 py-10">
      <div className="w-full max-w-sm">
        <div className="mb-6 flex flex-col items-center text-center">
          <LogoMark size={40} />
          <h1 className="mt-4 text-lg">{title}</h1>
          {text !== undefined && <p className="mt-1 text-soft">{text}</p>}
        </div>
        <div className="card p-5">{children}</div>
      </div>
    </main>
  )
}
