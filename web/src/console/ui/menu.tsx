import { DropdownMenu } from 'radix-ui'
import type { ReactNode } from 'react'

export interface MenuItem {
  readonly label: string
  readonly icon?: ReactNode
  readonly onSelect: () => void
  readonly isDanger?: boolean
}

export function Menu({
  trigger,
  items,
  header,
  side = 'bottom',
}: {
  readonly trigger: ReactNode
  readonly items: readonly MenuItem[]
  readonly header?: ReactNode
  readonly side?: 'bottom' | 'top'
}) {
  // Not modal: the modal form injects a <style> element, which the Content-Security-Policy refuses.
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          side={side}
          align="end"
          sideOffset={6}
          collisionPadding={8}
          className="z-40 min-w-48 animate-appear rounded-lg bg-surface p-1 shadow-pop"
        >
          {header !== undefined && <div className="border-line border-b px-2 pt-1 pb-2 mb-1">{header}</div>}
          {items.map((item) => (
            <DropdownMenu.Item
              key={item.label}
              onSelect={item.onSelect}
              className={`flex h-8 cursor-pointer items-center gap-2 rounded-md px-2 outline-none data-highlighted:bg-hover max-md:h-10 ${
                item.isDanger === true ? 'text-bad' : ''
              }`}
            >
              <span className={item.isDanger === true ? '' : 'text-soft'}>{item.icon}</span>
              {item.label}
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  )
}
