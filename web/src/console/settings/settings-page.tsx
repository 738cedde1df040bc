import { PasswordForm } from '../auth/password-form.tsx'
import { useMe } from '../shell/session.ts'
import { PageHeader, Section } from '../ui/section.tsx'
import { toastDone } from '../ui/toast.tsx'
import { ApiKeysPanel } from './api-keys-panel.tsx'
import { SystemPanel } from './system-panel.tsx'

export function SettingsPage() {
  const me = useMe()
  return (
    <>
      <PageHeader title="Settings" />
      <div className="grid items-start gap-4 xl:grid-cols-2">
        <div className="grid gap-4">
          {me.role === 'admin' && <ApiKeysPanel />}
          {me.kind === 'user' && (
            <div id="password" className="scroll-mt-20">
              <Section title="Account" description="How you log in to this console.">
                <div className="max-w-sm">
                  <PasswordForm
                    key={me.id}
                    me={me}
                    verb="Save"
                    onDone={() => toastDone('Name and password are saved.')}
                  />
                </div>
              </Section>
            </div>
          )}
        </div>
        <SystemPanel />
      </div>
    </>
  )
}
