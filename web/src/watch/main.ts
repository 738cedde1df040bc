import { element } from './elements.ts'
import './watch.css'
import { openWatchPage } from './watch-page.ts'
import { readAddress } from './watch-words.ts'

const root = document.getElementById('watch')
if (root === null) throw new Error('watch.html has no #watch element')
const address = readAddress(location.href)
if (address === null) {
  root.append(
    element(
      'div',
      { class: 'standby' },
      element('p', { class: 'title' }, 'There is nothing to watch at this address'),
      element('p', {}, 'A player page ends with /watch/ and the id of a stream.'),
    ),
  )
} else {
  openWatchPage(root, address)
}
