import type { ReactNode } from 'react'

/** The row of titles. Small screens show rows without them. */
export function TableHead({ children }: { readonly children: ReactNode }) {
  return (
    <thead className="border-line border-b bg-sunken/60 text-soft text-xs max-md:hidden">
      <tr className="h-9">{children}</tr>
    </thead>
  )
}

/** The title of a column; the first and the last keep their distance from the edge of the card. */
export function ColumnHead({
  children,
  isNumber = false,
  className = '',
}: {
  readonly children: ReactNode
  readonly isNumber?: boolean
  readonly className?: string
}) {
  return (
    <th scope="col" className={`px-3 font-medium first:pl-4 last:pr-4 ${isNumber ? 'text-right' : ''} ${className}`}>
      {children}
    </th>
  )
}
