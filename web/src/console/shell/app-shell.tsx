import { Link, Outlet, useLocation, useNavigate } from '@tanstack/react-router'
import {
  Activity,
  CircleUser,
  Ellipsis,
  House,
  Images,
  LogOut,
  type LucideIcon,
  PhoneCall,
  RadioTower,
  Search,
  Settings,
} from 'lucide-react'
import { useState } from 'react'
import { LiveProvider, useTopic } from '../api/live-context.tsx'
import { IconButton } from '../ui/button.tsx'
import { Menu } from '../ui/menu.tsx'
import { DropZone } from '../uploads/drop-zone.tsx'
import { UploadTray } from '../uploads/upload-tray.tsx'
import { UploadsProvider } from '../uploads/uploads-context.tsx'
import { CommandPalette, usePaletteShortcut } from './command-palette.tsx'
import { ConnectionBanner } from './connection-banner.tsx'
import { LogoMark } from './logo.tsx'
import { PasswordReminder } from './password-reminder.tsx'
import { useLogout, useMe } from './session.ts'

interface NavItem {
  readonly to: '/' | '/streams' | '/library' | '/recordings' | '/events' | '/settings'
  readonly label: string
  readonly icon: LucideIcon
}

const NAV: readonly NavItem[] = [
  { to: '/', label: 'Overview', icon: House },
  { to: '/streams', label: 'Streams', icon: RadioTower },
  { to: '/library', label: 'Library', icon: Images },
  { to: '/recordings', label: 'Recordings', icon: PhoneCall },
  { to: '/events', label: 'Events', icon: Activity },
  { to: '/settings', label: 'Settings', icon: Settings },
]
/** What fits below a phone's page; the others are in a menu there. */
const ON_PHONE = 4

export function AppShell() {
  return (
    <LiveProvider>
      <UploadsProvider>
        <Frame />
      </UploadsProvider>
    </LiveProvider>
  )
}

function Frame() {
  useTopic('streams')
  useTopic('system')
  useTopic('assets')
  useTopic('recordings')
  const [isPaletteOpen, setPaletteOpen] = useState(false)
  usePaletteShortcut(() => setPaletteOpen(true))
  return (
    <div className="min-h-dvh md:grid md:grid-cols-[13.5rem_minmax(0,1fr)]">
      <a
        href="#content"
        className="sr-only z-50 rounded-md bg-surface px-3 py-2 shadow-pop focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        Skip to content
      </a>
      <Sidebar onSearch={() => setPaletteOpen(true)} />
      <MobileHeader onSearch={() => setPaletteOpen(true)} />
      <main id="content" tabIndex={-1} className="min-w-0 pb-24 outline-none md:pb-12">
        <ConnectionBanner />
        <div className="mx-auto max-w-[88rem] px-4 pt-4 md:px-8 md:pt-6">
          <PasswordReminder />
          <Outlet />
        </div>
      </main>
      <MobileNav />
      <UploadTray />
      <DropZone />
      <CommandPalette isOpen={isPaletteOpen} onClose={() => setPaletteOpen(false)} />
    </div>
  )
}

function Sidebar({ onSearch }: { readonly onSearch: () => void }) {
  return (
    <aside className="sticky top-0 flex h-dvh flex-col border-line border-r bg-surface px-3 py-4 max-md:hidden">
      <Link to="/" className="mb-4 flex items-center gap-2 rounded-md px-2 font-semibold">
        <LogoMark />
        Mirror
      </Link>
      <button
        type="button"
        onClick={onSearch}
        className="mb-4 flex h-8 items-center gap-2 rounded-md border border-line bg-canvas px-2 text-soft hover:text-ink"
      >
        <Search size={14} />
        <span className="flex-1 text-left">Search</span>
        <kbd className="rounded border border-line px-1 font-sans text-xs">Ctrl K</kbd>
      </button>
      <nav aria-label="Sections" className="flex flex-col gap-0.5">
        {NAV.map((item) => (
          <Link
            key={item.to}
            to={item.to}
            activeOptions={{ exact: item.to === '/', includeSearch: false }}
            className="flex h-8 items-center gap-2.5 rounded-md px-2 font-medium text-soft hover:bg-hover hover:text-ink data-[status=active]:bg-hover data-[status=active]:text-ink"
          >
            <item.icon size={16} aria-hidden />
            {item.label}
          </Link>
        ))}
      </nav>
      <div className="mt-auto">
        <Account side="top" />
      </div>
    </aside>
  )
}

function MobileHeader({ onSearch }: { readonly onSearch: () => void }) {
  return (
    <header className="sticky top-0 z-20 flex h-12 items-center justify-between border-line border-b bg-surface px-4 md:hidden">
      <Link to="/" className="flex items-center gap-2 font-semibold">
        <LogoMark />
        Mirror
      </Link>
      <div className="flex items-center">
        <IconButton label="Search" onClick={onSearch}>
          <Search size={18} />
        </IconButton>
        <Account side="bottom" />
      </div>
    </header>
  )
}

const PHONE_ITEM =
  'flex h-14 flex-col items-center justify-center gap-1 text-soft text-xs -outline-offset-2 data-[status=active]:font-medium data-[status=active]:text-accent'

function MobileNav() {
  const navigate = useNavigate()
  const path = useLocation({ select: ({ pathname }) => pathname })
  const further = NAV.slice(ON_PHONE)
  return (
    <nav
      aria-label="Sections"
      className="fixed inset-x-0 bottom-0 z-20 grid grid-cols-5 border-line border-t bg-surface pb-[env(safe-area-inset-bottom)] md:hidden"
    >
      {NAV.slice(0, ON_PHONE).map((item) => (
        <Link
          key={item.to}
          to={item.to}
          activeOptions={{ exact: item.to === '/', includeSearch: false }}
          className={PHONE_ITEM}
        >
          <item.icon size={18} aria-hidden />
          {item.label}
        </Link>
      ))}
      <Menu
        side="top"
        trigger={
          <button
            type="button"
            data-status={further.some(({ to }) => path.startsWith(to)) ? 'active' : 'inactive'}
            className={PHONE_ITEM}
          >
            <Ellipsis size={18} aria-hidden />
            More
          </button>
        }
        items={further.map(({ to, label, icon: Icon }) => ({
          label,
          icon: <Icon size={15} />,
          onSelect: () => void navigate({ to }),
        }))}
      />
    </nav>
  )
}

function Account({ side }: { readonly side: 'top' | 'bottom' }) {
  const me = useMe()
  const logout = useLogout()
  const items = [{ label: 'Log out', icon: <LogOut size={14} />, onSelect: () => void logout() }]
  const trigger =
    side === 'top' ? (
      <button
        type="button"
        className="flex h-9 w-full min-w-0 items-center gap-2.5 rounded-md px-2 text-soft hover:bg-hover hover:text-ink"
      >
        <CircleUser size={16} className="shrink-0" aria-hidden />
        <span className="truncate font-medium">{me.name}</span>
        {me.role !== me.name && <span className="ml-auto text-xs">{me.role}</span>}
      </button>
    ) : (
      <IconButton label="Account">
        <CircleUser size={18} />
      </IconButton>
    )
  return (
    <Menu
      side={side}
      trigger={trigger}
      items={items}
      header={
        <>
          <p className="font-medium">{me.name}</p>
          <p className="text-soft text-xs">{ROLE_WORDS[me.role]}</p>
        </>
      }
    />
  )
}

const ROLE_WORDS = {
  admin: 'Administrator: may do everything',
  operator: 'Operator: may run streams',
  viewer: 'Viewer: may look, not change',
} as const
