import type { LivePlayer } from '../player/live-player.ts'
import type { TrackChoice } from '../player/track-choices.ts'
import { element, iconButton } from './elements.ts'

const OFF = ''

export interface TracksMenu {
  /** The button with its menu; hidden while there is nothing to choose. */
  readonly node: HTMLElement
  update(): void
  /** Shows the subtitles that were shown last, or hides them. */
  toggleText(): void
}

/** Audio and subtitles as two groups of radio buttons: what the keyboard and a screen reader do with them needs no code. */
export function tracksMenu(player: LivePlayer): TracksMenu {
  const panel = element('div', { class: 'menu', role: 'group', 'aria-label': 'Audio and subtitles' })
  panel.hidden = true
  const button = iconButton('tracks', 'Audio and subtitles', () => show(panel.hidden === true))
  button.node.setAttribute('aria-expanded', 'false')
  const node = element('div', { class: 'menu-anchor' }, button.node, panel)
  let lastTextId: string | null = null
  let drawn = ''

  function show(isShown: boolean): void {
    panel.hidden = !isShown
    button.node.setAttribute('aria-expanded', String(isShown))
    if (isShown) panel.querySelector<HTMLInputElement>('input:checked')?.focus()
  }

  function close(): void {
    if (panel.hidden) return
    const hadFocus = panel.contains(document.activeElement)
    show(false)
    if (hadFocus) button.node.focus()
  }

  node.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') close()
    // Arrows and letters belong to the menu while it has the focus, not to the player.
    if (panel.contains(event.target as Node)) event.stopPropagation()
  })
  document.addEventListener('pointerdown', (event) => {
    if (!node.contains(event.target as Node)) close()
  })

  return {
    node,
    update() {
      const { audio, audioId, text, textId } = player.tracks
      const hasAudio = audio.length > 1
      node.hidden = !hasAudio && text.length === 0
      if (node.hidden) close()
      if (textId !== null) lastTextId = textId
      const state = JSON.stringify([audio, audioId, text, textId])
      if (state === drawn) return
      drawn = state
      button.node.classList.toggle('is-on', textId !== null)
      const groups = [
        ...(hasAudio ? [group('Audio', audio, audioId, (id) => player.chooseAudio(id))] : []),
        ...(text.length > 0
          ? [
              group('Subtitles', [{ id: OFF, label: 'Off', language: '' }, ...text], textId ?? OFF, (id) =>
                player.chooseText(id === OFF ? null : id),
              ),
            ]
          : []),
      ]
      const focused = panel.contains(document.activeElement) ? (document.activeElement as HTMLInputElement).id : null
      panel.replaceChildren(...groups)
      if (focused !== null) panel.querySelector<HTMLInputElement>(`#${CSS.escape(focused)}`)?.focus()
    },
    toggleText() {
      const { text, textId } = player.tracks
      if (textId !== null) player.chooseText(null)
      else player.chooseText((text.find(({ id }) => id === lastTextId) ?? text[0])?.id ?? null)
    },
  }
}

function group(
  title: string,
  choices: readonly TrackChoice[],
  chosenId: string | null,
  onChoice: (id: string) => void,
): HTMLElement {
  const name = `tracks-${title.toLowerCase()}`
  return element(
    'fieldset',
    {},
    element('legend', {}, title),
    ...choices.map(({ id, label, language }, index) => {
      const isChosen = id === chosenId
      const radio = element('input', {
        ...{ type: 'radio', name, id: `${name}-${index}`, value: id, checked: isChosen },
        change: () => onChoice(id),
      })
      const words = element('span', language === '' ? {} : { lang: language }, label)
      return element('label', isChosen ? { class: 'is-chosen' } : {}, radio, words)
    }),
  )
}
