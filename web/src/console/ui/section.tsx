import type { ReactNode } from 'react'

export function Section({
  title,
  description,
  actions,
  children,
  isFlush = false,
}: {
  readonly title: string
  readonly description?: ReactNode
  readonly actions?: ReactNode
  readonly children: ReactNode
  /** Without padding: for tables and lists that reach the border. */
  readonly isFlush?: boolean
}) {
  return (
    <section className="card min-w-0">
      <header className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 px-4 pt-3.5 pb-3">
        <div className="min-w-0">
          <h2 className="text-sm">{title}</h2>
          {description !== undefined && <p className="mt-0.5 text-soft text-xs">{description}</p>}
        </div>
        {actions !== undefined && <div className="flex flex-wrap gap-2">{actions}</div>}
      </header>
      <div className={isFlush ? '' : 'px-4 pb-4'}>{children}</div>
    </section>
  )
}

export function PageHeader({
  title,
  children,
  actions,
}: {
  readonly title: ReactNode
  readonly children?: ReactNode
  readonly actions?: ReactNode
}) {
  return (
    <header className="mb-5 flex flex-wrap items-center justify-between gap-x-6 gap-y-3">
      <div className="min-w-0">
        <h1 className="text-lg">{title}</h1>
        {children}
      </div>
      {actions !== undefined && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
    </header>
  )
}
