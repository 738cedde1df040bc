import { Tabs as RadixTabs } from 'radix-ui'
import type { ReactNode } from 'react'

export interface Tab {
  readonly id: string
  readonly label: ReactNode
  readonly content: ReactNode
}

/** Underlined tabs for pages, a segmented bar inside cards. */
export function Tabs({
  tabs,
  value,
  onChange,
  look = 'page',
  label,
}: {
  readonly tabs: readonly Tab[]
  readonly value: string
  readonly onChange: (id: string) => void
  readonly look?: 'page' | 'card'
  readonly label: string
}) {
  const list =
    look === 'page'
      ? 'flex gap-5 overflow-x-auto border-line border-b'
      : 'flex w-fit max-w-full gap-0.5 overflow-x-auto rounded-lg bg-sunken p-0.5'
  const trigger =
    look === 'page'
      ? '-mb-px h-9 shrink-0 border-transparent border-b-2 font-medium text-soft -outline-offset-2 hover:text-ink data-[state=active]:border-accent data-[state=active]:text-ink max-md:h-11'
      : 'h-7 shrink-0 rounded-md px-2.5 font-medium text-soft text-xs hover:text-ink data-[state=active]:bg-surface data-[state=active]:text-ink data-[state=active]:shadow-card max-md:h-9'
  return (
    <RadixTabs.Root value={value} onValueChange={onChange}>
      <RadixTabs.List aria-label={label} className={list}>
        {tabs.map((tab) => (
          <RadixTabs.Trigger key={tab.id} value={tab.id} className={trigger}>
            {tab.label}
          </RadixTabs.Trigger>
        ))}
      </RadixTabs.List>
      {tabs.map((tab) => (
        <RadixTabs.Content key={tab.id} value={tab.id} className={look === 'page' ? 'pt-5' : 'pt-4'}>
          {tab.content}
        </RadixTabs.Content>
      ))}
    </RadixTabs.Root>
  )
}
