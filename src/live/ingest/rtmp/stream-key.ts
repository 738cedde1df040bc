// The forms in which encoders carry a stream id and a publish key.

/** The application of every address: rtmp://host:1935/live */
export const APP_NAME = 'live'

export interface ConnectTarget {
  readonly app: string
  /** From `?key=` behind the application or the server address, null when there is none. */
  readonly key: string | null
}

export interface PublishTarget {
  readonly streamId: string | null
  readonly key: string
}

/** OBS and librtmp copy a query behind the server address into both `app` and `tcUrl`; others into one of them. */
export function parseConnectTarget(app: string, tcUrl: string): ConnectTarget {
  const [path, query] = splitQuery(app)
  const [, urlQuery] = splitQuery(tcUrl)
  return { app: path.replace(/^\/+|\/+$/g, ''), key: keyParameter(query) ?? keyParameter(urlQuery) }
}

/** `<id>?key=<key>`, `<id>?<key>`, `?key=<key>`, a bare `<key>`, or `<id>` when the key came with `connect`. */
export function parsePublishTarget(name: string, connectKey: string | null): PublishTarget {
  const [path, query] = splitQuery(name)
  const id = path.replace(/^\/+|\/+$/g, '')
  if (query === '') {
    if (connectKey === null) return { streamId: null, key: id }
    return { streamId: id === '' || id === connectKey ? null : id, key: connectKey }
  }
  // Without a parameter name, what stands before the first & is the key itself, even if it has a = in it.
  const key = keyParameter(query) ?? connectKey ?? unescapeText(query.split('&')[0] ?? '')
  return { streamId: id === '' ? null : id, key }
}

function splitQuery(text: string): readonly [string, string] {
  const mark = text.indexOf('?')
  return mark < 0 ? [text, ''] : [text.slice(0, mark), text.slice(mark + 1)]
}

function keyParameter(query: string): string | null {
  for (const parameter of query.split('&')) {
    if (parameter.startsWith('key=')) return unescapeText(parameter.slice('key='.length))
  }
  return null
}

/** Not URLSearchParams: a key may contain a plus sign, which that turns into a space. */
function unescapeText(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
