import { element, icon } from './elements.ts'
import { embedSnippet, type WatchAddress } from './watch-words.ts'

const COPIED_MS = 1800

/** Address, iframe snippet and playlist, each with a copy button. */
export function shareDialog(address: WatchAddress): HTMLDialogElement {
  const dialog = element('dialog', { class: 'share', 'aria-labelledby': 'share-title' })
  const close = element(
    'button',
    { type: 'button', class: 'icon-button', 'aria-label': 'Close', click: () => dialog.close() },
    icon('close'),
  )
  dialog.append(
    element('header', {}, element('h2', { id: 'share-title' }, 'Share'), close),
    copyField('Link', address.watchUrl),
    copyField('Put the player on a web page', embedSnippet(address.watchUrl)),
    copyField('HLS playlist, for players and apps', address.playlistUrl),
  )
  // A click on the backdrop is a click on the dialog itself.
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close()
  })
  return dialog
}

function copyField(label: string, text: string): HTMLElement {
  const area = element('textarea', { readonly: true, rows: '1', spellcheck: 'false' }, text)
  area.addEventListener('focus', () => area.select())
  const button = element('button', { type: 'button', class: 'copy' }, 'Copy')
  let timer: ReturnType<typeof setTimeout> | undefined
  button.addEventListener('click', () => {
    void copy(area).then((isCopied) => {
      button.textContent = isCopied ? 'Copied' : 'Press Ctrl C'
      clearTimeout(timer)
      timer = setTimeout(() => {
        button.textContent = 'Copy'
      }, COPIED_MS)
    })
  })
  return element('label', { class: 'copy-field' }, element('span', {}, label), element('div', {}, area, button))
}

/** The clipboard API exists only on https and localhost. */
async function copy(area: HTMLTextAreaElement): Promise<boolean> {
  area.select()
  if (!window.isSecureContext) return document.execCommand('copy')
  try {
    await navigator.clipboard.writeText(area.value)
    return true
  } catch {
    return false
  }
}
