// A few helpers to build a page without a framework.

type Props = Readonly<Record<string, string | boolean | ((event: Event) => void)>>

export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  props: Props = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(props)) {
    if (typeof value === 'function') made.addEventListener(key, value)
    else if (typeof value === 'boolean') made.toggleAttribute(key, value)
    else made.setAttribute(key, value)
  }
  made.append(...children)
  return made
}

/** Outlines of Lucide (ISC), 24 units wide. */
const ICONS = {
  play: ['M5 4.5v15a1 1 0 0 0 1.54.84l11.5-7.5a1 1 0 0 0 0-1.68l-11.5-7.5A1 1 0 0 0 5 4.5z'],
  pause: ['M7 4h3v16H7z', 'M14 4h3v16h-3z'],
  back: ['M3 12a9 9 0 1 0 9-9 9.75 9.75 0 0 0-6.74 2.74L3 8', 'M3 3v5h5', 'M12 7.5v5l3.2 1.9'],
  sound: ['M11 4.7 6.6 8.5H3.5v7h3.1l4.4 3.8z', 'M16 9a5 5 0 0 1 0 6', 'M19.4 18.4a9 9 0 0 0 0-12.8'],
  silent: ['M11 4.7 6.6 8.5H3.5v7h3.1l4.4 3.8z', 'm22 9-6 6', 'm16 9 6 6'],
  share: ['M12 3v12', 'm8 7 4-4 4 4', 'M5 12v7a1 1 0 0 0 1 1h12a1 1 0 0 0 1-1v-7'],
  popOut: ['M21 10V5a1 1 0 0 0-1-1H4a1 1 0 0 0-1 1v13a1 1 0 0 0 1 1h6', 'M14 14h7v6h-7z'],
  fullScreen: [
    'M8 3H4a1 1 0 0 0-1 1v4',
    'M21 8V4a1 1 0 0 0-1-1h-4',
    'M3 16v4a1 1 0 0 0 1 1h4',
    'M16 21h4a1 1 0 0 0 1-1v-4',
  ],
  tracks: [
    'M5 5h14a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2z',
    'M7 15h4',
    'M15 15h2',
    'M7 11h2',
    'M13 11h4',
  ],
  close: ['M18 6 6 18', 'm6 6 12 12'],
} as const

export type IconName = keyof typeof ICONS

const SVG = 'http://www.w3.org/2000/svg'

export function icon(name: IconName): SVGElement {
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('viewBox', '0 0 24 24')
  svg.setAttribute('aria-hidden', 'true')
  for (const outline of ICONS[name]) {
    const path = document.createElementNS(SVG, 'path')
    path.setAttribute('d', outline)
    svg.append(path)
  }
  return svg
}

export interface IconButton {
  readonly node: HTMLButtonElement
  readonly show: (name: IconName, label: string) => void
}

export function iconButton(name: IconName, label: string, onClick: () => void): IconButton {
  const node = element('button', { type: 'button', class: 'icon-button', click: onClick })
  let shown = ''
  const show = (next: IconName, nextLabel: string): void => {
    if (shown === `${next} ${nextLabel}`) return
    shown = `${next} ${nextLabel}`
    node.replaceChildren(icon(next))
    node.setAttribute('aria-label', nextLabel)
    node.title = nextLabel
  }
  show(name, label)
  return { node, show }
}
