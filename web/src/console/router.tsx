// Every address of the console. Filters, tabs and ranges are search parameters, so that any view can be shared.
import type { QueryClient } from '@tanstack/react-query'
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router'
import { meQuery } from './api/queries.ts'
import { parseLibrarySearch } from './library/library-search.ts'
import { parseRecordingSearch } from './recordings/recording-search.ts'
import { parseEventSearch, parseStreamSearch, parseStreamsSearch } from './search-params.ts'
import { AppShell } from './shell/app-shell.tsx'
import { NotFound, RouteError } from './shell/route-states.tsx'

interface RouterContext {
  readonly queryClient: QueryClient
}

const rootRoute = createRootRouteWithContext<RouterContext>()({})

const loginRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/login',
  validateSearch: (search: Record<string, unknown>): { to?: string } => localPath(search['to']),
  component: lazyRouteComponent(() => import('./auth/login-page.tsx'), 'LoginPage'),
})

const loginLinkRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/login-link',
  validateSearch: (search: Record<string, unknown>): { token?: string } =>
    typeof search['token'] === 'string' ? { token: search['token'] } : {},
  component: lazyRouteComponent(() => import('./auth/login-link-page.tsx'), 'LoginLinkPage'),
})

const shellRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: 'shell',
  component: AppShell,
  beforeLoad: async ({ context, location }) => {
    const me = await context.queryClient.ensureQueryData(meQuery)
    if (me === null) throw redirect({ to: '/login', search: location.href === '/' ? {} : { to: location.href } })
    return { me }
  },
})

const overviewRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/',
  component: lazyRouteComponent(() => import('./overview/overview-page.tsx'), 'OverviewPage'),
})

const streamsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/streams',
  validateSearch: parseStreamsSearch,
  component: lazyRouteComponent(() => import('./streams/streams-page.tsx'), 'StreamsPage'),
})

const streamRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/streams/$id',
  validateSearch: parseStreamSearch,
  component: lazyRouteComponent(() => import('./streams/stream-page.tsx'), 'StreamPage'),
})

const libraryRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/library',
  validateSearch: parseLibrarySearch,
  component: lazyRouteComponent(() => import('./library/library-page.tsx'), 'LibraryPage'),
})

const assetRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/library/$id',
  component: lazyRouteComponent(() => import('./library/asset-page.tsx'), 'AssetPage'),
})

const recordingsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/recordings',
  validateSearch: parseRecordingSearch,
  component: lazyRouteComponent(() => import('./recordings/recordings-page.tsx'), 'RecordingsPage'),
})

const eventsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/events',
  validateSearch: parseEventSearch,
  component: lazyRouteComponent(() => import('./events/events-page.tsx'), 'EventsPage'),
})

const settingsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/settings',
  component: lazyRouteComponent(() => import('./settings/settings-page.tsx'), 'SettingsPage'),
})

const routeTree = rootRoute.addChildren([
  loginRoute,
  loginLinkRoute,
  shellRoute.addChildren([
    overviewRoute,
    streamsRoute,
    streamRoute,
    libraryRoute,
    assetRoute,
    recordingsRoute,
    eventsRoute,
    settingsRoute,
  ]),
])

export function createConsoleRouter(queryClient: QueryClient) {
  return createRouter({
    routeTree,
    context: { queryClient },
    defaultPreload: 'intent',
    defaultPendingMs: 200,
    defaultErrorComponent: RouteError,
    defaultNotFoundComponent: NotFound,
    scrollRestoration: true,
  })
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createConsoleRouter>
  }
}

/** Only a path of this console: a link must not be able to send a fresh login elsewhere. */
function localPath(value: unknown): { to?: string } {
  return typeof value === 'string' && /^\/(?![/\\])/.test(value) ? { to: value } : {}
}
