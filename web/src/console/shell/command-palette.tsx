import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { Command } from 'cmdk'
import { Activity, CirclePlay, House, Images, LogOut, PhoneCall, Plus, RadioTower, Settings } from 'lucide-react'
import { type ReactNode, useEffect } from 'react'
import { streamsQuery } from '../api/queries.ts'
import { startDemo } from '../streams/stream-actions.ts'
import { ModalFrame } from '../ui/dialog.tsx'
import { StatusBadge } from '../ui/status.tsx'
import { useLogout, useMayOperate } from './session.ts'

export function usePaletteShortcut(onOpen: () => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey)) return
      event.preventDefault()
      onOpen()
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [onOpen])
}

export function CommandPalette({ isOpen, onClose }: { readonly isOpen: boolean; readonly onClose: () => void }) {
  return (
    <ModalFrame
      isOpen={isOpen}
      onClose={onClose}
      label="Commands"
      className="mx-auto mt-[12vh] w-full max-w-[calc(100vw-2rem)] overflow-hidden sm:max-w-xl"
    >
      <Palette onClose={onClose} />
    </ModalFrame>
  )
}

function Palette({ onClose }: { readonly onClose: () => void }) {
  const navigate = useNavigate()
  const client = useQueryClient()
  const logout = useLogout()
  const mayOperate = useMayOperate()
  const { data: streams } = useQuery(streamsQuery)
  const run = (action: () => unknown) => () => {
    onClose()
    void action()
  }
  return (
    <Command label="Commands" loop>
      <Command.Input
        autoFocus
        placeholder="Jump to a stream or a page, or do something…"
        className="h-12 w-full border-line border-b bg-transparent px-4 text-sm outline-none max-md:text-[1rem]"
      />
      <Command.List className="max-h-[min(24rem,60vh)] overflow-y-auto p-2">
        <Command.Empty className="px-3 py-8 text-center text-soft">Nothing found.</Command.Empty>
        {streams !== undefined && streams.length > 0 && (
          <Group heading="Streams">
            {streams.map((stream) => (
              <Item
                key={stream.id}
                value={stream.id}
                keywords={[stream.name]}
                icon={<RadioTower size={15} />}
                onSelect={run(() => navigate({ to: '/streams/$id', params: { id: stream.id } }))}
              >
                <span className="max-w-1/2 shrink-0 truncate">{stream.id}</span>
                {stream.name !== '' && <span className="truncate text-soft">{stream.name}</span>}
                <span className="ml-auto">
                  <StatusBadge status={stream.status} />
                </span>
              </Item>
            ))}
          </Group>
        )}
        {mayOperate && (
          <Group heading="Actions">
            <Item
              value="create new stream"
              icon={<Plus size={15} />}
              onSelect={run(() => navigate({ to: '/streams', search: { create: true } }))}
            >
              Create a stream
            </Item>
            <Item
              value="start test stream demo"
              icon={<CirclePlay size={15} />}
              onSelect={run(() => startDemo(client, navigate))}
            >
              Start the test stream
            </Item>
          </Group>
        )}
        <Group heading="Go to">
          <Item value="overview home" icon={<House size={15} />} onSelect={run(() => navigate({ to: '/' }))}>
            Overview
          </Item>
          <Item value="streams list" icon={<RadioTower size={15} />} onSelect={run(() => navigate({ to: '/streams' }))}>
            Streams
          </Item>
          <Item
            value="library assets pictures videos files upload"
            icon={<Images size={15} />}
            onSelect={run(() => navigate({ to: '/library' }))}
          >
            Library
          </Item>
          <Item
            value="recordings calls telephone"
            icon={<PhoneCall size={15} />}
            onSelect={run(() => navigate({ to: '/recordings' }))}
          >
            Recordings
          </Item>
          <Item value="events feed" icon={<Activity size={15} />} onSelect={run(() => navigate({ to: '/events' }))}>
            Events
          </Item>
          <Item
            value="settings api keys password system"
            icon={<Settings size={15} />}
            onSelect={run(() => navigate({ to: '/settings' }))}
          >
            Settings
          </Item>
          <Item value="log out" icon={<LogOut size={15} />} onSelect={run(logout)}>
            Log out
          </Item>
        </Group>
      </Command.List>
    </Command>
  )
}

function Group({ heading, children }: { readonly heading: string; readonly children: ReactNode }) {
  return (
    <Command.Group
      heading={heading}
      className="mb-1 [&_[cmdk-group-heading]]:px-2 [&_[cmdk-group-heading]]:py-1.5 [&_[cmdk-group-heading]]:font-medium [&_[cmdk-group-heading]]:text-soft [&_[cmdk-group-heading]]:text-xs"
    >
      {children}
    </Command.Group>
  )
}

function Item({
  value,
  keywords = [],
  icon,
  onSelect,
  children,
}: {
  readonly value: string
  readonly keywords?: readonly string[]
  readonly icon: ReactNode
  readonly onSelect: () => void
  readonly children: ReactNode
}) {
  return (
    <Command.Item
      value={value}
      keywords={[...keywords]}
      onSelect={onSelect}
      className="flex h-9 cursor-pointer items-center gap-2.5 rounded-md px-2 data-[selected=true]:bg-hover max-md:h-11"
    >
      <span className="text-soft">{icon}</span>
      {children}
    </Command.Item>
  )
}
