import { useQuery } from '@tanstack/react-query'
import { X } from 'lucide-react'
import { type KeyboardEvent, useId, useState } from 'react'
import { Field, INPUT_CLASS } from '../ui/field.tsx'
import { labelsQuery } from './asset-queries.ts'

const TAG_LETTERS_MAX = 64

/** Enter or a comma ends a tag, Backspace takes the last one away. */
export function TagInput({
  label,
  tags,
  onChange,
}: {
  readonly label: string
  readonly tags: readonly string[]
  readonly onChange: (tags: readonly string[]) => void
}) {
  const { data } = useQuery(labelsQuery)
  const [typed, setTyped] = useState('')
  const listId = useId()
  const add = (text: string): void => {
    const more = text
      .split(',')
      .map((tag) => tag.trim())
      .filter((tag) => tag !== '')
    if (more.length > 0) onChange([...new Set([...tags, ...more])])
    setTyped('')
  }
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === 'Enter' && typed.trim() !== '') {
      event.preventDefault()
      add(typed)
    } else if (event.key === 'Backspace' && typed === '' && tags.length > 0) onChange(tags.slice(0, -1))
  }
  return (
    <Field label={label} hint="Enter or a comma after each.">
      {({ id, describedBy }) => (
        <div>
          {tags.length > 0 && (
            <ul className="mb-1.5 flex flex-wrap gap-1.5">
              {tags.map((tag) => (
                <li
                  key={tag}
                  className="flex h-7 max-w-full items-center gap-1 rounded-md bg-accent-wash pr-1 pl-2 text-xs"
                >
                  <span className="truncate">{tag}</span>
                  <button
                    type="button"
                    aria-label={`Remove ${tag}`}
                    onClick={() => onChange(tags.filter((each) => each !== tag))}
                    className="rounded p-0.5 text-soft hover:text-ink"
                  >
                    <X size={12} />
                  </button>
                </li>
              ))}
            </ul>
          )}
          <input
            id={id}
            aria-describedby={describedBy}
            list={listId}
            value={typed}
            maxLength={TAG_LETTERS_MAX}
            autoComplete="off"
            onChange={(event) => {
              if (event.target.value.includes(',')) add(event.target.value)
              else setTyped(event.target.value)
            }}
            onKeyDown={onKey}
            onBlur={() => add(typed)}
            className={INPUT_CLASS}
          />
          <datalist id={listId}>
            {(data?.tags ?? [])
              .filter((tag) => !tags.includes(tag))
              .slice(0, 200)
              .map((tag) => (
                <option key={tag} value={tag} />
              ))}
          </datalist>
        </div>
      )}
    </Field>
  )
}
